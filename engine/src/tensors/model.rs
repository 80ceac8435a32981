//! What a file of tensors holds: a tree of tensors and literals, and the storages that the tensors lie in.

use crate::content::Content;
use crate::tensors::dtype::Dtype;

/// A file of tensors.
#[derive(Debug)]
pub struct Model {
    /// What wrote it.
    pub form: Form,
    /// The member that says what there is, `""` for the file itself.
    pub member: String,
    /// The object.
    pub root: Node,
    /// The bytes that tensors lie in.
    pub storages: Vec<Storage>,
}

/// What wrote a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `torch.save`, as a zip.
    TorchZip,
    /// `torch.save` before 1.6, and since then on demand.
    TorchLegacy,
    /// `numpy.save`.
    Npy,
    /// `numpy.savez`.
    Npz,
}

/// A value. Nesting is bounded by [`DEPTH`].
#[derive(Clone, Debug)]
pub enum Node {
    /// A tensor or a parameter.
    Tensor(Box<Tensor>),
    /// A dict, in its order.
    Mapping(Box<Mapping>),
    /// A list, tuple, set or size.
    List(Vec<Node>),
    /// `None`.
    None,
    /// A bool.
    Bool(bool),
    /// An integer.
    Int(i128),
    /// A float.
    Float(f64),
    /// A text; also the name of a device or of a type of elements.
    Text(String),
}

/// A dict.
#[derive(Clone, Debug, Default)]
pub struct Mapping {
    /// Its items, in order.
    pub items: Vec<(Key, Node)>,
    /// Attributes that it has as an object, such as `_metadata` of a state dict.
    pub attributes: Vec<(Key, Node)>,
}

/// A key of a dict.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Key {
    /// A text.
    Text(String),
    /// A number.
    Int(i128),
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Key::Text(text) => f.write_str(text),
            Key::Int(n) => write!(f, "{n}"),
        }
    }
}

/// Containers inside containers.
pub const DEPTH: usize = 64;

/// A tensor over a part of a storage. Shape, strides and offset count elements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tensor {
    /// Type of its elements.
    pub dtype: Dtype,
    /// Extent in each dimension.
    pub shape: Vec<u64>,
    /// Step in each dimension.
    pub strides: Vec<u64>,
    /// The first element.
    pub offset: u64,
    /// Index of its storage.
    pub storage: usize,
    /// Whether its elements are the conjugates of those that are stored.
    pub conjugated: bool,
    /// Whether its elements are those that are stored with the other sign.
    pub negated: bool,
    /// Offset in the pickle of the opcode that makes it.
    pub at: u64,
}

impl Tensor {
    /// Elements, `None` where there are more than 64 bits count.
    pub fn elements(&self) -> Option<u64> {
        if self.shape.contains(&0) {
            return Some(0);
        }
        self.shape.iter().try_fold(1u64, |n, d| n.checked_mul(*d))
    }

    /// Bytes of its elements.
    pub fn bytes(&self) -> Option<u64> {
        self.elements()?.checked_mul(self.dtype.size())
    }

    /// Elements that its storage has to have: behind the last one that it reaches.
    pub fn reach(&self) -> Option<u64> {
        if self.elements()? == 0 {
            return Some(0);
        }
        let steps = self.shape.iter().zip(&self.strides);
        let last = steps
            .filter(|(d, _)| **d > 1)
            .try_fold(self.offset, |n, (d, s)| n.checked_add((d - 1).checked_mul(*s)?))?;
        last.checked_add(1)
    }
}

/// Bytes that tensors lie in.
#[derive(Clone, Debug)]
pub struct Storage {
    /// The member that it is, for messages.
    pub member: String,
    /// Its bytes, as many as it has elements.
    pub content: Content,
    /// Whether the bytes of its numbers stand with the highest first.
    pub big_endian: bool,
}
