//! Files of torch put together by hand, with whatever layout a tensor is to claim.

/// A zip of stored members, as torch writes it: one folder, one pickle, and the storages.
pub fn torch_zip(pickle: &[u8], storages: &[(&str, &[u8])]) -> Vec<u8> {
    let mut members = vec![("m/data.pkl".to_owned(), pickle), ("m/version".to_owned(), b"3\n")];
    members.extend(storages.iter().map(|(key, data)| (format!("m/data/{key}"), *data)));
    zip(&members)
}

/// A zip of stored members.
pub fn zip(members: &[(String, &[u8])]) -> Vec<u8> {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for (name, data) in members {
        let mut crc = flate2::Crc::new();
        crc.update(data);
        let at = out.len() as u32;
        let mut common = vec![20, 0, 0, 0, 0, 0, 0, 0, 0x21, 0];
        for field in [crc.sum(), data.len() as u32, data.len() as u32] {
            common.extend(field.to_le_bytes());
        }
        common.extend((name.len() as u16).to_le_bytes());
        common.extend([0, 0]);
        out.extend(b"PK\x03\x04");
        out.extend(&common);
        out.extend(name.as_bytes());
        out.extend(*data);
        directory.extend(b"PK\x01\x02\x14\0");
        directory.extend(&common);
        directory.extend([0; 10]);
        directory.extend(at.to_le_bytes());
        directory.extend(name.as_bytes());
    }
    let (at, count) = (out.len() as u32, (members.len() as u16).to_le_bytes());
    out.extend(&directory);
    out.extend(b"PK\x05\x06\0\0\0\0");
    out.extend([count, count].concat());
    out.extend((directory.len() as u32).to_le_bytes());
    out.extend(at.to_le_bytes());
    out.extend([0, 0]);
    out
}

/// A tensor over a storage, as its pickle claims it.
#[derive(Clone)]
pub struct Laid {
    pub name: String,
    pub class: &'static str,
    pub key: &'static str,
    pub elements: i64,
    pub offset: i64,
    pub size: Vec<i64>,
    pub stride: Vec<i64>,
}

impl Laid {
    /// So many floats, one behind the other.
    pub fn floats(n: i64) -> Self {
        Laid {
            name: "t".to_owned(),
            class: "FloatStorage",
            key: "0",
            elements: n,
            offset: 0,
            size: vec![n],
            stride: vec![1],
        }
    }

    /// The pickle of a dict with this tensor.
    pub fn state_dict(&self) -> Vec<u8> {
        dict(std::slice::from_ref(self))
    }

    /// The opcodes that push the tensor.
    pub fn opcodes(&self) -> Vec<u8> {
        let mut out = b"ctorch._utils\n_rebuild_tensor_v2\n((".to_vec();
        out.extend(text("storage"));
        out.extend(format!("ctorch\n{}\n", self.class).as_bytes());
        out.extend(text(self.key));
        out.extend(text("cpu"));
        out.extend(int(self.elements));
        out.extend(b"tQ");
        out.extend(int(self.offset));
        for numbers in [&self.size, &self.stride] {
            out.push(b'(');
            numbers.iter().for_each(|n| out.extend(int(*n)));
            out.push(b't');
        }
        out.extend(b"\x89ccollections\nOrderedDict\n)RtR");
        out
    }
}

/// The pickle of a dict of tensors.
pub fn dict(tensors: &[Laid]) -> Vec<u8> {
    let mut out = b"\x80\x02}(".to_vec();
    for tensor in tensors {
        out.extend(text(&tensor.name));
        out.extend(tensor.opcodes());
    }
    out.extend(b"u.");
    out
}

/// The opcode that pushes a text.
pub fn text(text: &str) -> Vec<u8> {
    [b"X", &(text.len() as u32).to_le_bytes()[..], text.as_bytes()].concat()
}

/// The opcode that pushes `a`, a lone surrogate and `b`, as Python writes it.
pub fn lone() -> Vec<u8> {
    b"X\x05\0\0\0a\xed\xa0\x80b".to_vec()
}

/// The opcode that pushes an integer.
pub fn int(n: i64) -> Vec<u8> {
    format!("I{n}\n").into_bytes()
}
