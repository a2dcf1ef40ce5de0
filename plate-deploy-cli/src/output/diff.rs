//! Differences between two texts, as unified diffs.

use owo_colors::OwoColorize;
use similar::{ChangeTag, TextDiff};

/// A unified diff with three lines of context, coloured, without file headers.
pub(crate) fn unified(before: &str, after: &str, indent: &str) -> String {
    let diff = TextDiff::from_lines(before, after);
    let mut out = String::new();
    for hunk in diff.unified_diff().context_radius(3).iter_hunks() {
        out.push_str(&format!("{indent}{}\n", hunk.header().to_string().trim_end().cyan()));
        for change in hunk.iter_changes() {
            let text = change.value().trim_end_matches('\n');
            out.push_str(&match change.tag() {
                ChangeTag::Delete => format!("{indent}{}\n", format!("-{text}").red()),
                ChangeTag::Insert => format!("{indent}{}\n", format!("+{text}").green()),
                ChangeTag::Equal => format!("{indent} {text}\n"),
            });
        }
    }
    out
}
