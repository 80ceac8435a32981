//! Hashes of objects that are numbers, by what they were made of.

use crate::pickle::known::view::View;
use crate::pickle::stream::reader::Cursor;
use crate::pickle::stream::text::Text;
use crate::pickle::values::modulus::{self, P};
use crate::pickle::values::value::{Tag, Value};

/// Longest text that is read.
const LONGEST: u64 = 4300;

/// The hash of what a number of this name is, made of these arguments. `None` where it is not followed.
pub fn hash<C: Cursor>(view: &View<'_, C>, name: &str, args: Value) -> Option<u64> {
    let literal = |value: Value| match value.tag() {
        Tag::Bool | Tag::Int | Tag::BigInt | Tag::Float => {
            view.hashes.literal(view.cursor, &view.heap.tuples, value)
        }
        Tag::Text => match view.text(value, LONGEST)? {
            Text::Str(text) => of_decimal(text.trim()),
            _ => None,
        },
        _ => None,
    };
    let first = view.part(args, 0)?;
    match (name, view.part(args, 1)) {
        ("complex", imaginary) => {
            let (real, imaginary) = (literal(first)?, imaginary.map_or(Some(0), literal)?);
            // `complex_hash`: `_PyHASH_IMAG`.
            Some(modulus::of_int(real.wrapping_add(imaginary.wrapping_mul(1_000_003)) as i64))
        }
        ("Fraction", Some(below)) => quotient(literal(first)?, literal(below)?),
        ("Fraction", None) => match view.text(first, LONGEST) {
            Some(Text::Str(text)) => match text.split_once('/') {
                Some((above, below)) => quotient(of_decimal(above)?, of_decimal(below)?),
                None => of_decimal(&text),
            },
            _ => literal(first),
        },
        (_, None) => literal(first),
        _ => None,
    }
}

/// `Fraction.__hash__`.
fn quotient(above: u64, below: u64) -> Option<u64> {
    let ((above, negative), (below, also)) = (modulus::parts(above), modulus::parts(below));
    Some(modulus::signed(modulus::times(above, modulus::inverse(below)?), negative != also))
}

/// The hash of a number that is written out: `-12.5E-3`.
fn of_decimal(text: &str) -> Option<u64> {
    let (negative, text) = match text.as_bytes() {
        [b'-', ..] => (true, text.get(1..)?),
        [b'+', ..] => (false, text.get(1..)?),
        _ => (false, text),
    };
    let (number, power) = match text.split_once(['e', 'E']) {
        Some((number, power)) => (number, power.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && part.is_empty() {
        return None;
    }
    let shift = modulus::power(10, part.len() as u64);
    let digits = modulus::digits(whole.as_bytes())?;
    let digits = (modulus::times(digits, shift) + modulus::digits(part.as_bytes())?) % P;
    let power = i64::from(power) - part.len() as i64;
    let ten = modulus::power(10, power.unsigned_abs());
    let ten = if power < 0 { modulus::inverse(ten)? } else { ten };
    Some(modulus::signed(modulus::times(digits, ten), negative))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_text_hash_as_in_python() {
        let signed = |text| of_decimal(text).map(|hash| hash as i64);
        // `hash(Decimal(text))` of CPython 3.11.
        assert_eq!(signed("1"), Some(1));
        assert_eq!(signed("-1"), Some(-2));
        assert_eq!(signed("-12.5E-3"), Some(-1_412_328_843_143_387_545));
        assert_eq!(signed("0.1"), Some(2_075_258_708_292_324_556));
        assert_eq!(signed("1E+20"), Some(848_750_603_811_160_107));
        assert_eq!(signed("2305843009213693951"), Some(0));
        assert_eq!([signed(""), signed("NaN"), signed("1_0")], [None; 3]);
        // `hash(Fraction(-3, 7))`.
        assert_eq!(
            quotient(of_decimal("-3").unwrap_or(0), 7).map(|hash| hash as i64),
            Some(-1_317_624_576_693_539_401)
        );
    }
}
