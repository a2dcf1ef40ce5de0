//! Sprig's JSON functions. Helm replaces `toJson`, `mustToJson` and `fromJson` with its own.

use crate::value::{FuncError, Function, Str, Value, json};

use super::args::{Args, Outcome, count, function};

pub(super) static FUNCTIONS: &[Function] = &[
    function!("fromJson", |s: &Str| json::decode(s.as_bytes()).unwrap_or_default(), (&Str)),
    function!("mustFromJson", must_from_json, (&Str)),
    function!("toJson", |v| lenient(json::encode(v)), (&Value)),
    function!("mustToJson", |v| json::encode(v).map_err(FuncError::Message), (&Value)),
    function!("toPrettyJson", |v| lenient(json::encode_pretty(v)), (&Value)),
    function!("mustToPrettyJson", |v| json::encode_pretty(v).map_err(FuncError::Message), (&Value)),
    function!("toRawJson", |v| json::encode_raw(v).map_err(FuncError::Message), (&Value)),
    function!("mustToRawJson", |v| json::encode_raw(v).map_err(FuncError::Message), (&Value)),
];

fn must_from_json(text: &Str) -> Result<Value, FuncError> {
    json::decode(text.as_bytes()).map_err(|error| FuncError::Message(error.to_string()))
}

/// The plain variants drop the error, and with it the text.
fn lenient(text: Result<String, String>) -> String {
    text.unwrap_or_default()
}
