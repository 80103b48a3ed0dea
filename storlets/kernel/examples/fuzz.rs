//! Random bytes in random dialects, cut at random places: nothing may panic, and where an object is cut and which
//! instructions are used must not show in the answer.
//!
//!     cargo run --release --example fuzz -- [--seconds 600] [--seed 1]

use std::fmt::Debug;
use std::time::{Duration, Instant};
use storlets_csv_kernel::{
    ColumnType, Comparison, Conversion, Dialect, Error, Options, Scanner, Selection,
};

fn main() {
    let (mut seconds, mut seed) = (600, 1);
    let mut arguments = std::env::args().skip(1);
    while let (Some(name), Some(value)) = (arguments.next(), arguments.next()) {
        let value: u64 = value.parse().expect("a number");
        match name.as_str() {
            "--seconds" => seconds = value,
            "--seed" => seed = value,
            _ => panic!("no such option: {}", name),
        }
    }
    let end = Instant::now() + Duration::from_secs(seconds);
    let (mut cases, mut records, mut refused) = (0u64, 0, 0);
    while Instant::now() < end {
        match Case::new(seed).check() {
            Some(count) => records += count,
            None => refused += 1,
        }
        seed += 1;
        cases += 1;
    }
    println!(
        "{} cases, {} records, {} refused; the next seed is {}",
        cases, records, refused, seed
    );
}

/// Numbers that look random: xorshift64*, see <https://www.jstatsoft.org/article/view/v008i14>.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % end
    }

    fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.below(from.len())]
    }

    fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }
}

/// Options and bytes.
#[derive(Debug)]
struct Case {
    seed: u64,
    options: Vec<(String, String)>,
    columns: usize,
    required: Vec<u32>,
    kinds: Vec<&'static str>,
    at_start: bool,
    bytes: Vec<u8>,
}

const KINDS: [&str; 10] = [
    "int",
    "bigint",
    "double",
    "float",
    "decimal(9,2)",
    "decimal(38,10)",
    "date",
    "timestamp_ntz",
    "string",
    "boolean",
];
const LITERALS: [(&str, &str); 6] = [
    ("int", "12"),
    ("bigint", "-7"),
    ("double", "1.5"),
    ("decimal(9,2)", "3.50"),
    ("date", "2020-02-29"),
    ("string", "a"),
];
const VALUES: [&str; 22] = [
    "",
    "a",
    "12",
    "-7",
    "+3",
    "1.5",
    "-0.25",
    "3.5",
    ".",
    "-",
    "1e3",
    "NaN",
    "-Inf",
    "99999999999999999999",
    "2020-02-29",
    "2021-02-29",
    "2020-2-9",
    "2020-01-02 03:04:05.678",
    "true",
    "\u{e9}",
    "\u{1f600}",
    "a long text that reaches into the next word",
];

