//! A token, and reading it sixteen bytes at a time.

/// The text of a field.
#[derive(Debug, Clone, Copy)]
pub struct Token<'a> {
    /// The text, and what lies behind it: with that it can be read without a look at its length.
    from: &'a [u8],
    length: usize,
}

/// What a number is made of, when it is no more than sixteen characters: a sign, digits and a point.
#[derive(Debug, PartialEq, Eq)]
pub struct Number {
    pub negative: bool,
    pub digits: u64,
    /// How many digits are behind the point; None without a point.
    pub places: Option<u32>,
}

const WIDTH: usize = 16;
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

    /// Digits behind a minus or nothing, at most eight.
    #[inline(always)]
    pub fn whole(&self) -> Option<i64> {
        let (negative, digits) = self.eight()?;
        if !are_digits(digits) {
            return None;
        }
        let value = number_of(digits) as i64;
        Some(if negative { -value } else { value })
    }

    /// Digits with a point among them or none, behind a minus or nothing.
    #[inline(always)]
    pub fn number(&self) -> Option<Number> {
        let (negative, mut digits) = match self.eight() {
            Some(eight) => eight,
            None => return self.longer(),
        };
        let points = zeros(digits ^ (ONES * POINT));
        let mut places = None;
        if points != 0 {
            let point = points.trailing_zeros() / 8;
            // A second point is no digit.
            let before = (1 << (8 * point)) - 1;
            digits = (digits & before) << 8 | (digits & !(before << 8 | 0xff));
            places = Some(7 - point);
        }
        let any = self.length > usize::from(negative) + usize::from(places.is_some());
        (any && are_digits(digits)).then(|| Number {
            negative,
            digits: number_of(digits),
            places,
        })
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
        let mut places = None;
        if points != 0 {
            let point = points.trailing_zeros() / 8;
            let before = (1 << (8 * point)) - 1;
            digits = (digits & before) << 8 | (digits & !(before << 8 | 0xff));
            places = Some(WIDTH as u32 - 1 - point);
        }
        let (first, last) = (digits as u64, (digits >> 64) as u64);
        (are_digits(first) && are_digits(last)).then(|| Number {
            negative,
            digits: number_of(first) * 100_000_000 + number_of(last),
            places,
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
                    let expected = Number {
                        negative,
                        digits: value as u64,
                        places: None,
                    };
                    assert_eq!(token.number(), Some(expected));
                    let whole = if negative { -value } else { value };
                    assert_eq!(token.whole(), (length <= 8).then_some(whole));
                }
                for point in (0..=length).filter(|_| sign.len() + length < 16) {
                    let text = format!("{sign}{}.{}", &digits[..point], &digits[point..]);
                    for token in tokens(&text, &mut room) {
                        let expected = Number {
                            negative: *sign == "-",
                            digits: digits.parse().unwrap(),
                            places: Some((length - point) as u32),
                        };
                        assert_eq!(token.number(), Some(expected), "{text}");
                        assert_eq!(token.whole(), None);
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
                assert_eq!((token.number(), token.whole()), (None, None), "{text}");
            }
        }
    }
}
