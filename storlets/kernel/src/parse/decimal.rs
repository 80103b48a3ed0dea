//! Decimals in the locale en-US: commas deleted, then Java's `BigDecimal`, rounded half up to the scale [5.5].

use super::{int::digit, sign, Number, Token};
use std::str::from_utf8;

/// The most digits of a decimal.
const MOST: usize = 38;

/// The most places that Java can round off: it divides by a power of ten, which must not be too large.
const MOST_DROPPED: i64 = (1 << 29) + 7;

/// The powers of ten that a u64 holds.
const POWERS: [u64; 20] = powers();

const fn powers() -> [u64; 20] {
    let mut powers = [1; 20];
    let mut exponent = 1;
    while exponent < powers.len() {
        powers[exponent] = powers[exponent - 1] * 10;
        exponent += 1;
    }
    powers
}

/// A decimal's value times 10^scale, if it has at most `precision` digits.
#[inline(always)]
pub fn decimal(token: Token<'_>, precision: u8, scale: u8) -> Option<i128> {
    let short = token.number();
    match short.and_then(|number| scaled(number, precision, scale)) {
        None => general(token.text(), precision, scale),
        value => value,
    }
}

/// A number with no more places than `scale`. None for others, and for too many digits.
#[inline(always)]
pub fn scaled(number: Number, precision: u8, scale: u8) -> Option<i128> {
    let missing = usize::from(scale).checked_sub(number.places())?;
    let value = number.digits.checked_mul(power(missing)?)?;
    let fits = value < power(precision.into()).unwrap_or(u64::MAX);
    let value = i128::from(value);
    fits.then_some(if number.negative() { -value } else { value })
}

/// 10^exponent, if a u64 holds it.
#[inline(always)]
pub fn power(exponent: usize) -> Option<u64> {
    POWERS.get(exponent).copied()
}

/// The number of digits that Java's `BigDecimal` counts in a text, when none of them is behind the point: schema
/// inference makes no decimals of others, nor of more than 38 digits [7.2].
pub fn whole_digits(token: &[u8]) -> Option<u8> {
    let (_, digits, places) = number(token)?;
    let count = digits.len().max(1);
    (places == 0 && count <= MOST).then_some(count as u8)
}

#[inline(never)]
fn general(token: &[u8], precision: u8, scale: u8) -> Option<i128> {
    let text: Vec<u8> = token.iter().copied().filter(|&byte| byte != b',').collect();
    let (negative, mut digits, places) = number(&text)?;
    if digits.is_empty() {
        return Some(0);
    }
    let shift = i64::from(scale) - places;
    if shift < -MOST_DROPPED {
        return None;
    }
    let kept = digits.len() as i64 + shift;
    if kept < 0 {
        return Some(0);
    }
    if kept > MOST as i64 {
        return None;
    }
    let kept = kept as usize;
    let up = digits.get(kept).map_or(false, |&digit| digit >= 5);
    digits.resize(kept, 0);
    let value = digits
        .iter()
        .fold(0i128, |value, &digit| value * 10 + i128::from(digit));
    let value = value + i128::from(up);
    let value = if negative { -value } else { value };
    Some(value).filter(|_| value.abs() < 10i128.pow(precision.into()))
}

/// Whether a number is negative, its digits from the first that is not zero on, and how many of them are behind the
/// point; fewer than none with a high exponent.
fn number(text: &[u8]) -> Option<(bool, Vec<u8>, i64)> {
    let (negative, text) = sign(text);
    let text = from_utf8(text).ok()?;
    let (number, exponent) = match text.find(['e', 'E'].as_slice()) {
        Some(at) => (&text[..at], exponent(&text[at + 1..])?),
        None => (text, 0),
    };
    let (mut digits, mut any, mut places, mut point) = (Vec::new(), false, 0i64, false);
    for c in number.chars() {
        if c == '.' && !point {
            point = true;
            continue;
        }
        let value = digit(c)? as u8;
        any = true;
        places += i64::from(point);
        if value != 0 || !digits.is_empty() {
            digits.push(value);
        }
    }
    let places = places - exponent;
    let fits = any && i32::try_from(places).is_ok();
    fits.then_some((negative, digits, places))
}

/// The digits after an `e`, as far as they fit an i32.
fn exponent(text: &str) -> Option<i64> {
    let (negative, digits) = sign(text.as_bytes());
    let digits = from_utf8(digits).ok()?;
    if digits.is_empty() {
        return None;
    }
    let mut value = 0i64;
    for c in digits.chars() {
        value = value.saturating_mul(10).saturating_add(digit(c)?);
    }
    let value = if negative { -value } else { value };
    i32::try_from(value).ok().map(i64::from)
}

