//! Text as the JDK decodes it: malformed UTF-8 becomes U+FFFD, in the JDK's count [1.11].

use std::str::from_utf8;

const REPLACEMENT: &[u8] = "\u{fffd}".as_bytes();

/// Appends `bytes` to `out`, malformed sequences replaced.
pub fn decode(bytes: &[u8], out: &mut Vec<u8>) {
    if from_utf8(bytes).is_ok() {
        return out.extend(bytes);
    }
    for piece in pieces(bytes) {
        out.extend(piece.map_or(REPLACEMENT, str::as_bytes));
    }
}

/// The number of UTF-16 units, Java's chars, that `bytes` decode to.
pub fn utf16_len(bytes: &[u8]) -> usize {
    pieces(bytes)
        .map(|piece| piece.map_or(1, |text| text.chars().map(char::len_utf16).sum()))
        .sum()
}

/// The length of the bytes that decode to the first character of `bytes`.
pub fn first_len(bytes: &[u8]) -> usize {
    match pieces(bytes).next() {
        Some(Some(text)) => text.chars().next().map_or(0, char::len_utf8),
        Some(None) => malformed(bytes),
        None => 0,
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
    use super::{decode, utf16_len};

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
            let mut out = Vec::new();
            decode(bytes, &mut out);
            let expected = expected.replace('?', "\u{fffd}");
            assert_eq!(String::from_utf8(out).unwrap(), expected, "{bytes:x?}");
        }
    }

    #[test]
    fn java_chars() {
        assert_eq!(utf16_len("aé€😀".as_bytes()), 5);
        assert_eq!(utf16_len(b"\xff\xed\xa0\x80a"), 3);
    }
}
