//! How the bytes of an object are cut into records and tokens: those of Spark's CSV options that its tokenizer knows.

use crate::error::Error::{self, InvalidArgument};
use crate::options::Options;

/// What text follows a quote inside a quoted field that neither ends the field nor is escaped [3.1.5].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum UnescapedQuotes {
    StopAtDelimiter,
    StopAtClosingQuote,
    BackToDelimiter,
    SkipValue,
    RaiseError,
}

/// How bytes are characters [1.10].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Encoding {
    Utf8,
    Latin1,
    Ascii,
    Utf16Le,
    Utf16Be,
}

/// The tokenizer's settings. A character is a UTF-16 unit, as in Java.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dialect {
    /// `sep`, one or more characters, un-escaped.
    pub separator: Vec<u16>,
    /// `quote`; NUL when the option is empty.
    pub quote: u16,
    /// `escape`; NUL when the option is empty.
    pub escape: u16,
    /// `charToEscapeQuoteEscaping`, its default resolved [3.1.4].
    pub escape_escape: Option<u16>,
    /// `comment`.
    pub comment: Option<u16>,
    /// `lineSep`; with `multi_line` also the one that was detected in the object [2.2].
    pub line_separator: Option<Vec<u16>>,
    /// `multiLine`.
    pub multi_line: bool,
    /// With `multi_line`: the line separator was detected, so line ends inside quotes become `\n` [2.5].
    pub normalize: bool,
    /// `unescapedQuoteHandling`.
    pub unescaped_quotes: UnescapedQuotes,
    /// `ignoreLeadingWhiteSpace`.
    pub trim_leading: bool,
    /// `ignoreTrailingWhiteSpace`.
    pub trim_trailing: bool,
    /// `encoding`.
    pub encoding: Encoding,
    /// `emptyValue`: the text of a quoted field with nothing in it.
    pub empty_value: String,
    /// `maxColumns`: the most tokens a record may have [1.22].
    pub max_columns: usize,
    /// `maxCharsPerColumn`: the most characters a token may have [1.21].
    pub max_chars: Option<usize>,
}

impl Dialect {
    /// The settings that `options` give; what is not among them is as in Spark.
    pub fn parse(options: &mut Options) -> Result<Dialect, Error> {
        let separator: Vec<u16> = options.text("sep", ",")?.encode_utf16().collect();
        let quote = options.character("quote")?.unwrap_or(u16::from(b'"'));
        let escape = options.character("escape")?.unwrap_or(u16::from(b'\\'));
        let escape_escape = options.character("char_to_escape_quote_escaping")?;
        let dialect = Dialect {
            separator,
            quote,
            escape,
            escape_escape: escape_escape.or((escape != quote).then_some(escape)),
            comment: options.character("comment")?,
            line_separator: options
                .optional("line_sep")?
                .map(|text| text.encode_utf16().collect()),
            multi_line: options.boolean("multi_line", false)?,
            normalize: options.boolean("normalize_line_ends", false)?,
            unescaped_quotes: match options.text("unescaped_quote_handling", "STOP_AT_DELIMITER")? {
                "STOP_AT_DELIMITER" => UnescapedQuotes::StopAtDelimiter,
                "STOP_AT_CLOSING_QUOTE" => UnescapedQuotes::StopAtClosingQuote,
                "BACK_TO_DELIMITER" => UnescapedQuotes::BackToDelimiter,
                "SKIP_VALUE" => UnescapedQuotes::SkipValue,
                "RAISE_ERROR" => UnescapedQuotes::RaiseError,
                _ => return Err(InvalidArgument),
            },
            trim_leading: options.boolean("ignore_leading_white_space", false)?,
            trim_trailing: options.boolean("ignore_trailing_white_space", false)?,
            encoding: match options.text("encoding", "UTF-8")? {
                "UTF-8" => Encoding::Utf8,
                "ISO-8859-1" => Encoding::Latin1,
                "US-ASCII" => Encoding::Ascii,
                "UTF-16LE" => Encoding::Utf16Le,
                "UTF-16BE" => Encoding::Utf16Be,
                _ => return Err(InvalidArgument),
            },
            empty_value: options.text("empty_value", "")?.to_owned(),
            max_columns: options.number("max_columns", 20480)?,
            max_chars: options
                .optional("max_chars_per_column")?
                .map(|text| text.parse().map_err(|_| InvalidArgument))
                .transpose()?,
        };
        if dialect.separator.is_empty() || (dialect.multi_line && dialect.line_separator.is_none())
        {
            return Err(InvalidArgument);
        }
        Ok(dialect)
    }

    /// The line separator's bytes in the object, when it is given.
    pub fn line_separator_bytes(&self) -> Option<Vec<u8>> {
        let text = String::from_utf16_lossy(self.line_separator.as_ref()?);
        let units = text.encode_utf16();
        Some(match self.encoding {
            Encoding::Utf8 => text.into_bytes(),
            Encoding::Latin1 | Encoding::Ascii => {
                let byte = |unit| u8::try_from(unit).unwrap_or(b'?');
                units.map(byte).collect()
            }
            Encoding::Utf16Le => units.flat_map(u16::to_le_bytes).collect(),
            Encoding::Utf16Be => units.flat_map(u16::to_be_bytes).collect(),
        })
    }
}