#[cfg(test)]
mod tests {
    use super::{scaled, whole_digits, Token};
    use crate::field::{laid_out, Tokens};
    use crate::simd::{self, Isa};

    fn decimal(token: &[u8], precision: u8, scale: u8) -> Option<i128> {
        super::decimal(token.into(), precision, scale)
    }

    #[test]
    fn digits_of_whole_numbers() {
        let cases = [
            ("9223372036854775808", Some(19)),
            ("1.", Some(1)),
            ("-0.", Some(1)),
            ("000123", Some(3)),
            ("1.5e1", Some(2)),
            ("1.0e1", Some(2)),
            ("1e0", Some(1)),
            ("1e+0000000000000", Some(1)),
            ("\u{661}.", Some(1)),
            ("1e20", None),
            ("10e-1", None),
            ("1.0", None),
            ("1,000", None),
            ("x", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(whole_digits(text.as_bytes()), expected, "{text}");
        }
        assert_eq!(whole_digits("9".repeat(38).as_bytes()), Some(38));
        assert_eq!(whole_digits("9".repeat(39).as_bytes()), None);
    }

    #[test]
    fn many_decimals_at_a_time_are_those_of_each() {
        let (before, behind) = (
            ["", "-", "+", "0", "-7", "123456789012"],
            [".", "..", "", "x"],
        );
        let places = ["", "0", "12", "-1", "345", "67890", "./"];
        let texts = before.iter().flat_map(|before| {
            let rest = behind
                .iter()
                .flat_map(|point| places.map(|end| [*point, end].concat()));
            rest.map(|rest| [*before, rest.as_str()].concat())
        });
        let texts: Vec<_> = texts.collect();
        let texts: Vec<_> = texts.iter().map(|text| Some(text.as_bytes())).collect();
        // What ends in the first bytes of a buffer need not be read.
        let (buf, fields) = laid_out(&[&[Some(&b"0123456789abcdef"[..])], &*texts].concat());
        let tokens = Tokens {
            buf: &buf,
            decoded: &[],
            fields: &fields[1..],
        };
        for isa in Isa::all() {
            for precision in [1, 3, 15, 38] {
                for scale in (0..=precision.min(17)).chain([precision]) {
                    let (mut values, mut others) = (vec![0; texts.len()], Vec::new());
                    simd::decimals(isa, tokens, precision, scale, &mut values, &mut others);
                    for (at, text) in texts.iter().flatten().enumerate() {
                        let number = Token::from(*text).number();
                        let expected = number.and_then(|read| scaled(read, precision, scale));
                        let other = others.contains(&(at as u32));
                        let found = (!other).then(|| values[at]);
                        assert_eq!(found, expected, "{isa:?} {precision} {scale} {text:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn decimals() {
        let cases = [
            ("1.555", Some(156)),
            ("-1.555", Some(-156)),
            ("1.5549", Some(155)),
            ("999.995", None),
            ("999.994", Some(99999)),
            ("1000", None),
            ("1,0,0", Some(10000)),
            ("1,2.5", Some(1250)),
            (",1", Some(100)),
            ("1e2", Some(10000)),
            ("1E+2", Some(10000)),
            ("1e-400", Some(0)),
            ("5.", Some(500)),
            (".5", Some(50)),
            ("+.5", Some(50)),
            ("-0", Some(0)),
            ("0.005", Some(1)),
            ("0.0049", Some(0)),
            ("00000000000000000000000000000000000000000001.2", Some(120)),
            ("٣.٥", Some(350)),
            ("0e2147483647", Some(0)),
            ("1e2147483647", None),
            ("1e-2147483647", None),
            ("0e2147483648", None),
            ("0.1e-2147483648", None),
            (",", None),
            (".", None),
            ("", None),
            ("-", None),
            (" 1.5", None),
            ("1.5f", None),
            ("NaN", None),
            ("1.2.3", None),
            ("1e", None),
            ("1e1.5", None),
            ("--1", None),
        ];
        for (text, expected) in cases {
            assert_eq!(decimal(text.as_bytes(), 5, 2), expected, "{text}");
        }
        let nines = "9".repeat(38);
        assert_eq!(decimal(nines.as_bytes(), 38, 0), Some(10i128.pow(38) - 1));
        assert_eq!(decimal(b"1", 38, 38), None);
        assert_eq!(decimal(b"999.99", 38, 38), None);
        assert_eq!(decimal(b".5", 38, 38), Some(5 * 10i128.pow(37)));
        assert_eq!(decimal(format!("{nines}.5").as_bytes(), 38, 0), None);
    }
}
