//! Differences between two texts: unified, or in two columns.

use owo_colors::OwoColorize;
use plate_deploy_core::report::Action;
use plate_deploy_core::report::lines::{LineTag, hunks, side_by_side};
use unicode_width::UnicodeWidthChar;

/// What is done to an object, as a coloured mark before its name.
pub(crate) fn sign(action: Action) -> String {
    match action {
        Action::Create => "+ create".green().to_string(),
        Action::Update => "~ update".yellow().to_string(),
        Action::Prune => "- delete".red().to_string(),
        Action::KeepExtra => "  extra, kept".dimmed().to_string(),
        Action::Hook => "▸ hook".blue().to_string(),
    }
}

/// A unified diff with three lines of context, coloured, without file headers.
pub(crate) fn unified(before: &str, after: &str, indent: &str) -> String {
    let mut out = String::new();
    for hunk in hunks(before, after) {
        out.push_str(&format!("{indent}{}\n", hunk.header.cyan()));
        for line in hunk.lines {
            let text = printable(&line.text);
            out.push_str(&match line.tag {
                LineTag::Removed => format!("{indent}{}\n", format!("-{text}").red()),
                LineTag::Added => format!("{indent}{}\n", format!("+{text}").green()),
                LineTag::Same => format!("{indent} {text}\n"),
            });
        }
    }
    out
}

/// Two columns that together are `width` cells wide; longer lines are cut, and say so by `…`.
pub(crate) fn columns(before: &str, after: &str, indent: &str, width: usize) -> String {
    // Two marks, a separator and two spaces stand beside the texts.
    let half = width.saturating_sub(indent.len() + 7).max(20) / 2;
    let mut out = String::new();
    for (n, group) in side_by_side(before, after).into_iter().enumerate() {
        if n > 0 {
            out.push_str(&format!("{indent}{}\n", "⋯".dimmed()));
        }
        for row in group {
            let text =
                |side: &Option<(usize, String)>| side.as_ref().map_or(String::new(), |(_, text)| printable(text));
            let (left, right) = (text(&row.before), text(&row.after));
            let skip = if row.same { 0 } else { hidden_prefix(&left, &right, half) };
            let (left, right) = (fit(&without(&left, skip), half), fit(&without(&right, skip), half));
            let (minus, plus) = (row.before.is_some() && !row.same, row.after.is_some() && !row.same);
            let left = if minus { format!("- {left}").red().to_string() } else { format!("  {left}") };
            let right = if plus { format!("+ {right}").green().to_string() } else { format!("  {right}") };
            out.push_str(format!("{indent}{left} │ {right}").trim_end());
            out.push('\n');
        }
    }
    out
}

/// How many characters at the beginning of two long lines may be left out so that what differs can be seen.
fn hidden_prefix(left: &str, right: &str, cells: usize) -> usize {
    let common = left.chars().zip(right.chars()).take_while(|(a, b)| a == b).count();
    let longest = left.chars().count().max(right.chars().count());
    // Something stays before the difference, to know where one is.
    if longest > cells && common + 8 > cells { common.saturating_sub(cells / 2) } else { 0 }
}

fn without(text: &str, skip: usize) -> String {
    if skip == 0 { text.to_owned() } else { format!("…{}", text.chars().skip(skip).collect::<String>()) }
}

/// The text in exactly so many cells.
fn fit(text: &str, cells: usize) -> String {
    let width = |c: char| c.width().unwrap_or(0);
    let whole: usize = text.chars().map(width).sum();
    let room = if whole > cells { cells.saturating_sub(1) } else { cells };
    let mut out = String::new();
    let mut used = 0;
    for c in text.chars() {
        if used + width(c) > room {
            break;
        }
        used += width(c);
        out.push(c);
    }
    if whole > cells {
        out.push('…');
        used += 1;
    }
    out.push_str(&" ".repeat(cells.saturating_sub(used)));
    out
}

/// Text that cannot steer a terminal: control characters become visible, tabs become spaces.
pub(crate) fn printable(text: &str) -> String {
    text.chars()
        .flat_map(|c| {
            let (character, times) = match c {
                '\t' => (' ', 4),
                c if plate_deploy_core::report::html::is_deceptive(c) => ('\u{FFFD}', 1),
                c => (c, 1),
            };
            std::iter::repeat_n(character, times)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{columns, fit, unified};

    #[test]
    fn columns_fit_whatever_the_script() {
        assert_eq!(fit("abc", 5), "abc  ");
        assert_eq!(fit("abcdef", 5), "abcd…");
        assert_eq!(fit("한글이다", 5), "한글…");
        let plain = |text: &str| anstream::adapter::strip_str(text).to_string();
        let out = plain(&columns("a: 1\nb: 2\n", "a: 1\nb: 한국어 문장이 길다 길다 길다\n", "  ", 60));
        let lines: Vec<&str> = out.lines().collect();
        assert_eq!(lines.len(), 2, "{out}");
        assert!(lines[1].starts_with("  - b: 2") && lines[1].contains("│ + b: 한국어"), "{out}");
        for line in lines {
            assert!(unicode_width::UnicodeWidthStr::width(line) <= 60, "{line}");
        }
    }

    #[test]
    fn a_difference_at_the_end_of_long_lines_is_seen() {
        let (before, after) =
            (format!("image: {}:1.4.0\n", "a/b".repeat(20)), format!("image: {}:1.5.0\n", "a/b".repeat(20)));
        let out = anstream::adapter::strip_str(&columns(&before, &after, "", 60)).to_string();
        assert!(out.contains("1.4.0") && out.contains("1.5.0"), "{out}");
    }

    #[test]
    fn a_manifest_cannot_steer_the_terminal() {
        let out = unified("", "a: \u{1b}[2J\u{202e}\n", "");
        let plain = anstream::adapter::strip_str(&out).to_string();
        assert!(plain.contains("+a: \u{FFFD}[2J\u{FFFD}"), "{plain:?}");
    }
}
