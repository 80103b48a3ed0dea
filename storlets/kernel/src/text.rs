//! Text as the JDK decodes it: malformed bytes become U+FFFD, in the JDK's count [1.11].

use crate::dialect::Encoding;
use std::borrow::Cow;
use std::str::from_utf8;

const REPLACEMENT: &str = "\u{fffd}";

/// Appends `bytes`, which are UTF-8, to `out`, malformed sequences replaced.
pub fn decode(bytes: &[u8], out: &mut Vec<u8>) {
    if from_utf8(bytes).is_ok() {
        return out.extend(bytes);
    }
    for piece in pieces(bytes) {
        out.extend(piece.unwrap_or(REPLACEMENT).as_bytes());
    }
}

/// `bytes`, which are UTF-8, with malformed sequences replaced.
pub fn decoded(bytes: &[u8]) -> Cow<'_, [u8]> {
    match from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text.as_bytes()),
        Err(_) => {
            let mut out = Vec::new();
            decode(bytes, &mut out);
            Cow::Owned(out)
        }
    }
}

/// The text of `bytes`, as far as a date can be in it.
pub fn lossy(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

/// Appends the UTF-16 units that `bytes` decode to.
pub fn units(encoding: Encoding, bytes: &[u8], out: &mut Vec<u16>) {
    if encoding == Encoding::Utf8 {
        for piece in pieces(bytes) {
            out.extend(piece.unwrap_or(REPLACEMENT).encode_utf16());
        }
        return;
    }
    let mut rest = bytes;
    while !rest.is_empty() {
        let (length, c) = first(encoding, rest);
        out.extend(c.encode_utf16(&mut [0; 2]).iter());
        rest = &rest[length..];
    }
}

/// The length of those of `bytes` that decode to the first `count` units.
pub fn bytes_of_units(encoding: Encoding, bytes: &[u8], count: usize) -> usize {
    let (mut at, mut units) = (0, 0);
    while units < count && at < bytes.len() {
        let (length, c) = first(encoding, &bytes[at..]);
        at += length;
        units += c.len_utf16();
    }
    at
}

/// The length of those of `bytes` that are whole characters up to the first one that ends at or behind `end`.
pub fn bytes_of_whole(encoding: Encoding, bytes: &[u8], end: usize) -> usize {
    let mut at = 0;
    while at < end {
        at += first(encoding, &bytes[at..]).0;
    }
    at
}

/// The most bytes that decode to one character.
pub const LONGEST: usize = 4;

/// The first character of `bytes`, of which there is one at least, and how many bytes it takes.
fn first(encoding: Encoding, bytes: &[u8]) -> (usize, char) {
    let lead = bytes[0];
    match encoding {
        Encoding::Latin1 => (1, lead.into()),
        _ if lead < 0x80 && matches!(encoding, Encoding::Utf8 | Encoding::Ascii) => {
            (1, lead.into())
        }
        Encoding::Ascii => (1, char::REPLACEMENT_CHARACTER),
        Encoding::Utf8 => match pieces(&bytes[..bytes.len().min(LONGEST)]).next() {
            Some(Some(text)) => {
                let c = text.chars().next().unwrap_or(char::REPLACEMENT_CHARACTER);
                (c.len_utf8(), c)
            }
            _ => (malformed(bytes), char::REPLACEMENT_CHARACTER),
        },
        Encoding::Utf16Le => utf16(bytes, u16::from_le_bytes),
        Encoding::Utf16Be => utf16(bytes, u16::from_be_bytes),
    }
}

/// The JDK takes a high surrogate together with the unit after it, whatever that is; U+FFFE is malformed to it.
fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> (usize, char) {
    let at = |start: usize| match bytes.get(start..start + 2) {
        Some(pair) => pair.try_into().ok().map(unit),
        None => None,
    };
    let length = match at(0) {
        Some(0xd800..=0xdbff) if bytes.len() >= 4 => 4,
        _ => bytes.len().min(2),
    };
    let pair = [at(0), at(2)].into_iter().flatten().take(length / 2);
    match char::decode_utf16(pair).next() {
        Some(Ok(c)) if c != '\u{fffe}' && length > 1 => (length, c),
        _ => (length, char::REPLACEMENT_CHARACTER),
    }
}

/// Runs of valid text, and None for every malformed sequence.
fn pieces(bytes: &[u8]) -> impl Iterator<Item = Option<&str>> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let valid = match from_utf8(rest) {
            Ok(_) => rest.len(),
            Err(error) => error.valid_up_to(),
        };
        let length = if valid > 0 { valid } else { malformed(rest) };
        let (piece, after) = rest.split_at(length);
        rest = after;
        Some(from_utf8(piece).ok())
    })
}

