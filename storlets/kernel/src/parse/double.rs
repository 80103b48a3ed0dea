//! Floating-point numbers: Spark's own names [4.11], else Java's `Double.parseDouble` [5.3].

use super::{sign, trim};
use std::str::from_utf8;

/// The powers of ten that are doubles exactly.
const POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
];

/// The largest integer up to which every one is a double exactly.
const EXACT: u64 = 1 << 53;

/// A double, correctly rounded.
pub fn double(token: &[u8]) -> Option<f64> {
    let (negative, digits) = sign(token);
    let magnitude = match short(digits) {
        Some(value) => value,
        None if matches!(token, b"Inf" | b"-Inf") => f64::INFINITY,
        None => return java(trim(token, |byte| byte <= b' ')),
    };
    Some(if negative { -magnitude } else { magnitude })
}

/// `12` or `12.34`, when its digits and the power of ten are both exact: then one division rounds correctly.
fn short(text: &[u8]) -> Option<f64> {
    if text.len() > 18 {
        return None;
    }
    let mut digits = 0u64;
    let mut point = None;
    for (at, &byte) in text.iter().enumerate() {
        match byte {
            b'0'..=b'9' => digits = digits * 10 + u64::from(byte - b'0'),
            b'.' if point.is_none() => point = Some(at),
            _ => return None,
        }
    }
    let fraction = point.map_or(0, |at| text.len() - at - 1);
    let whole = text.len() - fraction - usize::from(point.is_some());
    let exact = digits <= EXACT && whole + fraction > 0;
    exact.then_some(digits as f64 / POWERS[fraction])
}

/// Java's grammar, of a trimmed text.
fn java(text: &[u8]) -> Option<f64> {
    let (negative, number) = sign(text);
    let magnitude = match number {
        b"NaN" => f64::NAN,
        b"Infinity" => f64::INFINITY,
        [b'0', b'x' | b'X', digits @ ..] => hexadecimal(digits)?,
        _ => decimal(number)?,
    };
    Some(if negative { -magnitude } else { magnitude })
}

/// Rust's grammar is Java's but for the names, a second sign and the suffix.
fn decimal(text: &[u8]) -> Option<f64> {
    let number = without_suffix(text);
    let starts = number
        .first()
        .map_or(false, |&c| c == b'.' || c.is_ascii_digit());
    from_utf8(number).ok().filter(|_| starts)?.parse().ok()
}

fn without_suffix(text: &[u8]) -> &[u8] {
    match text {
        [number @ .., b'f' | b'F' | b'd' | b'D'] => number,
        _ => text,
    }
}

/// The part of a hexadecimal number after `0x`: digits with an optional point, `p`, a decimal exponent.
fn hexadecimal(text: &[u8]) -> Option<f64> {
    let at = text.iter().position(|byte| matches!(byte, b'p' | b'P'))?;
    let (mantissa, exponent) = (&text[..at], without_suffix(&text[at + 1..]));
    let (down, exponent_digits) = sign(exponent);
    if exponent_digits.is_empty() || !exponent_digits.iter().all(u8::is_ascii_digit) {
        return None;
    }

    // 60 bits of the significand and one that stands for all below: enough to round from.
    let mut significand = 0u64;
    let mut scale = 0i64;
    let mut point = false;
    let mut digits = 0;
    for &byte in mantissa {
        if byte == b'.' && !point {
            point = true;
            continue;
        }
        let digit = u64::from(char::from(byte).to_digit(16)?);
        digits += 1;
        if significand >> 56 == 0 {
            significand = significand << 4 | digit;
            scale -= if point { 4 } else { 0 };
        } else {
            significand |= u64::from(digit != 0);
            scale += if point { 0 } else { 4 };
        }
    }
    if digits == 0 {
        return None;
    }
    let exponent = from_utf8(exponent_digits).ok()?.parse::<i64>();
    let exponent = exponent.unwrap_or(i64::MAX / 4).min(i64::MAX / 4);
    Some(scaled(
        significand,
        scale + if down { -exponent } else { exponent },
    ))
}

/// significand * 2^exponent, rounded once, half to even.
fn scaled(significand: u64, exponent: i64) -> f64 {
    if significand == 0 {
        return 0.0;
    }
    // The value is f * 2^top with 1 <= f < 2.
    let top = exponent + 63 - i64::from(significand.leading_zeros());
    if top > 1023 {
        return f64::INFINITY;
    }
    if top < -1075 {
        return 0.0;
    }
    // The exponent of the last bit kept: 52 below the top, or that of the least double.
    let last = (top - 52).max(-1074);
    let shift = last - exponent;
    let kept = if shift <= 0 {
        significand << -shift
    } else {
        half_even(significand, shift as u32)
    };
    kept as f64 * power_of_two(last)
}

