//! A comment for a pull request: safe against markup in names and contents, within GitHub's size.

use super::{ApplicationDiff, Fate, RepositoryDiff, SubjectKind};
use crate::report::html::{is_deceptive, text as escape_html};
use crate::report::lines::{LineTag, hunks};
use crate::report::{Action, ResourceChange};

/// GitHub refuses comments over 65,536 characters; this leaves room for what a caller puts around.
pub const GITHUB_LIMIT: usize = 60_000;

/// Most lines of one object before its difference is cut.
const MAX_LINES: usize = 400;

/// The comment, at most `limit` bytes long (but never shorter than its summary): differences that do not fit are left out
/// and counted.
#[must_use]
pub fn markdown(diff: &RepositoryDiff, limit: usize) -> String {
    let range = format!("{}..{}", short(&diff.from.commit), short(&diff.to.commit));
    let mut out = format!("### plate-deploy diff {}\n\n{}\n", code(&range), plain(&diff.summary()));
    let changed: Vec<_> = diff.changed().collect();
    if changed.is_empty() {
        return out;
    }
    let budget = limit.saturating_sub(200);
    out.push_str("\n| | name | environment | created | changed | deleted |\n|---|---|---|---:|---:|---:|\n");
    let mut left_out = 0;
    for app in &changed {
        let row = row(app);
        if out.len() + row.len() > budget / 2 {
            left_out += 1;
        } else {
            out.push_str(&row);
        }
    }
    if left_out > 0 {
        out.push_str(&format!("\n… and {left_out} more.\n"));
    }
    out.push('\n');
    let mut hidden = 0;
    for app in &changed {
        let block = details(app);
        if out.len() + block.len() > budget {
            hidden += 1;
        } else {
            out.push_str(&block);
        }
    }
    if hidden > 0 {
        out.push_str(&format!(
            "\n**The differences of {hidden} are left out: the comment would be too long.** The HTML page holds them all.\n"
        ));
    }
    out
}

fn row(app: &ApplicationDiff) -> String {
    let [created, updated, deleted] = app.counts();
    let environment = app.environment.as_deref().map_or_else(|| "all".to_owned(), code);
    let problem = if app.problems.is_empty() { "" } else { " ⚠ cannot be rendered" };
    format!("| {} | {}{problem} | {environment} | {created} | {updated} | {deleted} |\n", fate(app), code(&app.name))
}

fn fate(app: &ApplicationDiff) -> &'static str {
    match (app.kind, app.fate) {
        (SubjectKind::Library, Fate::Added) => "new library",
        (SubjectKind::Library, Fate::Removed) => "library removed",
        (SubjectKind::Library, _) => "library",
        (_, Fate::Added) => "new",
        (_, Fate::Removed) => "removed",
        (SubjectKind::AppOfApps, _) => "app-of-apps",
        _ => "changed",
    }
}

fn details(app: &ApplicationDiff) -> String {
    let [created, updated, deleted] = app.counts();
    let mut out = format!(
        "<details><summary><code>{}</code>: {created} created, {updated} changed, {deleted} deleted</summary>\n\n",
        html_inline(&app.name)
    );
    if !app.causes.is_empty() {
        let causes: Vec<String> = app.causes.iter().map(|cause| code(cause)).collect();
        out.push_str(&format!("Because of {}\n\n", causes.join(", ")));
    }
    for problem in &app.problems {
        out.push_str(&fenced("text", &problem.to_string()));
    }
    for change in &app.changes {
        out.push_str(&change_block(change));
    }
    out.push_str("</details>\n\n");
    out
}

