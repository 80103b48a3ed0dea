//! How tokens become values: those of Spark's CSV options that its converters know.

use crate::error::Error::{self, InvalidArgument};
use crate::options::Options;
use crate::parse::Names;
use crate::pattern::Pattern;
use crate::text;

/// The pattern of a date without `dateFormat`.
pub const ISO_DATE: &str = "yyyy-MM-dd";

/// The patterns of dates of which Spark knows that the cast-style parser of timestamps takes them.
const DATES_IN_TIMESTAMPS: [&str; 7] = [
    ISO_DATE,
    "yyyy-M-d",
    "yyyy-M-dd",
    "yyyy-MM-d",
    "yyyy-MM",
    "yyyy-M",
    "yyyy",
];

/// The converters' settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversion {
    /// `nullValue`: a token that equals it is null [4.1].
    pub null_value: String,
    /// `nanValue` [4.11].
    pub nan_value: String,
    /// `positiveInf`.
    pub positive_inf: String,
    /// `negativeInf`.
    pub negative_inf: String,
    /// `dateFormat`, when set; an error when it is no pattern that is read here.
    pub date_format: Option<Result<Pattern, Error>>,
    /// `timestampFormat`, likewise.
    pub timestamp_format: Option<Result<Pattern, Error>>,
    /// `timestampNTZFormat`, likewise.
    pub timestamp_ntz_format: Option<Result<Pattern, Error>>,
    /// A timestamp without a format takes all that `dateFormat` takes: schema inference joins these types [7.6].
    pub dates_are_timestamps: bool,
    /// The conf `timestampType` is TIMESTAMP_NTZ: schema inference tries that type, too [7.1].
    pub prefer_ntz: bool,
    /// `enableDateTimeParsingFallback`, when set.
    pub date_fallback: Option<bool>,
    /// `preferDate`.
    pub prefer_date: bool,
    /// `timeZone`, or else the session's: the zone of a timestamp that names none.
    pub time_zone: String,
    /// When the query is planned, in microseconds since 1970 in UTC: its date in a zone is that of a timestamp that is
    /// only a time [5.9].
    pub now: i64,
}

impl Conversion {
    /// The settings that `options` give; what is not among them is as in Spark, in a session in UTC.
    pub fn parse(options: &mut Options) -> Result<Conversion, Error> {
        let mut text = |name, default| options.text(name, default).map(str::to_owned);
        let (null_value, nan_value) = (text("null_value", "")?, text("nan_value", "NaN")?);
        let (positive_inf, negative_inf) =
            (text("positive_inf", "Inf")?, text("negative_inf", "-Inf")?);
        let time_zone = text("time_zone", "UTC")?;
        let date_format = options.text("date_format", ISO_DATE)?;
        let mut format = |name| Ok(options.optional(name)?.map(Pattern::parse)) as Result<_, Error>;
        Ok(Conversion {
            null_value,
            nan_value,
            positive_inf,
            negative_inf,
            date_format: format("date_format")?,
            timestamp_format: format("timestamp_format")?,
            timestamp_ntz_format: format("timestamp_ntz_format")?,
            dates_are_timestamps: DATES_IN_TIMESTAMPS.contains(&date_format),
            prefer_ntz: match options.text("timestamp_type", "TIMESTAMP_LTZ")? {
                "TIMESTAMP_LTZ" => false,
                "TIMESTAMP_NTZ" => true,
                _ => return Err(InvalidArgument),
            },
            date_fallback: match options.optional("enable_date_time_parsing_fallback")? {
                Some(_) => Some(options.boolean("enable_date_time_parsing_fallback", false)?),
                None => None,
            },
            prefer_date: options.boolean("prefer_date", true)?,
            time_zone,
            now: options.number("now", 0)?,
        })
    }

    /// Whether a token is null [4.1].
    #[inline]
    pub fn is_null(&self, token: &[u8]) -> bool {
        let null = self.null_value.as_bytes();
        token == null || (!null.is_empty() && self.decodes_to_null(token))
    }

    /// Malformed bytes may be what nullValue has in their place.
    fn decodes_to_null(&self, token: &[u8]) -> bool {
        let null = self.null_value.as_bytes();
        !null.is_ascii() && text::decoded(token) == null
    }

    /// Whether `yyyy-MM-dd` is a date, if there is such a day.
    pub fn reads_iso_dates(&self) -> bool {
        self.date_format.is_none()
    }

    /// The texts of NaN and the infinities.
    pub fn names(&self) -> Names<'_> {
        Names::new(&self.nan_value, &self.positive_inf, &self.negative_inf)
    }
}