impl Case {
    fn new(seed: u64) -> Case {
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let mut options = Vec::new();
        let mut special = vec![
            ",".to_owned(),
            "\"".to_owned(),
            "\\".to_owned(),
            "\n".to_owned(),
        ];
        let characters = [
            ",", "|", "\t", ";", "\"", "'", "\\", "#", "a", " ", "\0", "1", "-", "\u{e9}", "\u{7f}",
        ];
        for (name, one_in) in [
            ("sep", 3),
            ("quote", 6),
            ("escape", 2),
            ("comment", 5),
            ("char_to_escape_quote_escaping", 8),
        ] {
            if random.one_in(one_in) {
                let text = match name {
                    "escape" if random.one_in(2) => "\"",
                    _ => random.pick(&characters),
                };
                special.push(text.to_owned());
                options.push((name, text));
            }
        }
        let multi_line = random.one_in(4);
        if multi_line {
            options.push(("multi_line", "true"));
            options.push(("column_pruning", "false"));
        }
        if multi_line || random.one_in(6) {
            let separator = random.pick(&["\n", "\n", "\r\n", "\r", ";", "a", "\u{e9}"]);
            special.push(separator.to_owned());
            options.push(("line_sep", separator));
            if multi_line && random.one_in(2) {
                options.push(("normalize_line_ends", "true"));
            }
        }
        for (name, one_in, values) in [
            (
                "encoding",
                6,
                &["ISO-8859-1", "US-ASCII", "UTF-16LE", "UTF-16BE"][..],
            ),
            ("ignore_leading_white_space", 6, &["true"]),
            ("ignore_trailing_white_space", 8, &["true"]),
            ("null_value", 5, &["a", "12", "\u{e9}", "NULL"]),
            ("empty_value", 8, &["a", "E", "12"]),
            ("max_columns", 10, &["2", "5"]),
            ("max_chars_per_column", 12, &["3", "20"]),
            (
                "unescaped_quote_handling",
                6,
                &[
                    "STOP_AT_CLOSING_QUOTE",
                    "BACK_TO_DELIMITER",
                    "RAISE_ERROR",
                    "SKIP_VALUE",
                ],
            ),
        ] {
            if random.one_in(one_in) {
                options.push((name, random.pick(values)));
            }
        }
        let pruning = random.one_in(5) && !multi_line;
        if pruning {
            options.push(("column_pruning", "false"));
        }
        let most = [3, 10, 20][random.below(3)];
        let columns = 1 + random.below(most);
        let required = (0..columns as u32)
            .filter(|_| !random.one_in(3))
            .collect::<Vec<_>>();
        let kinds = required
            .iter()
            .map(|_| KINDS[random.below(KINDS.len())])
            .collect();
        let mut bytes = Vec::new();
        let length = [10, 100, 1000, 6000, 20_000][random.below(5)];
        let mode = random.below(4);
        while bytes.len() < length {
            match (mode, random.below(8)) {
                (3, _) => bytes.push(random.below(256) as u8),
                (0, 0..=5) | (_, 0..=1) => {
                    bytes.extend(special[random.below(special.len())].bytes())
                }
                (1, 2..=3) => {
                    let quote = special[random.below(2)].clone();
                    bytes.extend(quote.bytes());
                    bytes.extend(random.pick(&VALUES).bytes());
                    bytes.extend(quote.bytes());
                    bytes.extend(special[random.below(special.len())].bytes());
                }
                (_, 2) => bytes.extend(random.pick(&["\n", "\n", "\r\n", "\r", " ", "\0"]).bytes()),
                (_, 3) if random.one_in(20) => bytes.push(random.below(256) as u8),
                _ => {
                    bytes.extend(random.pick(&VALUES).bytes());
                    bytes.extend(special[random.below(special.len())].bytes());
                }
            }
        }
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        Case {
            seed,
            options: options.into_iter().map(owned).collect(),
            columns,
            required,
            kinds,
            at_start: random.one_in(2),
            bytes,
        }
    }

    fn scanner(&self) -> Result<Scanner, Error> {
        let piece =
            |text: &String| [&(text.len() as u32).to_le_bytes()[..], text.as_bytes()].concat();
        let encoded: Vec<u8> = self
            .options
            .iter()
            .flat_map(|(name, value)| [piece(name), piece(value)].concat())
            .collect();
        let mut options = Options::decode(&encoded)?;
        let selection = Selection {
            columns: self.columns,
            required: &self.required,
            pruning: options.boolean("column_pruning", true)?,
        };
        let dialect = Dialect::parse(&mut options)?;
        let conversion = Conversion::parse(&mut options)?;
        Scanner::new(dialect, conversion, &selection, self.at_start)
    }

