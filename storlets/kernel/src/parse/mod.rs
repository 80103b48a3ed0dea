//! Values from their text, one type a module. Each parser takes a token that is not null and gives None for what Spark
//! reads as null because it does not convert [6.2].

mod date;
mod decimal;
mod double;
mod int;
mod timestamp;
mod token;

pub use date::{
    date, days, iso_date, iso_digits, iso_parts, without_gmt, ISO_DATE_LENGTH, LENGTHS,
};
pub use decimal::{decimal, power, scaled, whole_digits};
pub use double::{double, exact, float, Names};
pub use int::{int, int64};
pub use timestamp::{moment, DAY};
pub use token::{Number, Token, WIDTH};

/// A truth value [5.4].
pub fn boolean(token: &[u8]) -> Option<bool> {
    let names = [(&b"true"[..], true), (b"false", false)];
    let found = names
        .iter()
        .find(|(name, _)| token.eq_ignore_ascii_case(name));
    found.map(|&(_, value)| value)
}

/// `bytes` without the characters at both ends that `blank` names.
fn trim(bytes: &[u8], blank: impl Fn(u8) -> bool) -> &[u8] {
    let start = bytes.iter().position(|&byte| !blank(byte));
    let end = bytes.iter().rposition(|&byte| !blank(byte));
    match (start, end) {
        (Some(start), Some(end)) => &bytes[start..=end],
        _ => &[],
    }
}

/// Splits an optional sign off: whether it is a minus, and the rest.
fn sign(bytes: &[u8]) -> (bool, &[u8]) {
    match bytes {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, bytes),
    }
}
