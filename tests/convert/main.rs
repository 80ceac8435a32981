//! `fickgate convert`, with the binary: what is written holds the values that were saved, and what is more than tensors,
//! or not whole, is refused with its place.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod craft;
mod hostile;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use craft::{Laid, torch_zip};
use fickgate_engine::tensors::open;
use fickgate_engine::tensors::refusal::Failure;
use fickgate_engine::{Content, Limits};

/// A folder with files to convert.
struct Folder(tempfile::TempDir);

/// What a safetensors file holds: for each tensor its type, shape and bytes; and the texts.
type Read = (BTreeMap<String, (String, Vec<u64>, Vec<u8>)>, BTreeMap<String, String>);

impl Folder {
    fn new() -> Self {
        Folder(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn put(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.path(name), bytes).unwrap();
    }

    fn convert(&self, args: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fickgate"));
        command
            .current_dir(self.0.path())
            .arg("convert")
            .args(args)
            .env_remove("GITHUB_ACTIONS")
            .output()
            .unwrap()
    }

    /// The names in the folder.
    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.0.path()).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    /// Converts a file that has to pass.
    fn converted(&self, model: &str, args: &[&str]) -> Read {
        let output = self.convert(&[&[model, "-o", "out.safetensors", "--force"], args].concat());
        assert_eq!(output.status.code(), Some(0), "{model}: {}", said(&output));
        read(&self.path("out.safetensors"))
    }

    /// Converts a file that has to be refused, and gives what is said.
    fn refused(&self, model: &str) -> String {
        let before = self.names();
        let output = self.convert(&[model]);
        assert_eq!(output.status.code(), Some(1), "{model}: {}", said(&output));
        assert_eq!(self.names(), before, "{model} left something behind");
        said(&output)
    }
}

/// Why the converter alone, without the gate and without names for tensors, refuses some content.
fn reason(bytes: &[u8]) -> Option<String> {
    match open::read(&Content::from_bytes(bytes), &Limits::default()) {
        Err(Failure::Refused(refusal)) => Some(refusal.reason),
        _ => None,
    }
}

fn said(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned()).concat()
}

/// Reads a safetensors file, and holds its header against the rules of the format.
fn read(file: &Path) -> Read {
    let bytes = fs::read(file).unwrap();
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let header: serde_json::Value = serde_json::from_slice(&bytes[8..8 + length]).unwrap();
    let data = &bytes[8 + length..];
    let (mut tensors, mut texts) = (BTreeMap::new(), BTreeMap::new());
    let mut ranges = Vec::new();
    for (name, entry) in header.as_object().unwrap() {
        if name == "__metadata__" {
            texts.extend(
                entry.as_object().unwrap().iter().map(|(k, v)| (k.clone(), v.as_str().unwrap().to_owned())),
            );
            continue;
        }
        let numbers = |key: &str| -> Vec<u64> {
            entry[key].as_array().unwrap().iter().map(|n| n.as_u64().unwrap()).collect()
        };
        let offsets = numbers("data_offsets");
        let range = offsets[0] as usize..offsets[1] as usize;
        let dtype = entry["dtype"].as_str().unwrap().to_owned();
        tensors.insert(name.clone(), (dtype, numbers("shape"), data[range.clone()].to_vec()));
        ranges.push((range.start, range.end));
    }
    ranges.sort_unstable();
    let end = ranges.iter().fold(0, |at, (start, end)| {
        assert_eq!(at, *start, "data without a gap and without an overlap");
        *end
    });
    assert_eq!((end, length % 8), (data.len(), 0));
    (tensors, texts)
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/clean").join(name)
}

fn floats(values: impl IntoIterator<Item = f32>) -> Vec<u8> {
    values.into_iter().flat_map(f32::to_le_bytes).collect()
}

// The values of the fixtures stand in `make_clean.py`.

#[test]
fn views_of_one_storage_are_each_written_out() {
    for name in ["views-of-one-storage.pt", "views-of-one-storage-legacy.pt"] {
        let folder = Folder::new();
        folder.put("m.pt", fs::read(fixture("torch").join(name)).unwrap());
        let output = folder.convert(&["m.pt"]);
        assert!(said(&output).contains("3 tensors lie in 1 shared storage"), "{}", said(&output));
        let (tensors, _) = read(&folder.path("m.safetensors"));
        let all = (0..12).map(|n| n as f32);
        let columns = [0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11].map(|n| n as f32);
        assert_eq!(tensors["all"], ("F32".to_owned(), vec![3, 4], floats(all)));
        assert_eq!(tensors["row"], ("F32".to_owned(), vec![4], floats([4.0, 5.0, 6.0, 7.0])));
        assert_eq!(tensors["columns"], ("F32".to_owned(), vec![4, 3], floats(columns)));
    }
}

