//! A token, and reading it sixteen bytes at a time.

/// The text of a field.
#[derive(Debug, Clone, Copy)]
pub struct Token<'a> {
    /// The text, and what lies behind it: with that it can be read without a look at its length.
    from: &'a [u8],
    length: usize,
}

/// What a number is made of, when it is no more than sixteen characters: a sign, digits and a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Number {
    pub digits: u64,
    /// How many digits are behind the point, a bit for a point, and one for a minus. In one field, since a copy of several
    /// is slow.
    form: u64,
}

impl Number {
    const POINT: u64 = 1 << 8;
    const MINUS: u64 = 1 << 9;
    /// In the place of a number that there is not.
    pub const NONE: Number = Number {
        digits: 0,
        form: u64::MAX,
    };

    #[inline(always)]
    pub fn new(negative: bool, digits: u64, point: bool, places: u64) -> Number {
        let minus = u64::from(negative) * Number::MINUS;
        let point = u64::from(point) * Number::POINT;
        let form = places | point | minus;
        Number { digits, form }
    }

    #[inline(always)]
    pub fn some(self) -> Option<Number> {
        (self.form != u64::MAX).then_some(self)
    }

    #[inline(always)]
    pub fn negative(self) -> bool {
        self.form & Number::MINUS != 0
    }

    /// How many digits are behind the point.
    #[inline(always)]
    pub fn places(self) -> usize {
        (self.form & 0xff) as usize
    }

    /// The number, if it has no point.
    #[inline(always)]
    pub fn whole(self) -> Option<i64> {
        let digits = self.digits as i64;
        let value = if self.negative() { -digits } else { digits };
        (self.form & Number::POINT == 0).then_some(value)
    }
}

/// The most characters of a [`Number`].
pub const WIDTH: usize = 16;
const ONES: u64 = 0x0101_0101_0101_0101;
/// The point, where digits are their values.
const POINT: u64 = (b'.' ^ b'0') as u64;
const WIDE_ZEROS: u128 = u128::from_le_bytes([b'0'; WIDTH]);

impl<'a> From<&'a [u8]> for Token<'a> {
    fn from(text: &'a [u8]) -> Self {
        Token {
            from: text,
            length: text.len(),
        }
    }
}

impl<'a> Token<'a> {
    /// The first `length` bytes of `from`.
    #[inline(always)]
    pub fn new(from: &'a [u8], length: usize) -> Token<'a> {
        Token { from, length }
    }

    /// The text.
    #[inline(always)]
    pub fn text(&self) -> &'a [u8] {
        &self.from[..self.length]
    }

    #[inline(always)]
    pub fn len(&self) -> usize {
        self.length
    }

    /// Copies the text to the beginning of `out`, and perhaps more than that to its first `SHORT` bytes.
    #[inline(always)]
    pub fn copy<const SHORT: usize>(&self, out: &mut [u8]) {
        match (self.from.get(..SHORT), out.get_mut(..SHORT)) {
            (Some(from), Some(out)) if self.length <= SHORT => out.copy_from_slice(from),
            _ => out[..self.length].copy_from_slice(self.text()),
        }
    }

    /// The text and whatever is behind it, if the text is no longer than sixteen bytes: the first byte in the lowest of the
    /// first number.
    #[inline(always)]
    pub fn window(&self) -> Option<[u64; 2]> {
        if self.length > WIDTH {
            return None;
        }
        match self.from.get(..WIDTH) {
            Some(bytes) => {
                let word = |at: usize| bytes[at..at + 8].try_into().map(u64::from_le_bytes);
                Some([word(0).ok()?, word(8).ok()?])
            }
            None => Some(self.copied_window()),
        }
    }

    #[cold]
    fn copied_window(&self) -> [u64; 2] {
        let mut bytes = [0; WIDTH];
        bytes[..self.length].copy_from_slice(self.text());
        let both = u128::from_le_bytes(bytes);
        [both as u64, (both >> 64) as u64]
    }

    /// Digits with a point among them or none, behind a minus or nothing.
    #[inline(always)]
    pub fn number(&self) -> Option<Number> {
        let (negative, mut digits) = match self.eight() {
            Some(eight) => eight,
            None => return self.longer(),
        };
        let points = zeros(digits ^ (ONES * POINT));
        let mut places = 0;
        if points != 0 {
            let point = points.trailing_zeros() / 8;
            // A second point is no digit.
            let before = (1 << (8 * point)) - 1;
            digits = (digits & before) << 8 | (digits & !(before << 8 | 0xff));
            places = 7 - u64::from(point);
        }
        let any = self.length > usize::from(negative) + usize::from(points != 0);
        let number = || Number::new(negative, number_of(digits), points != 0, places);
        (any && are_digits(digits)).then(number)
    }

    /// A number of more than eight characters.
    fn longer(&self) -> Option<Number> {
        let [first, second] = self.window()?;
        let negative = first as u8 == b'-';
        let length = self.length.wrapping_sub(negative.into());
        if !(1..=WIDTH).contains(&length) {
            return None;
        }
        let both = u128::from(second) << 64 | u128::from(first);
        let raw = both >> (8 * u32::from(negative));
        let mut digits = (raw ^ WIDE_ZEROS) << (128 - 8 * length);
        let (first, last) = (digits as u64, (digits >> 64) as u64);
        let points = match zeros(first ^ (ONES * POINT)) {
            0 => u128::from(zeros(last ^ (ONES * POINT))) << 64,
            points => points.into(),
        };
        let mut places = 0;
        if points != 0 {
            let point = points.trailing_zeros() / 8;
            let before = (1 << (8 * point)) - 1;
            digits = (digits & before) << 8 | (digits & !(before << 8 | 0xff));
            places = WIDTH as u64 - 1 - u64::from(point);
        }
        let (first, last) = (digits as u64, (digits >> 64) as u64);
        (are_digits(first) && are_digits(last)).then(|| {
            let digits = number_of(first) * 100_000_000 + number_of(last);
            Number::new(negative, digits, points != 0, places)
        })
    }

