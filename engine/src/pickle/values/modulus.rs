//! Numbers by the modulus that CPython hashes them by (`_PyHASH_MODULUS` on 64 bits, a prime).

/// The modulus.
pub const P: u64 = (1 << 61) - 1;

/// The hash of a number that is small.
pub fn of_int(n: i64) -> u64 {
    if n == -1 { (-2i64) as u64 } else { n as u64 }
}

/// The hash of a number with this remainder, and a sign.
pub fn signed(remainder: u64, negative: bool) -> u64 {
    of_int(if negative { -(remainder as i64) } else { remainder as i64 })
}

/// The remainder of a hash and whether it is negative.
pub fn parts(hash: u64) -> (u64, bool) {
    let hash = hash as i64;
    (hash.unsigned_abs() % P, hash < 0)
}

/// A product.
pub fn times(a: u64, b: u64) -> u64 {
    (u128::from(a) * u128::from(b) % u128::from(P)) as u64
}

/// A power.
pub fn power(base: u64, mut exponent: u64) -> u64 {
    let (mut all, mut square) = (1, base % P);
    while exponent > 0 {
        if exponent & 1 == 1 {
            all = times(all, square);
        }
        square = times(square, square);
        exponent >>= 1;
    }
    all
}

/// What gives one when multiplied; `None` for zero.
pub fn inverse(n: u64) -> Option<u64> {
    (!n.is_multiple_of(P)).then(|| power(n, P - 2))
}

/// The remainder of a number by its digits.
pub fn digits(digits: &[u8]) -> Option<u64> {
    let digit = |n: u64, b: &u8| b.is_ascii_digit().then(|| (times(n, 10) + u64::from(b - b'0')) % P);
    digits.iter().try_fold(0, digit)
}
