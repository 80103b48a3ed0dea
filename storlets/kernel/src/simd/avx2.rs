//! Thirty-two bytes at a time, in registers of x86-64 machines since 2013.

// Of newer compilers, most intrinsics are safe where the machine's features are known.
#![allow(unused_unsafe)]

use super::{classify_with, locate_with, Before, Classes, Found, Masks, Records, Set, Words, WORD};
use crate::field::{Field, Rows, Tokens};
use crate::parse::{self, Number, WIDTH};
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
pub unsafe fn locate(records: &Records<'_>, column: u32, rows: Rows<'_>, fields: &mut Vec<Field>) {
    // SAFETY: the features are this function's.
    unsafe { locate_with::<Avx2>(records, column, rows, fields) }
}

/// # Safety
/// The machine has these features.
#[target_feature(enable = "avx2,bmi1,bmi2,popcnt,pclmulqdq")]
pub unsafe fn numbers<const WHOLE: bool, T>(
    tokens: Tokens<'_>,
    values: &mut [T],
    others: &mut Vec<u32>,
    read: impl Fn(Number) -> Option<T>,
) {
    for (at, (value, field)) in values.iter_mut().zip(tokens.fields).enumerate() {
        let number = match tokens.tail(field) {
            // SAFETY: the features are this function's.
            Some((tail, length)) => unsafe { number_in::<WHOLE>(tail, length) },
            None => Number::NONE,
        };
        match number.some().and_then(&read) {
            Some(read) => *value = read,
            None => others.push(at as u32),
        }
    }
}

/// # Safety
/// The machine has these features.
#[target_feature(enable = "avx2,bmi1,bmi2,popcnt,pclmulqdq")]
pub unsafe fn decimals(
    tokens: Tokens<'_>,
    precision: u8,
    scale: u8,
    values: &mut [i128],
    others: &mut Vec<u32>,
) {
    // Most have just so many places; their point is always there.
    let point = (WIDTH - 1).saturating_sub(scale.into());
    let (mut zeros, mut most) = ([b'0'; WIDTH], [9u8; WIDTH]);
    zeros[point] = b'.';
    most[point] = 0;
    let limit = parse::power(precision.into()).unwrap_or(u64::MAX);
    for (at, (value, field)) in values.iter_mut().zip(tokens.fields).enumerate() {
        if let Some((tail, length)) = tokens.tail(field) {
            let negative = tail.get(WIDTH - length) == Some(&b'-');
            let digits = length - usize::from(negative);
            // SAFETY: the features are this function's; all loads are of sixteen bytes that are there.
            let read = unsafe {
                let text = load(tail);
                let own = last(digits);
                let zeros = load(&zeros);
                let most = load(&most);
                let read = _mm_and_si128(_mm_xor_si128(text, zeros), own);
                let fine = _mm_cmpeq_epi8(_mm_max_epu8(read, most), most);
                let close = load(&CLOSED[point]);
                let read = number_of(_mm_shuffle_epi8(read, close));
                let plain = (_mm_movemask_epi8(fine) == 0xffff) & (digits + point > WIDTH);
                match plain & (read < limit) {
                    true => Some(read as i64),
                    false => None,
                }
            };
            if let Some(read) = read {
                *value = if negative { -read } else { read }.into();
                continue;
            }
            // SAFETY: the features are this function's.
            let number = unsafe { number_in::<false>(tail, length) };
            let read = |number| parse::scaled(number, precision, scale);
            if let Some(read) = number.some().and_then(read) {
                *value = read;
                continue;
            }
        }
        others.push(at as u32);
    }
}

#[inline(always)]
unsafe fn load(bytes: &[u8; WIDTH]) -> __m128i {
    // SAFETY: the caller has the features.
    unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) }
}

/// The number of sixteen digits, each a byte.
#[inline(always)]
unsafe fn number_of(digits: __m128i) -> u64 {
    // SAFETY: the caller has the features.
    unsafe {
        let pairs = _mm_maddubs_epi16(digits, _mm_set1_epi16(1 << 8 | 10));
        let fours = _mm_madd_epi16(pairs, _mm_set1_epi32(1 << 16 | 100));
        let fours = _mm_packus_epi32(fours, fours);
        let eights = _mm_madd_epi16(fours, _mm_set1_epi32(1 << 16 | 10_000));
        let eights = _mm_cvtsi128_si64(eights) as u64;
        (eights & 0xffff_ffff) * 100_000_000 + (eights >> 32)
    }
}

/// The number in the last `length` of these bytes, of which there are so many at least.
#[inline(always)]
unsafe fn number_in<const WHOLE: bool>(tail: &[u8; WIDTH], length: usize) -> Number {
    let negative = tail.get(WIDTH - length) == Some(&b'-');
    let digits = length - usize::from(negative);
    // SAFETY: the caller has the features; all loads are of sixteen bytes that are there.
    unsafe {
        let text = load(tail);
        let own = last(digits);
        let mut values = _mm_and_si128(_mm_sub_epi8(text, _mm_set1_epi8(b'0' as i8)), own);
        let mut point = WIDTH;
        if !WHOLE {
            // What is before the first point moves over it; another one is no digit.
            let points = _mm_and_si128(_mm_cmpeq_epi8(text, _mm_set1_epi8(b'.' as i8)), own);
            let points = _mm_movemask_epi8(points) as u32;
            point = (points | 1 << WIDTH).trailing_zeros() as usize;
            values = _mm_shuffle_epi8(values, load(&CLOSED[point]));
        }
        let nine = _mm_set1_epi8(9);
        let fine = _mm_cmpeq_epi8(_mm_max_epu8(values, nine), nine);
        let any = digits > usize::from(point < WIDTH);
        let value = number_of(values);
        let places = (WIDTH - 1).saturating_sub(point);
        match (_mm_movemask_epi8(fine) == 0xffff) & any {
            true => Number::new(negative, value, point < WIDTH, places as u64),
            false => Number::NONE,
        }
    }
}

/// Sixteen bytes of which the last so many are all ones, the others zeros.
#[inline(always)]
unsafe fn last(count: usize) -> __m128i {
    // SAFETY: the caller has the features; these bytes are there.
    unsafe { _mm_loadu_si128(LAST[count..count + WIDTH].as_ptr().cast()) }
}

/// From the nth byte on, the last n of sixteen are all ones, the others zeros.
static LAST: [u8; 2 * WIDTH] = {
    let mut last = [0; 2 * WIDTH];
    let mut at = WIDTH;
    while at < last.len() {
        last[at] = 0xff;
        at += 1;
    }
    last
};

/// For each byte, and for none, the shuffle by which those before it move over it.
static CLOSED: [[u8; WIDTH]; WIDTH + 1] = {
    let mut closed = [[0; WIDTH]; WIDTH + 1];
    let mut point = 0;
    while point <= WIDTH {
        let mut at = 0;
        while at < WIDTH {
            let from = if at <= point && point < WIDTH {
                (at as u8).wrapping_sub(1)
            } else {
                at as u8
            };
            closed[point][at] = from;
            at += 1;
        }
        point += 1;
    }
    closed
};

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