    /// The number of records; None when the options are refused.
    fn check(&self) -> Option<usize> {
        let whole = self.read(self.scanner().ok()?, None);
        let mut random = Random(self.seed | 1 << 63);
        for portable in [false, true] {
            match portable {
                true => std::env::set_var("SPARK_STORLETS_PORTABLE", "1"),
                false => std::env::remove_var("SPARK_STORLETS_PORTABLE"),
            }
            let scanner = self.scanner().expect("options that were taken before");
            let cut = self.read(scanner, Some(&mut random));
            self.same(&whole, &cut);
        }
        std::env::remove_var("SPARK_STORLETS_PORTABLE");
        Some(whole.map_or(0, |records| records.len()))
    }

    /// All records, each as what is known of it. With `cuts` they are read in blocks that end at random.
    fn read(
        &self,
        mut scanner: Scanner,
        mut cuts: Option<&mut Random>,
    ) -> Result<Vec<String>, Error> {
        let (mut at, mut slack, mut found) = (0, 0, Vec::new());
        while at < self.bytes.len() {
            let rest = self.bytes.len() - at;
            let (limit, size) = match &mut cuts {
                None => (rest, rest),
                Some(random) => {
                    let most = [8, 70, 300, 3000][random.below(4)];
                    let limit = 1 + random.below(most);
                    (limit, limit + random.below(most) + slack)
                }
            };
            // A copy, so that nothing lies behind it.
            let held = self.bytes[at..at + size.min(rest)].to_vec();
            let scanned = scanner.scan(&held, limit, held.len() == rest)?;
            self.describe(&mut scanner, &held, scanned.records, &mut found)?;
            assert!(scanned.consumed <= held.len(), "{:?}", self);
            at += scanned.consumed;
            slack = if scanned.consumed > 0 {
                0
            } else {
                2 * slack + 64
            };
            if held.len() == rest && scanned.consumed == 0 && limit >= rest {
                break;
            }
        }
        Ok(found)
    }

    fn describe(
        &self,
        scanner: &mut Scanner,
        held: &[u8],
        count: usize,
        found: &mut Vec<String>,
    ) -> Result<(), Error> {
        let mut known = vec![String::new(); count];
        let rows: Vec<u64> = (0..count as u64).rev().step_by(3).collect();
        for (slot, kind) in self.kinds.iter().enumerate() {
            for (record, known) in known.iter_mut().enumerate() {
                known.push_str(&format!("{:?} ", scanner.field(held, slot, record)));
            }
            let wanted = [(slot, ColumnType::parse(kind)?)];
            let column = &scanner.columns(held, &wanted, None)?[0];
            for (record, known) in known.iter_mut().enumerate() {
                let valid = column
                    .validity()
                    .map_or(true, |bits| bits[record / 8] >> (record % 8) & 1 == 1);
                known.push(if valid { '+' } else { '-' });
            }
            scanner.columns(held, &wanted, Some(&rows))?;
            let (kind, literal) = LITERALS[slot % LITERALS.len()];
            let comparison = Comparison::parse(ColumnType::parse(kind)?, "<=", literal)?;
            let all = scanner.filter(held, slot, &comparison, None)?.len();
            let some = scanner.filter(held, slot, &comparison, Some(&rows))?.len();
            assert!(some <= all && all <= count, "{:?}", self);
        }
        scanner.malformed(None)?;
        scanner.text(held, None)?;
        found.extend(known);
        Ok(())
    }

    fn same<T: Debug + PartialEq>(
        &self,
        whole: &Result<Vec<T>, Error>,
        cut: &Result<Vec<T>, Error>,
    ) {
        if whole == cut {
            return;
        }
        if let (Ok(whole), Ok(cut)) = (whole, cut) {
            let at = (0..whole.len().max(cut.len())).find(|&at| whole.get(at) != cut.get(at));
            let at = at.unwrap_or_default();
            panic!(
                "{:?}\nrecord {}: {:?} or {:?}",
                self,
                at,
                whole.get(at),
                cut.get(at)
            );
        }
        let outcome =
            |read: &Result<Vec<T>, Error>| read.as_ref().map(Vec::len).map_err(|&error| error);
        panic!("{:?}\n{:?} or {:?}", self, outcome(whole), outcome(cut));
    }
}