#[test]
fn types_of_elements_keep_their_name_and_size() {
    let folder = Folder::new();
    for (kind, dtype, size) in [
        ("float64", "F64", 8),
        ("float32", "F32", 4),
        ("float16", "F16", 2),
        ("bfloat16", "BF16", 2),
        ("int64", "I64", 8),
        ("int32", "I32", 4),
        ("int16", "I16", 2),
        ("int8", "I8", 1),
        ("uint8", "U8", 1),
        ("uint16", "U16", 2),
        ("bool", "BOOL", 1),
        ("complex64", "C64", 8),
        ("float8_e4m3fn", "F8_E4M3", 1),
        ("float8_e5m2", "F8_E5M2", 1),
    ] {
        for name in [format!("dtype-{kind}.pt"), format!("dtype-{kind}-legacy.pt")] {
            let file = fixture("torch").join(&name);
            if !file.exists() {
                continue;
            }
            let (tensors, _) = folder.converted(&file.to_string_lossy(), &[]);
            assert_eq!(tensors["tensor"], (dtype.to_owned(), vec![3], vec![0; 3 * size]), "{name}");
        }
    }
    folder.put("c.pt", fs::read(fixture("torch/dtype-complex128.pt")).unwrap());
    assert!(folder.refused("c.pt").contains("complex numbers of this precision"));
}

#[test]
fn a_conjugate_view_is_resolved() {
    let (tensors, _) =
        Folder::new().converted(&fixture("torch/conjugate-and-negative.pt").to_string_lossy(), &[]);
    assert_eq!(tensors["tensor"], ("C64".to_owned(), vec![1], floats([1.0, -2.0])));
}

