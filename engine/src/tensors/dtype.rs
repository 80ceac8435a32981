//! Types of elements: those that safetensors has, and what torch and numpy call them.

/// A type of elements of the safetensors format (its list: `Dtype` of the crate `safetensors`, 0.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dtype {
    /// One byte, 0 or 1.
    Bool,
    /// Two numbers of four bits in a byte (`torch.float4_e2m1fn_x2`).
    F4Pair,
    /// Unsigned, 8 bits.
    U8,
    /// Signed, 8 bits.
    I8,
    /// Float of 8 bits, e4m3fn.
    F8E4M3,
    /// Float of 8 bits, e4m3fnuz.
    F8E4M3Fnuz,
    /// Float of 8 bits, e5m2.
    F8E5M2,
    /// Float of 8 bits, e5m2fnuz.
    F8E5M2Fnuz,
    /// Scale of 8 bits, e8m0fnu.
    F8E8M0,
    /// Signed, 16 bits.
    I16,
    /// Unsigned, 16 bits.
    U16,
    /// Half precision.
    F16,
    /// Brain float.
    BF16,
    /// Signed, 32 bits.
    I32,
    /// Unsigned, 32 bits.
    U32,
    /// Single precision.
    F32,
    /// Signed, 64 bits.
    I64,
    /// Unsigned, 64 bits.
    U64,
    /// Double precision.
    F64,
    /// Two floats of single precision.
    C64,
}

/// What a name of torch or numpy stands for.
pub type Known = Result<Dtype, &'static str>;

const NO_COMPLEX: &str = "complex numbers of this precision, which safetensors does not have";
const QUANTIZED: &str = "quantized numbers, whose scale and zero point safetensors does not keep";
const BITS: &str = "bits without a type, which safetensors does not have";

