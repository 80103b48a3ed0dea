//! Functions over columns, in Rust: the distance between places on a sphere, and whether a card's number can be right.
//!
//! Each gets the number of rows, then where each argument's column begins (of text, where the offsets and where the
//! characters do), then where the result is to be written; see docs/wasm.md.

use std::slice::{from_raw_parts, from_raw_parts_mut};

/// Kilometres.
const EARTH_RADIUS: f64 = 6371.0088;

/// `great_circle(latitude, longitude, latitude, longitude) double`: kilometres between two places.
///
/// # Safety
/// There is a value of each argument, and room for one of the result, for each row.
#[no_mangle]
pub unsafe extern "C" fn great_circle(
    rows: usize,
    latitudes: *const f64,
    longitudes: *const f64,
    other_latitudes: *const f64,
    other_longitudes: *const f64,
    out: *mut f64,
) {
    let [latitudes, longitudes, other_latitudes, other_longitudes] =
        [latitudes, longitudes, other_latitudes, other_longitudes].map(|column| from_raw_parts(column, rows));
    for (row, distance) in from_raw_parts_mut(out, rows).iter_mut().enumerate() {
        let (from, to) = (latitudes[row].to_radians(), other_latitudes[row].to_radians());
        let east = (other_longitudes[row] - longitudes[row]).to_radians();
        let haversine = ((to - from) / 2.0).sin().powi(2) + from.cos() * to.cos() * (east / 2.0).sin().powi(2);
        *distance = 2.0 * EARTH_RADIUS * haversine.sqrt().min(1.0).asin();
    }
}

/// `luhn(number) boolean`: do the digits of a text, whatever stands between them, end in the right check digit?
///
/// # Safety
/// There is an offset more than rows, each within the characters, and room for a byte for each row.
#[no_mangle]
pub unsafe extern "C" fn luhn(rows: usize, offsets: *const u32, characters: *const u8, out: *mut u8) {
    let offsets = from_raw_parts(offsets, rows + 1);
    for (row, right) in from_raw_parts_mut(out, rows).iter_mut().enumerate() {
        let (begin, end) = (offsets[row] as usize, offsets[row + 1] as usize);
        let text = from_raw_parts(characters.add(begin), end - begin);
        let digits = text.iter().rev().filter(|byte| byte.is_ascii_digit()).map(|byte| u32::from(byte - b'0'));
        let weigh = |(place, digit): (usize, u32)| if place % 2 == 0 { digit } else { digit / 5 + digit * 2 % 10 };
        let (count, sum) = digits.enumerate().map(weigh).fold((0, 0), |(count, sum), digit| (count + 1, sum + digit));
        *right = u8::from(count > 1 && sum % 10 == 0);
    }
}
