//! Eight bytes at a time, in a word of 64 bits.

use super::{Classes, Masks, Set, WORD};

const LOW: u64 = 0x7f7f_7f7f_7f7f_7f7f;
const ONES: u64 = 0x0101_0101_0101_0101;

/// Times this, the lowest bit of byte i becomes bit 56 + i, when no others are set.
const GATHER: u64 = 0x0102_0408_1020_4080;

pub struct Portable;

impl Set for Portable {
    type Needles = Classes;

    #[inline(always)]
    unsafe fn needles(classes: &Classes) -> Classes {
        *classes
    }

    #[inline(always)]
    unsafe fn masks<const INTRICATE: bool>(word: &[u8; WORD], needles: &Classes) -> Masks {
        let mut eights = [0; 8];
        for (eight, bytes) in eights.iter_mut().zip(word.chunks_exact(8)) {
            *eight = bytes
                .iter()
                .rev()
                .fold(0, |eight, &byte| eight << 8 | u64::from(byte));
        }
        let equal = |needle: u8| mask(&eights, |eight| zeros(eight ^ (ONES * u64::from(needle))));
        let ends = equal(needles.ends[0]) | equal(needles.ends[1]);
        let mut masks = Masks {
            quotes: equal(needles.quote),
            ends,
            structural: ends | equal(needles.separator),
            escapes: equal(needles.escapes[0]),
            blanks: 0,
            wide: 0,
        };
        if INTRICATE {
            masks.escapes |= equal(needles.escapes[1]);
            masks.wide = mask(&eights, |eight| eight & !LOW);
            // A byte above the space has its high bit set, or gets it when 0x7f - 0x20 is added.
            masks.blanks = mask(&eights, |eight| {
                !(((eight & LOW) + ONES * 0x5f) | eight) & !LOW
            });
        }
        masks
    }

    #[inline(always)]
    unsafe fn parities(mask: u64) -> u64 {
        [1, 2, 4, 8, 16, 32]
            .iter()
            .fold(mask, |mask, distance| mask ^ mask << distance)
    }

    #[inline(always)]
    unsafe fn select(mask: u64, nth: u32) -> u32 {
        let rest = (0..nth).fold(mask, |mask, _| mask & mask.wrapping_sub(1));
        rest.trailing_zeros()
    }
}

/// The high bits of the bytes that `hits` gives, as a mask.
#[inline(always)]
fn mask(eights: &[u64; 8], hits: impl Fn(u64) -> u64) -> u64 {
    let gather = |eight| (hits(eight) >> 7).wrapping_mul(GATHER) >> 56;
    eights
        .iter()
        .rev()
        .fold(0, |mask, &eight| mask << 8 | gather(eight))
}

/// The high bit of every byte that is zero.
#[inline(always)]
fn zeros(eight: u64) -> u64 {
    !(((eight & LOW) + LOW) | eight | LOW)
}
