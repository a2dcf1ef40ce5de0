//! Differences between two texts, line by line: as hunks ([`hunks`]) and as pairs for two columns ([`side_by_side`]).

use similar::{ChangeTag, DiffTag, TextDiff};

/// Lines of context around a difference.
pub const CONTEXT: usize = 3;

/// What became of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineTag {
    /// It stays.
    Same,
    /// It goes.
    Removed,
    /// It comes.
    Added,
}

/// One line of a hunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// What became of it.
    pub tag: LineTag,
    /// Its text without the line break.
    pub text: String,
}

/// Lines that differ, with their context.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hunk {
    /// `@@ -1,4 +1,5 @@`.
    pub header: String,
    /// The lines.
    pub lines: Vec<Line>,
}

/// The hunks of a unified difference, with [`CONTEXT`] lines of context.
#[must_use]
pub fn hunks(before: &str, after: &str) -> Vec<Hunk> {
    let diff = TextDiff::from_lines(before, after);
    let mut unified = diff.unified_diff();
    let hunks = unified.context_radius(CONTEXT).iter_hunks();
    hunks
        .map(|hunk| Hunk {
            header: hunk.header().to_string().trim_end().to_owned(),
            lines: hunk
                .iter_changes()
                .map(|change| Line {
                    tag: match change.tag() {
                        ChangeTag::Equal => LineTag::Same,
                        ChangeTag::Delete => LineTag::Removed,
                        ChangeTag::Insert => LineTag::Added,
                    },
                    text: change.value().trim_end_matches(['\n', '\r']).to_owned(),
                })
                .collect(),
        })
        .collect()
}

/// A row of two columns: the line before and the line after, each with its number from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The line before; `None`: there is none.
    pub before: Option<(usize, String)>,
    /// The line after; `None`: there is none.
    pub after: Option<(usize, String)>,
    /// Whether both are the same.
    pub same: bool,
}

/// The rows of two columns, in groups with [`CONTEXT`] lines of context.
#[must_use]
pub fn side_by_side(before: &str, after: &str) -> Vec<Vec<Row>> {
    let diff = TextDiff::from_lines(before, after);
    let (old, new): (Vec<&str>, Vec<&str>) = (before.lines().collect(), after.lines().collect());
    let line = |lines: &[&str], index: usize| lines.get(index).map(|text| (index + 1, (*text).to_owned()));
    diff.grouped_ops(CONTEXT)
        .iter()
        .map(|group| {
            let mut rows = Vec::new();
            for op in group {
                let (left, right) = (op.old_range(), op.new_range());
                for n in 0..left.len().max(right.len()) {
                    let before = (n < left.len()).then(|| line(&old, left.start + n)).flatten();
                    let after = (n < right.len()).then(|| line(&new, right.start + n)).flatten();
                    rows.push(Row { before, after, same: op.tag() == DiffTag::Equal });
                }
            }
            rows
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{LineTag, hunks, side_by_side};

    #[test]
    fn a_changed_line_is_one_row_and_two_lines() {
        let (before, after) = ("a\nb\nc\nd\ne\nf\ng\nh\ni\n", "a\nb\nc\nd\nE\nf\ng\nh\ni\nj\n");
        let found = hunks(before, after);
        assert_eq!(found.len(), 1);
        let tags = |tag| found[0].lines.iter().filter(|line| line.tag == tag).count();
        assert_eq!((tags(LineTag::Removed), tags(LineTag::Added)), (1, 2));
        assert!(found[0].header.starts_with("@@ -2,"), "{}", found[0].header);
        let rows: Vec<_> = side_by_side(before, after).concat();
        let changed: Vec<_> = rows.iter().filter(|row| !row.same).collect();
        assert_eq!(changed.len(), 2);
        assert_eq!(changed[0].before, Some((5, "e".to_owned())));
        assert_eq!(changed[0].after, Some((5, "E".to_owned())));
        assert_eq!((changed[1].before.clone(), changed[1].after.clone()), (None, Some((10, "j".to_owned()))));
        assert!(hunks("same\n", "same\n").is_empty() && side_by_side("", "").is_empty());
    }
}
