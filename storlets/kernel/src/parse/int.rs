//! Whole numbers: Java's `Integer.parseInt` and `Long.parseLong` [5.2].

use super::{sign, Token};
use std::str::from_utf8;

/// The longest run of decimal digits that always fits an i64.
const SAFE_DIGITS: usize = 18;

/// The first of every ten decimal digits (Nd) of the Basic Multilingual Plane beyond ASCII, as JDK 17 knows them.
const ZEROS: [u16; 36] = [
    0x0660, 0x06f0, 0x07c0, 0x0966, 0x09e6, 0x0a66, 0x0ae6, 0x0b66, 0x0be6, 0x0c66, 0x0ce6, 0x0d66,
    0x0de6, 0x0e50, 0x0ed0, 0x0f20, 0x1040, 0x1090, 0x17e0, 0x1810, 0x1946, 0x19d0, 0x1a80, 0x1a90,
    0x1b50, 0x1bb0, 0x1c40, 0x1c50, 0xa620, 0xa8d0, 0xa900, 0xa9d0, 0xa9f0, 0xaa50, 0xabf0, 0xff10,
];

/// A whole number of fewer bits.
#[inline(always)]
pub fn int<T: TryFrom<i64>>(token: Token<'_>) -> Option<T> {
    int64(token)?.try_into().ok()
}

/// A 64-bit integer.
#[inline(always)]
pub fn int64(token: Token<'_>) -> Option<i64> {
    match token.number().and_then(|number| number.whole()) {
        None => longer(token.text()),
        value => value,
    }
}

#[inline(never)]
fn longer(token: &[u8]) -> Option<i64> {
    let (negative, digits) = sign(token);
    if digits.is_empty() {
        return None;
    }
    if digits.len() > SAFE_DIGITS || !digits.is_ascii() {
        return any_length(negative, digits);
    }
    let mut value = 0;
    for byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value * 10 + i64::from(digit);
    }
    Some(if negative { -value } else { value })
}

/// Any number of digits, of any script. The value grows downwards, since the least i64 has no positive counterpart.
fn any_length(negative: bool, digits: &[u8]) -> Option<i64> {
    let mut value = 0i64;
    for c in from_utf8(digits).ok()?.chars() {
        value = value.checked_mul(10)?.checked_sub(digit(c)?)?;
    }
    if negative {
        Some(value)
    } else {
        value.checked_neg()
    }
}

/// The value of a decimal digit of any script.
pub fn digit(c: char) -> Option<i64> {
    if let Some(digit) = c.to_digit(10) {
        return Some(digit.into());
    }
    let unit = u16::try_from(u32::from(c)).ok()?;
    let zero = ZEROS[..ZEROS.partition_point(|&zero| zero <= unit)].last()?;
    let digit = unit - zero;
    (digit < 10).then_some(digit.into())
}

#[cfg(test)]
mod tests {
    fn int64(token: &[u8]) -> Option<i64> {
        super::int64(token.into())
    }

    fn int<T: TryFrom<i64>>(token: &[u8]) -> Option<T> {
        super::int(token.into())
    }

    #[test]
    fn integers() {
        let cases = [
            ("0", Some(0)),
            ("-0", Some(0)),
            ("+17", Some(17)),
            ("007", Some(7)),
            ("0000000000000000000000012", Some(12)),
            ("9223372036854775807", Some(i64::MAX)),
            ("-9223372036854775808", Some(i64::MIN)),
            ("9223372036854775808", None),
            ("-9223372036854775809", None),
            ("٣", Some(3)),
            ("-１٢3", Some(-123)),
            ("𝟙", None),
            ("²", None),
            ("\u{f29}", Some(9)),
            ("\u{f2a}", None),
        ];
        for (text, expected) in cases {
            assert_eq!(int64(text.as_bytes()), expected, "{text}");
        }
        for text in [
            "", "+", "-", "--1", " 1", "1 ", "1.0", "1e3", "0x1f", "1_000", "1L",
        ] {
            assert_eq!(int64(text.as_bytes()), None, "{text}");
        }
        assert_eq!(int64(b"1\xff"), None);
        assert_eq!(int(b"2147483647"), Some(i32::MAX));
        assert_eq!(int::<i32>(b"2147483648"), None);
        assert_eq!(int(b"-2147483648"), Some(i32::MIN));
    }
}
