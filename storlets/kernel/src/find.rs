//! Searching for a few byte values, eight bytes at a time.

const ONES: u64 = 0x0101_0101_0101_0101;
const LOW: u64 = 0x7f7f_7f7f_7f7f_7f7f;

/// The position of the first byte at or after `from` that is one of `needles`, or `bytes.len()`.
#[inline]
pub fn find<const N: usize>(bytes: &[u8], from: usize, needles: [u8; N]) -> usize {
    let patterns = needles.map(|needle| ONES * u64::from(needle));
    let mut at = from;
    while let Some(Ok(word)) = bytes.get(at..at + 8).map(<[u8; 8]>::try_from) {
        let word = u64::from_le_bytes(word);
        let hits = patterns
            .iter()
            .fold(0, |hits, pattern| hits | zero_bytes(word ^ pattern));
        if hits != 0 {
            return at + hits.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    let tail = bytes.get(at..).unwrap_or_default();
    at + tail
        .iter()
        .position(|byte| needles.contains(byte))
        .unwrap_or(tail.len())
}

/// The high bit of every byte of `word` that is zero. No borrow crosses a byte, so no byte is named wrongly.
#[inline]
fn zero_bytes(word: u64) -> u64 {
    !(((word & LOW) + LOW) | word | LOW)
}

#[cfg(test)]
mod tests {
    use super::find;

    #[test]
    fn finds_every_position_at_every_alignment() {
        for length in 0..40 {
            for position in 0..length {
                for from in 0..=position {
                    let mut bytes = vec![0x80; length];
                    bytes[position] = b',';
                    assert_eq!(find(&bytes, from, [b'\n', b',']), position);
                }
            }
            assert_eq!(find(&vec![0xff; length], 0, [0x7f, 0]), length);
        }
    }

    #[test]
    fn takes_the_first_of_several() {
        assert_eq!(find(b"abcdefgh\r\n,", 0, [b',', b'\n', b'\r']), 8);
        assert_eq!(find(b"\x00\x01\x02", 0, [1, 2]), 1);
    }
}
