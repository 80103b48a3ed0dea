//! What can go wrong: few things, since Spark's PERMISSIVE mode gives every record a row.

use std::fmt;

/// Why a call failed. The numbers are the C interface's return values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum Error {
    /// An argument breaks the interface's contract.
    InvalidArgument = -1,
    /// A record has more than `maxColumns` tokens [1.22].
    TooManyTokens = -2,
    /// The buffer, or the decoded text of its quoted fields, is larger than 2 GiB - 1.
    BufferTooLarge = -3,
    /// A text column's values are together larger than 2 GiB - 1, the limit of Arrow's utf8 offsets.
    ColumnTooLarge = -4,
    /// A defect of the kernel: it panicked.
    Internal = -5,
    /// An option, or a combination of options, that the kernel does not read as Spark does.
    Unsupported = -6,
    /// A token has more than `maxCharsPerColumn` characters [1.21].
    TokenTooLong = -7,
    /// `unescapedQuoteHandling` is RAISE_ERROR, and there is one.
    UnescapedQuote = -8,
    /// An object's lines end in several ways, and Spark's reading of it depends on the size of a buffer [2.3].
    MixedLineEnds = -9,
    /// The rules of a time zone are not known; the caller is to give them.
    ZoneNeeded = -10,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Error::InvalidArgument => "invalid argument",
            Error::TooManyTokens => "a record has too many tokens",
            Error::BufferTooLarge => "the buffer is larger than 2 GiB",
            Error::ColumnTooLarge => "a text column is larger than 2 GiB",
            Error::Internal => "internal error",
            Error::Unsupported => "unsupported option",
            Error::TokenTooLong => "a token has too many characters",
            Error::UnescapedQuote => "a quote inside a quoted field is not escaped",
            Error::ZoneNeeded => "a time zone is needed",
            Error::MixedLineEnds => "lines end in several ways",
        })
    }
}

impl std::error::Error for Error {}
