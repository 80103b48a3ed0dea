//! CSV bytes in, Arrow columns out, exactly as Apache Spark 4.3 reads them.
//!
//! The kernel does no I/O and knows no expressions. [`Scanner::scan`] finds the records of a block and where their
//! required fields lie; [`Scanner::columns`] turns these fields, of all records or of some, into Arrow arrays.
//!
//! Rule numbers in brackets, such as [3.2], are those of docs/csv.md. The kernel covers Spark's default
//! options, with any one-byte ASCII separator.
//!
//! ```
//! use storlets_csv_kernel::{ColumnType, Conversion, Dialect, Options, Scanner, Selection};
//!
//! let mut options = Options::decode(b"").unwrap();
//! let dialect = Dialect::parse(&mut options).unwrap();
//! let conversion = Conversion::parse(&mut options).unwrap();
//! let selection = Selection { columns: 2, required: &[1], pruning: true };
//! let block = b"1,x\n2,\"y,z\"\n";
//! let mut scanner = Scanner::new(dialect, conversion, &selection, true).unwrap();
//! let scanned = scanner.scan(block, block.len(), true).unwrap();
//! assert_eq!((scanned.records, scanned.consumed), (2, block.len()));
//! assert_eq!(scanner.field(block, 0, 1), Some(&b"y,z"[..]));
//! let columns = scanner.columns(block, &[(0, ColumnType::String)], None).unwrap();
//! assert_eq!(columns[0].len(), 2);
//! ```

#![deny(unsafe_code, unsafe_op_in_unsafe_fn, missing_docs)]

mod arrow;
mod column;
mod compare;
mod conversion;
mod cuts;
mod dialect;
mod error;
mod ffi;
mod field;
mod find;
mod index;
mod infer;
mod instant;
mod options;
mod parse;
mod pattern;
mod scan;
mod simd;
mod text;
mod tokenizer;
mod zone;

pub use arrow::{Array, ArrowArray};
pub use column::ColumnType;
pub use compare::Comparison;
pub use conversion::Conversion;
pub use cuts::{Cuts, Outcome};
pub use dialect::{Dialect, Encoding, UnescapedQuotes};
pub use error::Error;
pub use infer::Inferred;
pub use options::Options;
pub use scan::{tokens, Scanned, Scanner, Selection};