/// significand / 2^shift, to the nearest integer, ties to the even one.
fn half_even(significand: u64, shift: u32) -> u64 {
    let wide = u128::from(significand);
    let shift = shift.min(100);
    let kept = wide >> shift;
    let rest = wide & ((1 << shift) - 1);
    let half = 1 << (shift - 1);
    let up = rest > half || (rest == half && kept & 1 == 1);
    kept as u64 + u64::from(up)
}

/// 2^exponent for an exponent of -1074 to 1023.
fn power_of_two(exponent: i64) -> f64 {
    if exponent >= -1022 {
        f64::from_bits(((exponent + 1023) as u64) << 52)
    } else {
        f64::from_bits(1 << (exponent + 1074))
    }
}

#[cfg(test)]
mod tests {
    use super::double;

    #[test]
    fn decimals() {
        let cases = [
            ("1", 1.0),
            ("-0", -0.0),
            ("+.5", 0.5),
            ("1.", 1.0),
            ("0.1", 0.1),
            ("1E+3", 1000.0),
            ("1.e3", 1000.0),
            ("1.5f", 1.5),
            ("1e3D", 1000.0),
            (" \x001.5\t", 1.5),
            ("1e400", f64::INFINITY),
            ("-1e400", f64::NEG_INFINITY),
            ("1e-400", 0.0),
            ("1e99999999999999999999", f64::INFINITY),
            ("9007199254740993", 9007199254740992.0),
            ("2.2250738585072012e-308", 2.2250738585072014e-308),
            ("0.30000000000000000", 0.3),
            ("Inf", f64::INFINITY),
            ("-Inf", f64::NEG_INFINITY),
            (" -Infinity ", f64::NEG_INFINITY),
        ];
        for (text, expected) in cases {
            let value = double(text.as_bytes()).expect(text);
            assert_eq!(value.to_bits(), expected.to_bits(), "{text}");
        }
        for text in ["NaN", "+NaN", "-NaN", " NaN "] {
            assert!(double(text.as_bytes()).expect(text).is_nan());
        }
        let refused = [
            "",
            " ",
            "nan",
            "+Inf",
            " Inf",
            "INF",
            "infinity",
            "1.5L",
            "1,000.5",
            "1_0",
            "1e",
            "e1",
            ".",
            "1 5",
            "NaNd",
            "Infinityf",
            "\u{a0}1",
            "٣",
            "--1",
            "+-1",
            "1ff",
            ".e1",
            "-",
            "1.2.3",
        ];
        for text in refused {
            assert_eq!(double(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn hexadecimals() {
        let cases = [
            ("0x1.8p1", 3.0),
            ("-0X.8P-1f", -0.25),
            ("0x1.p1", 2.0),
            ("0x0p99999999999999999999", 0.0),
            ("0x1p99999999999999999999", f64::INFINITY),
            ("0x1p-99999999999999999999", 0.0),
            ("0x1p-1074", f64::from_bits(1)),
            ("0x1p-1075", 0.0),
            ("0x1.8p-1075", f64::from_bits(1)),
            ("0x1.0000000000000000000001p-1075", f64::from_bits(1)),
            ("0x1.fffffffffffff7ffp1023", f64::MAX),
            ("0x1.fffffffffffff8p1023", f64::INFINITY),
            ("0x1.00000000000008p0", 1.0),
            ("0x1.000000000000080000000001p0", 1.0 + f64::EPSILON),
            ("0x1.fffffffffffffp-1023", f64::MIN_POSITIVE),
            ("0x00000000000000000000000001p4", 16.0),
            ("0x100000000000000000000p-80", 1.0),
        ];
        for (text, expected) in cases {
            let value = double(text.as_bytes()).expect(text);
            assert_eq!(value.to_bits(), expected.to_bits(), "{text}");
        }
        for text in [
            "0x1", "0x1.8", "0xp1", "0x.p1", "0x1p", "0x1p+", "0x1pf", "0x1p1ff", "0x1..p1",
        ] {
            assert_eq!(double(text.as_bytes()), None, "{text}");
        }
    }
}