fn change_block(change: &ResourceChange) -> String {
    let word = match change.action {
        Action::Create => "created",
        Action::Update => "changed",
        Action::Prune => "deleted",
        Action::KeepExtra => "kept",
        Action::Hook => "hook",
    };
    let mut lines = Vec::new();
    for hunk in hunks(&change.before, &change.after) {
        lines.push(hunk.header);
        lines.extend(hunk.lines.iter().map(|line| {
            let sign = match line.tag {
                LineTag::Same => ' ',
                LineTag::Removed => '-',
                LineTag::Added => '+',
            };
            format!("{sign}{}", line.text)
        }));
    }
    if lines.len() > MAX_LINES {
        let more = lines.len() - MAX_LINES;
        lines.truncate(MAX_LINES);
        lines.push(format!("… {more} more lines"));
    }
    format!("{} {word}\n\n{}", code(&change.key.to_string()), fenced("diff", &lines.join("\n")))
}

/// A fence that nothing in the content can close.
fn fenced(language: &str, content: &str) -> String {
    let content: String = content.chars().map(|c| if c == '\n' || c == '\t' { c } else { visible(c) }).collect();
    let fence = "`".repeat(longest_run(&content).max(2) + 1);
    format!("{fence}{language}\n{content}\n{fence}\n\n")
}

/// A code span on one line that nothing in the text can end: no markup, mention or link in it has an effect, and no `|`
/// ends a cell of a table.
fn code(text: &str) -> String {
    let text: String = text.chars().map(visible).collect();
    let ticks = "`".repeat(longest_run(&text) + 1);
    let pad = if text.is_empty() || text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{ticks}{pad}{}{pad}{ticks}", text.replace('|', "\\|"))
}

/// Text inside HTML that stands in Markdown: no markup of either.
fn html_inline(text: &str) -> String {
    let text: String = text.chars().map(visible).collect();
    let mut out = String::new();
    for c in escape_html(&text).chars() {
        match c {
            '*' | '_' | '`' | '[' | ']' | '~' | '|' | '\\' | '@' | '!' => out.push_str(&format!("&#{};", u32::from(c))),
            c => out.push(c),
        }
    }
    out
}

/// Our own sentences: numbers and words only.
fn plain(text: &str) -> String {
    text.chars().map(visible).collect()
}

/// Line breaks become spaces; what deceives becomes visible.
fn visible(c: char) -> char {
    if c == '\n' || c == '\t' {
        ' '
    } else if is_deceptive(c) {
        '\u{FFFD}'
    } else {
        c
    }
}

fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

fn short(commit: &str) -> String {
    commit.chars().take(10).collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::diff_of;
    use super::*;

    #[test]
    fn hostile_names_and_contents_stay_text() {
        let hostile = "x`</code></summary><script>@everyone |\n# hi\u{202e}";
        let content = "a: |\n  ```\n  </details><img src=x>\n  ````\n";
        let text = markdown(&diff_of(hostile, "", content), GITHUB_LIMIT);
        // The fence is longer than any in the content.
        assert!(text.contains("`````diff\n") && text.contains("\n`````\n"), "{text}");
        let outside: String = text.split("`````").step_by(2).collect();
        // Code spans of this name need two backticks.
        let outside: String = outside.split("``").step_by(2).collect();
        assert!(!outside.contains("<script") && !outside.contains("<img"), "{outside}");
        assert!(!outside.contains("\n# hi") && !text.contains('\u{202e}'), "{outside}");
        // Every line of the table keeps its columns.
        let cells = |line: &str| line.replace("\\|", "").matches('|').count();
        let rows: Vec<_> = text.lines().filter(|line| line.starts_with("| ")).collect();
        assert!(rows.len() >= 2 && rows.iter().all(|row| cells(row) == 7), "{rows:?}");
    }

    #[test]
    fn it_fits_its_limit() {
        let content: String = (0..5000).map(|n| format!("line{n}: {n}\n")).collect();
        let one = diff_of("big", "", &content);
        let mut many = one.clone();
        many.applications = (0..300)
            .map(|n| ApplicationDiff { name: format!("app-{n}-{}", "x".repeat(200)), ..one.applications[0].clone() })
            .collect();
        for (diff, limit) in [(&one, 2000), (&many, 20_000), (&many, GITHUB_LIMIT)] {
            let text = markdown(diff, limit);
            assert!(text.len() <= limit, "{} > {limit}", text.len());
            assert!(text.contains("left out"), "{text}");
        }
    }
}