/// The length of the malformed sequence that `bytes` starts with. Unlike in the Unicode recommendation, an encoded
/// surrogate is one sequence of three bytes.
fn malformed(bytes: &[u8]) -> usize {
    let continues = |at: usize| bytes.get(at).map_or(false, |byte| byte & 0xc0 == 0x80);
    let second = bytes.get(1).copied().unwrap_or_default();
    let second_fits = continues(1)
        && match bytes[0] {
            0xe0 => second >= 0xa0,
            0xf0 => second >= 0x90,
            0xf4 => second < 0x90,
            lead => (0xe1..=0xf4).contains(&lead),
        };
    match (second_fits, continues(2)) {
        (false, _) => 1,
        (true, false) => 2,
        (true, true) => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replacements_are_counted_as_by_the_jdk() {
        let cases: [(&[u8], &str); 18] = [
            (b"\xff", "?"),
            (b"\xc3", "?"),
            (b"\xe2\x82", "?"),
            (b"\xf0\x9f\x98", "?"),
            (b"\xf0\x9f\x98x", "?x"),
            (b"\xc3(", "?("),
            (b"\xed\xa0\x80", "?"),
            (b"\xc0\x80", "??"),
            (b"\xe0\x80\x80", "???"),
            (b"\xf4\x90\x80\x80", "????"),
            (b"\xf8\x88\x80\x80\x80", "?????"),
            (b"\xfe\xff", "??"),
            (b"\xe2(\xa1", "?(?"),
            (b"\xf0(\x8c\xbc", "?(??"),
            (b"\xf0\x90(\xbc", "?(?"),
            (b"\xed\xa0x", "?x"),
            (b"a\xc3\xa9\xffb", "aé?b"),
            (b"\xf7\xbf\xbf\xbf", "????"),
        ];
        for (bytes, expected) in cases {
            let (mut out, mut wide) = (Vec::new(), Vec::new());
            decode(bytes, &mut out);
            units(Encoding::Utf8, bytes, &mut wide);
            let expected = expected.replace('?', REPLACEMENT);
            assert_eq!(String::from_utf8(out).unwrap(), expected, "{bytes:x?}");
            assert_eq!(String::from_utf16(&wide).unwrap(), expected, "{bytes:x?}");
            for count in 0..=wide.len() {
                let length = bytes_of_units(Encoding::Utf8, bytes, count);
                let mut begin = Vec::new();
                units(Encoding::Utf8, &bytes[..length], &mut begin);
                assert!(begin.len() >= count, "{bytes:x?} {count}");
            }
        }
    }

    #[test]
    fn other_encodings() {
        let decoded = |encoding, bytes: &[u8]| {
            let mut out = Vec::new();
            units(encoding, bytes, &mut out);
            String::from_utf16(&out).unwrap()
        };
        assert_eq!(decoded(Encoding::Latin1, b"a\xe9"), "aé");
        assert_eq!(decoded(Encoding::Ascii, b"a\xe9b"), "a\u{fffd}b");
        assert_eq!(
            decoded(Encoding::Utf16Le, b"a\0\x3d\xd8\0\xde\xff"),
            "a😀\u{fffd}"
        );
        assert_eq!(
            decoded(Encoding::Utf16Be, b"\0a\xd8\x3d\0b\0c"),
            "a\u{fffd}c"
        );
        assert_eq!(
            decoded(Encoding::Utf16Be, b"\xde\0\0a\xff\xfe\xd8\x3d"),
            "\u{fffd}a\u{fffd}\u{fffd}"
        );
        assert_eq!(
            bytes_of_units(Encoding::Utf16Le, b"a\0\x3d\xd8\0\xdeb\0", 3),
            6
        );
    }
}
