//! Objects that change, as HTML.

use super::{Tone, badge, text};
use crate::report::lines::{LineTag, hunks};
use crate::report::{Action, ResourceChange};

/// Most lines of one object that a page shows.
const MAX_LINES: usize = 2000;

/// One block for each object, closed unless there are few of them.
#[must_use]
pub fn changes_html(changes: &[ResourceChange]) -> String {
    let open = if changes.len() <= 3 { " open" } else { "" };
    let mut out = String::new();
    for change in changes {
        let (tone, word) = match change.action {
            Action::Create => (Tone::Good, "create"),
            Action::Update => (Tone::Warn, "update"),
            Action::Prune => (Tone::Bad, "delete"),
            Action::KeepExtra => (Tone::Plain, "extra, kept"),
            Action::Hook => (Tone::Plain, "hook"),
        };
        let key = text(&change.key.to_string());
        out.push_str(&format!("<details{open}><summary><code>{key}</code>{}</summary>\n", badge(tone, word)));
        out.push_str(&format!(
            "<div class=\"scroll\" role=\"region\" aria-label=\"Difference of {key}\" tabindex=\"0\">"
        ));
        out.push_str(&lines(&change.before, &change.after));
        out.push_str("</div></details>\n");
    }
    out
}

fn lines(before: &str, after: &str) -> String {
    let mut out = String::from("<pre class=\"diff\">");
    let mut count = 0;
    for hunk in hunks(before, after) {
        out.push_str(&format!("<span class=\"hunk\">{}</span>", text(&hunk.header)));
        for line in hunk.lines {
            count += 1;
            if count > MAX_LINES {
                out.push_str("<span class=\"hunk\">… the rest is left out: too many lines</span></pre>");
                return out;
            }
            let (class, sign) = match line.tag {
                LineTag::Same => ("same", ' '),
                LineTag::Added => ("add", '+'),
                LineTag::Removed => ("del", '-'),
            };
            out.push_str(&format!("<span class=\"{class}\">{sign}{}</span>", text(&line.text)));
        }
    }
    out.push_str("</pre>");
    out
}
