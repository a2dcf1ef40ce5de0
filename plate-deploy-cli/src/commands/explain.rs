//! `explain`.

use serde_json::json;

use super::Outcome;
use crate::args::{Explain, Format, Global};
use crate::codes::{CODES, find};
use crate::command_error::CommandError;
use crate::language::Message;
use crate::output;

/// Explains a code, or lists all of them.
pub(crate) fn run(global: &Global, args: Explain) -> Outcome {
    let Some(word) = args.code else {
        let all: Vec<_> = CODES.iter().map(|code| json!({"code": code.id, "explanation": code.text()})).collect();
        output::result(global.output, &all, |_| {
            CODES.iter().map(|code| format!("{}\n    {}\n", code.id, code.text())).collect()
        })?;
        return Ok(0);
    };
    let id = word.trim_matches(['[', ']']);
    let Some(code) = find(id) else {
        let all: Vec<&str> = CODES.iter().map(|code| code.id).collect();
        let error = CommandError::usage(format!("{id}: {} {}", Message::NoSuchCode.text(), all.join(", ")));
        let near = plate_deploy_core::workspace::nearest(id, all.into_iter());
        return Err(error.hint(near.map_or_else(String::new, |near| format!("plate-deploy explain {near}"))));
    };
    let value = json!({"code": code.id, "explanation": code.text()});
    if global.output == Format::Text {
        output::raw(&format!("{}\n\n{}\n", code.id, code.text()))?;
    } else {
        output::result(global.output, &value, |_| String::new())?;
    }
    Ok(0)
}