impl Dtype {
    /// The word in the header of a safetensors file.
    pub const fn as_str(self) -> &'static str {
        match self {
            Dtype::Bool => "BOOL",
            Dtype::F4Pair => "F4",
            Dtype::U8 => "U8",
            Dtype::I8 => "I8",
            Dtype::F8E4M3 => "F8_E4M3",
            Dtype::F8E4M3Fnuz => "F8_E4M3FNUZ",
            Dtype::F8E5M2 => "F8_E5M2",
            Dtype::F8E5M2Fnuz => "F8_E5M2FNUZ",
            Dtype::F8E8M0 => "F8_E8M0",
            Dtype::I16 => "I16",
            Dtype::U16 => "U16",
            Dtype::F16 => "F16",
            Dtype::BF16 => "BF16",
            Dtype::I32 => "I32",
            Dtype::U32 => "U32",
            Dtype::F32 => "F32",
            Dtype::I64 => "I64",
            Dtype::U64 => "U64",
            Dtype::F64 => "F64",
            Dtype::C64 => "C64",
        }
    }

    /// Bytes of an element as it is stored; a pair of four bits is one.
    pub const fn size(self) -> u64 {
        match self {
            Dtype::Bool
            | Dtype::F4Pair
            | Dtype::U8
            | Dtype::I8
            | Dtype::F8E4M3
            | Dtype::F8E4M3Fnuz
            | Dtype::F8E5M2
            | Dtype::F8E5M2Fnuz
            | Dtype::F8E8M0 => 1,
            Dtype::I16 | Dtype::U16 | Dtype::F16 | Dtype::BF16 => 2,
            Dtype::I32 | Dtype::U32 | Dtype::F32 => 4,
            Dtype::I64 | Dtype::U64 | Dtype::F64 | Dtype::C64 => 8,
        }
    }

    /// Bytes of a number in an element, the unit of byte order.
    pub const fn number(self) -> u64 {
        match self {
            Dtype::C64 => 4,
            other => other.size(),
        }
    }

    /// Whether the highest bit of a number is its sign and nothing else.
    pub const fn has_sign_bit(self) -> bool {
        matches!(self, Dtype::F16 | Dtype::BF16 | Dtype::F32 | Dtype::F64 | Dtype::C64)
    }

    /// By the name of a storage class of torch (`torch/storage.py`, `_dtype_to_storage_type_map`); `None` for a
    /// name that is none. Bytes without a type count as `U8`.
    pub fn of_storage(class: &str) -> Option<Known> {
        Some(Ok(match class {
            "DoubleStorage" => Dtype::F64,
            "FloatStorage" => Dtype::F32,
            "HalfStorage" => Dtype::F16,
            "BFloat16Storage" => Dtype::BF16,
            "LongStorage" => Dtype::I64,
            "IntStorage" => Dtype::I32,
            "ShortStorage" => Dtype::I16,
            "CharStorage" => Dtype::I8,
            "ByteStorage" | "UntypedStorage" => Dtype::U8,
            "BoolStorage" => Dtype::Bool,
            "ComplexFloatStorage" => Dtype::C64,
            "ComplexDoubleStorage" => return Some(Err(NO_COMPLEX)),
            "QInt8Storage" | "QInt32Storage" | "QUInt8Storage" | "QUInt4x2Storage" | "QUInt2x4Storage" => {
                return Some(Err(QUANTIZED));
            }
            _ => return None,
        }))
    }

    /// By its name in torch, `float32` as well as `float`; `None` for a name that is none.
    pub fn of_torch(name: &str) -> Option<Known> {
        Some(Ok(match name {
            "float64" | "double" => Dtype::F64,
            "float32" | "float" => Dtype::F32,
            "float16" | "half" => Dtype::F16,
            "bfloat16" => Dtype::BF16,
            "int64" | "long" => Dtype::I64,
            "int32" | "int" => Dtype::I32,
            "int16" | "short" => Dtype::I16,
            "int8" => Dtype::I8,
            "uint8" => Dtype::U8,
            "uint16" => Dtype::U16,
            "uint32" => Dtype::U32,
            "uint64" => Dtype::U64,
            "bool" => Dtype::Bool,
            "complex64" | "cfloat" => Dtype::C64,
            "float8_e4m3fn" => Dtype::F8E4M3,
            "float8_e4m3fnuz" => Dtype::F8E4M3Fnuz,
            "float8_e5m2" => Dtype::F8E5M2,
            "float8_e5m2fnuz" => Dtype::F8E5M2Fnuz,
            "float8_e8m0fnu" => Dtype::F8E8M0,
            "float4_e2m1fn_x2" => Dtype::F4Pair,
            "complex32" | "chalf" | "bcomplex32" | "complex128" | "cdouble" => return Some(Err(NO_COMPLEX)),
            "qint8" | "qint32" | "quint8" | "quint4x2" | "quint2x4" => return Some(Err(QUANTIZED)),
            "bits1x8" | "bits2x4" | "bits4x2" | "bits8" | "bits16" => return Some(Err(BITS)),
            _ => return None,
        }))
    }

    /// By the code in the header of an array file (`numpy/lib/_format_impl.py`), with whether the bytes of a number
    /// stand with the highest first. `None` for a code that is no number's.
    pub fn of_numpy(descr: &str) -> Option<(Known, bool)> {
        let (order, code) = descr.split_at_checked(1)?;
        let big = match order {
            "<" | "|" => false,
            ">" => true,
            _ => return None,
        };
        let known = Ok(match code {
            "b1" => Dtype::Bool,
            "i1" => Dtype::I8,
            "i2" => Dtype::I16,
            "i4" => Dtype::I32,
            "i8" => Dtype::I64,
            "u1" => Dtype::U8,
            "u2" => Dtype::U16,
            "u4" => Dtype::U32,
            "u8" => Dtype::U64,
            "f2" => Dtype::F16,
            "f4" => Dtype::F32,
            "f8" => Dtype::F64,
            "c8" => Dtype::C64,
            "c16" | "c32" => return Some((Err(NO_COMPLEX), big)),
            "f12" | "f16" => {
                return Some((Err("floats of more than 64 bits, which safetensors does not have"), big));
            }
            _ => return None,
        });
        // One byte has no order; `|` says so of anything else that numpy writes nothing of.
        let wide = known.is_ok_and(|dtype: Dtype| dtype.size() > 1);
        (wide != (order == "|")).then_some((known, big && wide))
    }
}
