//! Floating-point numbers: Spark's own names [4.11], else Java's `Double.parseDouble` [5.3].

use super::{sign, trim, Number, Token};
use std::str::from_utf8;

/// The powers of ten that are doubles exactly.
const POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
];

/// The largest integer up to which every one is a double exactly.
const EXACT: u64 = 1 << 53;

/// The texts that Spark takes for NaN and the infinities before it parses [4.11].
pub struct Names<'a> {
    nan: &'a [u8],
    positive: &'a [u8],
    negative: &'a [u8],
    /// One of them may be a number.
    pub odd: bool,
}

impl<'a> Names<'a> {
    /// The names given by the options.
    pub fn new(nan: &'a str, positive: &'a str, negative: &'a str) -> Self {
        let digit = |name: &str| name.bytes().any(|byte| byte.is_ascii_digit());
        Names {
            nan: nan.as_bytes(),
            positive: positive.as_bytes(),
            negative: negative.as_bytes(),
            odd: [nan, positive, negative].into_iter().any(digit),
        }
    }

    fn value(&self, token: &[u8]) -> Option<f64> {
        if token == self.nan {
            Some(f64::NAN)
        } else if token == self.negative {
            Some(f64::NEG_INFINITY)
        } else if token == self.positive {
            Some(f64::INFINITY)
        } else {
            None
        }
    }
}

/// What a type of numbers holds: the bits of its significand, the exponents of its least and greatest bit.
struct Format {
    bits: i64,
    least: i64,
    greatest: i64,
}

const DOUBLE: Format = Format {
    bits: 53,
    least: -1074,
    greatest: 1023,
};

const FLOAT: Format = Format {
    bits: 24,
    least: -149,
    greatest: 127,
};

/// A double, correctly rounded.
#[inline(always)]
pub fn double(token: Token<'_>, names: &Names<'_>) -> Option<f64> {
    match token.number().and_then(exact) {
        Some(value) if !names.odd => Some(value),
        _ => named(token.text(), names),
    }
}

#[inline(never)]
fn named(text: &[u8], names: &Names<'_>) -> Option<f64> {
    let parsed = || java(text, &DOUBLE, |text| text.parse().ok());
    names.value(text).or_else(parsed)
}

/// A float, rounded once from its text [5.3].
pub fn float(token: &[u8], names: &Names<'_>) -> Option<f32> {
    let exactly = |text: &str| text.parse::<f32>().ok().map(f64::from);
    let value = names
        .value(token)
        .or_else(|| java(token, &FLOAT, exactly))?;
    Some(value as f32)
}

/// A number's double, when its digits and the power of ten are both exact: then one division rounds correctly.
#[inline(always)]
pub fn exact(number: Number) -> Option<f64> {
    let value = number.digits as f64 / POWERS[number.places()];
    let value = if number.negative() { -value } else { value };
    (number.digits <= EXACT).then_some(value)
}

/// Java's grammar, blanks around it.
fn java(token: &[u8], format: &Format, parse: impl Fn(&str) -> Option<f64>) -> Option<f64> {
    let (negative, number) = sign(trim(token, |byte| byte <= b' '));
    let magnitude = match number {
        b"NaN" => f64::NAN,
        b"Infinity" => f64::INFINITY,
        [b'0', b'x' | b'X', digits @ ..] => hexadecimal(digits, format)?,
        _ => decimal(number, parse)?,
    };
    Some(if negative { -magnitude } else { magnitude })
}

/// Rust's grammar is Java's but for the names, a second sign and the suffix.
fn decimal(text: &[u8], parse: impl Fn(&str) -> Option<f64>) -> Option<f64> {
    let number = without_suffix(text);
    let starts = number
        .first()
        .map_or(false, |&c| c == b'.' || c.is_ascii_digit());
    parse(from_utf8(number).ok().filter(|_| starts)?)
}

fn without_suffix(text: &[u8]) -> &[u8] {
    match text {
        [number @ .., b'f' | b'F' | b'd' | b'D'] => number,
        _ => text,
    }
}

/// The part of a hexadecimal number after `0x`: digits with an optional point, `p`, a decimal exponent.
fn hexadecimal(text: &[u8], format: &Format) -> Option<f64> {
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
    let exponent = scale + if down { -exponent } else { exponent };
    Some(scaled(significand, exponent, format))
}

/// significand * 2^exponent, rounded once, half to even.
fn scaled(significand: u64, exponent: i64, format: &Format) -> f64 {
    if significand == 0 {
        return 0.0;
    }
    // The value is f * 2^top with 1 <= f < 2.
    let top = exponent + 63 - i64::from(significand.leading_zeros());
    if top > format.greatest {
        return f64::INFINITY;
    }
    if top < format.least - 1 {
        return 0.0;
    }
    // The exponent of the last bit kept.
    let last = (top - format.bits + 1).max(format.least);
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
    use super::{float, Names};

    fn double(token: &[u8]) -> Option<f64> {
        super::double(token.into(), &Names::new("NaN", "Inf", "-Inf"))
    }

    #[test]
    fn floats_round_once() {
        let names = Names::new("NaN", "Inf", "-Inf");
        let cases = [
            ("1.00000017881393432617187501", 1.0000002),
            ("1.000000178813934326171875", 1.0000002),
            ("1.0000001788139343261718749", 1.0000001),
            ("0x1.000003p0", 1.0000002),
            ("0x1.000001p0", 1.0),
            ("0x1p-149", f32::from_bits(1)),
            ("0x1p-150", 0.0),
            ("0x1.ffffffp127", f32::INFINITY),
            ("1e39", f32::INFINITY),
            ("-1.5f", -1.5),
            ("-Inf", f32::NEG_INFINITY),
        ];
        for (text, expected) in cases {
            let value = float(text.as_bytes(), &names).expect(text);
            assert_eq!(value.to_bits(), f32::to_bits(expected), "{text}");
        }
        assert_eq!(float(b"1.5x", &names), None);
    }

    #[test]
    fn names_of_the_options() {
        let names = Names::new("1", "P", "2");
        assert!(super::double((&b"1"[..]).into(), &names).unwrap().is_nan());
        assert_eq!(
            super::double((&b"2"[..]).into(), &names),
            Some(f64::NEG_INFINITY)
        );
        assert_eq!(
            super::double((&b"P"[..]).into(), &names),
            Some(f64::INFINITY)
        );
        assert_eq!(super::double((&b"Inf"[..]).into(), &names), None);
        assert!(super::double((&b"NaN"[..]).into(), &names)
            .unwrap()
            .is_nan());
    }

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