#[test]
fn a_checkpoint_keeps_its_literals_and_on_demand_its_optimizer() {
    let folder = Folder::new();
    let file = fixture("torch/checkpoint.ckpt");
    let (tensors, texts) = folder.converted(&file.to_string_lossy(), &[]);
    assert_eq!(tensors["best"], ("F32".to_owned(), vec![], floats([0.5])));
    assert_eq!(tensors["state_dict.a.weight"].1, [2, 3]);
    assert!(!tensors.keys().any(|name| name.starts_with("optimizer")));
    assert_eq!((texts["epoch"].as_str(), texts["loss"].as_str()), ("3", "0.25"));
    assert_eq!(texts["args"], r#"{"lr": 0.01, "name": "run"}"#);
    assert!(texts["state_dict._metadata"].starts_with(r#"{"": {"version": 1}, "#));
    let (with, texts) = folder.converted(&file.to_string_lossy(), &["--all"]);
    // Adam: one step, for each parameter in turn.
    assert_eq!(with["optimizer.state.0.step"], ("F32".to_owned(), vec![], floats([1.0])));
    assert_eq!(with["optimizer.state.0.exp_avg"].1, [2, 3]);
    assert!(texts["optimizer.param_groups"].starts_with(r#"[{"lr": 0.01, "#), "{texts:?}");
}

#[test]
fn arrays_of_numpy_are_converted_in_every_order() {
    let folder = Folder::new();
    let npy = |descr: &str, fortran: &str, shape: &str, data: &[u8]| {
        let mut header =
            format!("{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, }}").into_bytes();
        header.resize((10 + header.len()).next_multiple_of(64) - 11, b' ');
        header.push(b'\n');
        [b"\x93NUMPY\x01\0", &(header.len() as u16).to_le_bytes()[..], &header, data].concat()
    };
    folder.put("big.npy", npy(">i2", "True", "(2, 3)", &[0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6]));
    let (tensors, texts) = folder.converted("big.npy", &[]);
    // Columns of two in the file, rows of three here.
    let rows: Vec<u8> = [1i16, 3, 5, 2, 4, 6].into_iter().flat_map(i16::to_le_bytes).collect();
    assert_eq!(tensors["tensor"], ("I16".to_owned(), vec![2, 3], rows));
    assert!(texts.is_empty());
    for (name, bytes, why) in [
        ("short.npy", npy("<f4", "False", "(3,)", &[0; 11]), "11 bytes of data, of which the header says 12"),
        ("long.npy", npy("<f4", "False", "(3,)", &[0; 13]), "bytes behind the array"),
        ("huge.npy", npy("<f8", "False", "(1099511627776, 1099511627776)", &[]), "larger than any file"),
        ("negative.npy", npy("<f8", "False", "(-1,)", &[]), "no tuple of counts"),
        ("structured.npy", npy("|V4", "False", "(1,)", &[0; 4]), "no numbers of safetensors"),
        ("text.npy", npy("<U1", "False", "(1,)", &[0; 4]), "no numbers of safetensors"),
    ] {
        let reason = reason(&bytes).unwrap();
        folder.put(name, bytes);
        let said = folder.refused(name);
        assert!(reason.contains(why) && said.contains(name), "{reason}: {said}");
    }
    for name in ["structured.npy", "object.npy", "dates.npy", "object.npz"] {
        folder.put(name, fs::read(fixture("numpy").join(name)).unwrap());
        folder.refused(name);
    }
    assert!(said(&folder.convert(&["object.npy"])).contains("array of objects"));
    let (tensors, _) = folder.converted(&fixture("numpy/compressed.npz").to_string_lossy(), &[]);
    let (stored, _) = folder.converted(&fixture("numpy/plain.npz").to_string_lossy(), &[]);
    assert!(!tensors.is_empty() && !stored.is_empty());
}

#[test]
fn what_is_more_than_tensors_is_refused_with_its_place() {
    let folder = Folder::new();
    for (name, why) in [
        ("quantized.pt", "a quantized tensor"),
        ("sparse-coo.pt", "a sparse tensor"),
        ("meta-tensor.pt", "the device meta"),
        ("storage.pt", "a storage by itself"),
        ("torchscript.pt", "TorchScript"),
        ("optimizer.pt", "--all converts them"),
        ("dtype-values.pt", "holds no tensor"),
        ("size-and-device.pt", "holds no tensor"),
        ("checkpoint-numpy-scalar.pt", "more than tensors and literals"),
        ("parameter-with-attribute.pt", "attributes of its own"),
        ("pickled-tensor.pkl", "neither a file of torch.save"),
    ] {
        folder.put(name, fs::read(fixture("torch").join(name)).unwrap());
        let said = folder.refused(name);
        assert!(said.contains(why), "{name}: {said}");
        assert!(said.starts_with(name) && said.contains("fickgate explain"), "{name}: {said}");
    }
    assert!(folder.refused("quantized.pt").starts_with("quantized.pt!archive/data.pkl:2: not converted: "));
    let output = folder.convert(&["optimizer.pt", "--all"]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
}

#[test]
fn what_the_gate_refuses_is_refused_with_its_findings() {
    let folder = Folder::new();
    folder.put("evil.pt", torch_zip(b"\x80\x02cos\nsystem\nX\x04\0\0\0echo\x85R.", &[]));
    let said = folder.refused("evil.pt");
    assert!(said.contains("import-not-allowed") && said.contains("os.system"), "{said}");
    assert!(said.contains("from os import system"), "the line that does it: {said}");
    // Even where somebody allows it: it is more than tensors.
    let output = folder.convert(&["evil.pt", "--allow", "os.system"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(self::said(&output).contains("os.system, which is more than tensors and literals"));
}

#[test]
fn nothing_is_written_where_it_was_not_meant() {
    let folder = Folder::new();
    let model = Laid::floats(2).state_dict();
    folder.put("m.pt", torch_zip(&model, &[("0", &floats([1.0, 2.0]))]));
    folder.put("m.safetensors", "kept");
    let output = folder.convert(&["m.pt"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("it is there already") && said(&output).contains("--force"));
    assert_eq!(fs::read(folder.path("m.safetensors")).unwrap(), b"kept");
    assert_eq!(folder.convert(&["m.pt", "--force", "-q"]).stdout, b"");
    assert_eq!(read(&folder.path("m.safetensors")).0["t"].2, floats([1.0, 2.0]));
    let itself = folder.convert(&["m.pt", "-o", "m.pt", "--force"]);
    assert!(itself.status.code() == Some(2) && said(&itself).contains("the model itself"));
    assert_eq!(folder.names(), ["m.pt", "m.safetensors"]);
    assert_eq!(folder.convert(&["missing.pt"]).status.code(), Some(2));
    assert_eq!(folder.convert(&["m.pt", "-o", "nowhere/x"]).status.code(), Some(2));
}

#[cfg(unix)]
#[test]
fn a_link_is_replaced_or_refused_and_never_followed() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let folder = Folder::new();
    let model = Laid::floats(2).state_dict();
    folder.put("m.pt", torch_zip(&model, &[("0", &floats([1.0, 2.0]))]));
    folder.put("victim", "kept");
    symlink(folder.path("victim"), folder.path("m.safetensors")).unwrap();
    for args in [&["m.pt"][..], &["m.pt", "--force"]] {
        assert_eq!(folder.convert(args).status.code(), Some(2));
    }
    // Outside of the folder that one works in, it is the link that gives way.
    let outside = Folder::new();
    let link = outside.path("out");
    symlink(folder.path("victim"), &link).unwrap();
    assert_eq!(folder.convert(&["m.pt", "-o", &link.to_string_lossy(), "--force"]).status.code(), Some(0));
    assert_eq!(fs::read(folder.path("victim")).unwrap(), b"kept");
    let meta = fs::symlink_metadata(&link).unwrap();
    assert!(meta.is_file() && meta.permissions().mode() & 0o111 == 0);
    // In a working tree, a link on the way may be a change's.
    fs::create_dir(folder.path(".git")).unwrap();
    fs::create_dir(folder.path("elsewhere")).unwrap();
    symlink("elsewhere", folder.path("led")).unwrap();
    let output = folder.convert(&["m.pt", "--no-policy", "-o", "led/m.safetensors"]);
    assert!(output.status.code() == Some(2) && said(&output).contains("symbolic link"), "{}", said(&output));
    assert!(fs::read_dir(folder.path("elsewhere")).unwrap().next().is_none());
}
