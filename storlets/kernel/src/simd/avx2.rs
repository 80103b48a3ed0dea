//! Thirty-two bytes at a time, in registers of x86-64 machines since 2013.

// Of newer compilers, most intrinsics are safe where the machine's features are known.
#![allow(unused_unsafe)]

use super::{classify_with, locate_with, Before, Classes, Found, Masks, Records, Set, Words, WORD};
use crate::field::Field;
use std::arch::x86_64::*;

/// Whether the machine has all that is used here.
pub fn available() -> bool {
    is_x86_feature_detected!("avx2")
        && is_x86_feature_detected!("bmi1")
        && is_x86_feature_detected!("bmi2")
        && is_x86_feature_detected!("popcnt")
        && is_x86_feature_detected!("pclmulqdq")
}

/// # Safety
/// The machine has these features.
#[target_feature(enable = "avx2,bmi1,bmi2,popcnt,pclmulqdq")]
pub unsafe fn classify(
    classes: &Classes,
    words: &Words<'_>,
    before: &mut Before,
    bits: &mut [u64],
    found: &mut Found,
) -> Option<usize> {
    // SAFETY: the features are this function's.
    unsafe { classify_with::<Avx2>(classes, words, before, bits, found) }
}

/// # Safety
/// The machine has these features.
#[target_feature(enable = "avx2,bmi1,bmi2,popcnt,pclmulqdq")]
pub unsafe fn locate(
    records: &Records<'_>,
    column: u32,
    rows: Option<&[u64]>,
    fields: &mut Vec<Field>,
) {
    // SAFETY: the features are this function's.
    unsafe { locate_with::<Avx2>(records, column, rows, fields) }
}

struct Avx2;

#[derive(Clone, Copy)]
struct Needles {
    separator: __m256i,
    quote: __m256i,
    ends: [__m256i; 2],
    escapes: [__m256i; 2],
}

/// A mask of 64 bytes, of what a comparison makes of each half of them. A macro, since a closure has no features.
macro_rules! mask {
    ($halves:expr, |$half:ident| $hits:expr) => {{
        let [$half, second] = $halves;
        let low = _mm256_movemask_epi8($hits) as u32;
        let $half = second;
        let high = _mm256_movemask_epi8($hits) as u32;
        u64::from(low) | u64::from(high) << 32
    }};
}

impl Set for Avx2 {
    type Needles = Needles;

    #[inline(always)]
    unsafe fn needles(classes: &Classes) -> Needles {
        // SAFETY: the caller has the features.
        unsafe {
            Needles {
                separator: _mm256_set1_epi8(classes.separator as i8),
                quote: _mm256_set1_epi8(classes.quote as i8),
                ends: [
                    _mm256_set1_epi8(classes.ends[0] as i8),
                    _mm256_set1_epi8(classes.ends[1] as i8),
                ],
                escapes: [
                    _mm256_set1_epi8(classes.escapes[0] as i8),
                    _mm256_set1_epi8(classes.escapes[1] as i8),
                ],
            }
        }
    }

    #[inline(always)]
    unsafe fn masks<const INTRICATE: bool>(word: &[u8; WORD], needles: &Needles) -> Masks {
        // SAFETY: the caller has the features; the two loads are the word's halves.
        unsafe {
            let start: *const __m256i = word.as_ptr().cast();
            let halves = [_mm256_loadu_si256(start), _mm256_loadu_si256(start.add(1))];
            let ends = mask!(halves, |half| _mm256_or_si256(
                _mm256_cmpeq_epi8(half, needles.ends[0]),
                _mm256_cmpeq_epi8(half, needles.ends[1])
            ));
            let mut masks = Masks {
                quotes: mask!(halves, |half| _mm256_cmpeq_epi8(half, needles.quote)),
                ends,
                structural: ends | mask!(halves, |half| _mm256_cmpeq_epi8(half, needles.separator)),
                escapes: mask!(halves, |half| _mm256_cmpeq_epi8(half, needles.escapes[0])),
                blanks: 0,
                wide: 0,
            };
            if INTRICATE {
                masks.escapes |= mask!(halves, |half| _mm256_cmpeq_epi8(half, needles.escapes[1]));
                masks.wide = mask!(halves, |half| half);
                let space = _mm256_set1_epi8(b' ' as i8);
                masks.blanks = mask!(halves, |half| _mm256_cmpeq_epi8(
                    _mm256_min_epu8(half, space),
                    half
                ));
            }
            masks
        }
    }

    #[inline(always)]
    unsafe fn parities(mask: u64) -> u64 {
        // SAFETY: the caller has the features.
        unsafe {
            let product =
                _mm_clmulepi64_si128(_mm_cvtsi64_si128(mask as i64), _mm_set1_epi8(-1), 0);
            _mm_cvtsi128_si64(product) as u64
        }
    }

    #[inline(always)]
    unsafe fn select(mask: u64, nth: u32) -> u32 {
        // SAFETY: the caller has the features.
        unsafe { _pdep_u64(1 << nth, mask) }.trailing_zeros()
    }
}