    /// Whether there is a minus, and what is behind it if that is no more than eight characters: the last one in the highest
    /// byte, digits as their values, zeros before the first one.
    #[inline(always)]
    fn eight(&self) -> Option<(bool, u64)> {
        let [first, second] = self.window()?;
        let negative = first as u8 == b'-';
        let length = self.length.wrapping_sub(negative.into());
        if !(1..=8).contains(&length) {
            return None;
        }
        let raw = match negative {
            false => first,
            true => first >> 8 | second << 56,
        };
        Some((negative, (raw ^ (ONES * 0x30)) << (64 - 8 * length)))
    }
}

#[inline(always)]
fn are_digits(digits: u64) -> bool {
    (digits | digits.wrapping_add(ONES * 0x76)) & (ONES * 0x80) == 0
}

/// The number of eight digits, the first one in the lowest byte.
#[inline(always)]
fn number_of(digits: u64) -> u64 {
    let pairs = digits.wrapping_mul(10).wrapping_add(digits >> 8);
    let first = (pairs & 0xff_0000_00ff).wrapping_mul(100 + (1_000_000 << 32));
    let second = (pairs >> 16 & 0xff_0000_00ff).wrapping_mul(1 + (10_000 << 32));
    first.wrapping_add(second) >> 32
}

/// The high bit of the first byte that is zero, and nothing below it.
#[inline(always)]
fn zeros(bytes: u64) -> u64 {
    bytes.wrapping_sub(ONES) & !bytes & (ONES * 0x80)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::{laid_out, Tokens};
    use crate::simd::{self, Isa};

    /// The token in front of nothing, and in front of digits.
    fn tokens<'a>(text: &str, room: &'a mut String) -> [Token<'a>; 2] {
        *room = format!("{text}1234567890.-12345678");
        let bytes = room.as_bytes();
        [bytes[..text.len()].into(), Token::new(bytes, text.len())]
    }

    #[test]
    fn numbers_of_every_length() {
        let mut room = String::new();
        for length in 1..=16 {
            let digits = &"9182736450123456"[..length];
            for sign in ["", "-"].iter().filter(|sign| sign.len() + length <= 16) {
                for token in tokens(&format!("{sign}{digits}"), &mut room) {
                    let value: i64 = digits.parse().unwrap();
                    let negative = *sign == "-";
                    let expected = Number::new(negative, value as u64, false, 0);
                    assert_eq!(token.number(), Some(expected));
                    let whole = if negative { -value } else { value };
                    assert_eq!(expected.whole(), Some(whole));
                }
                for point in (0..=length).filter(|_| sign.len() + length < 16) {
                    let text = format!("{sign}{}.{}", &digits[..point], &digits[point..]);
                    for token in tokens(&text, &mut room) {
                        let value = digits.parse().unwrap();
                        let places = (length - point) as u64;
                        let expected = Number::new(*sign == "-", value, true, places);
                        assert_eq!(token.number(), Some(expected), "{text}");
                        assert_eq!(expected.whole(), None);
                    }
                }
            }
        }
    }

    #[test]
    fn no_numbers() {
        let mut room = String::new();
        let texts = [
            "",
            "-",
            ".",
            "-.",
            "+1",
            "--1",
            "1-",
            "1..2",
            "1.2.3",
            "1,2",
            " 1",
            "1 ",
            "1e5",
            "/1",
            ":1",
            "\u{e9}",
            "1\0",
            "12345678901234567",
        ];
        for text in texts {
            for token in tokens(text, &mut room) {
                assert_eq!(token.number(), None, "{text}");
            }
        }
    }

    #[test]
    fn many_numbers_at_a_time_are_those_of_each() {
        let pieces = [
            "", "-", ".", "0", "7", "1234567", "98765432", "000", "x", ":", "/",
        ];
        let mut texts = vec![None];
        for first in pieces {
            for second in pieces {
                for third in pieces {
                    texts.push(Some([first, second, third].concat()));
                }
            }
        }
        let texts: Vec<_> = texts
            .iter()
            .map(|text| text.as_ref().map(String::as_bytes))
            .collect();
        // What ends in the first bytes of a buffer need not be among them.
        let (buf, mut fields) = laid_out(&[&[Some(&[b'x'; WIDTH][..])], &*texts].concat());
        fields.remove(0);
        let tokens = Tokens {
            buf: &buf,
            decoded: &[],
            fields: &fields,
        };
        for isa in Isa::all() {
            let mut found = vec![None; fields.len()];
            let mut others = Vec::new();
            simd::numbers::<false, _>(isa, tokens, &mut found, &mut others, |number| {
                Some(Some(number))
            });
            let mut whole = vec![None; fields.len()];
            let mut no_whole = Vec::new();
            simd::numbers::<true, _>(isa, tokens, &mut whole, &mut no_whole, |number| {
                number.whole().map(Some)
            });
            for (at, &number) in found.iter().enumerate() {
                let token = tokens.get(at);
                let expected = token.and_then(|token| token.number());
                let digits = expected.and_then(Number::whole);
                assert_eq!(number, expected, "{isa:?} {token:?}");
                assert_eq!(whole[at], digits, "{isa:?} {token:?}");
                assert_eq!(others.contains(&(at as u32)), expected.is_none());
                assert_eq!(no_whole.contains(&(at as u32)), digits.is_none());
            }
        }
    }
}
