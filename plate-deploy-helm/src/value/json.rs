//! JSON as Go's `encoding/json` writes and reads it.

mod read;
mod write;

pub use read::{JsonError, decode, decode_first, decode_list, decode_map};
pub(crate) use write::{bytes_of, number_text, write_string};
pub use write::{encode, encode_pretty, encode_raw};

/// Deepest nesting written or read. Go stops reading at 10,000 and finds cycles when writing.
pub(crate) const MAX_DEPTH: usize = 1000;
