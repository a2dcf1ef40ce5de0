//! `.helmignore`: which files of a chart folder are left out.

use std::collections::HashMap;

use super::ChartError;

/// The rules of a `.helmignore`, with Helm's own: no dot files in `templates/`.
#[derive(Debug)]
pub(super) struct Rules {
    patterns: Vec<Pattern>,
}

#[derive(Debug)]
struct Pattern {
    glob: String,
    negate: bool,
    must_be_dir: bool,
    /// Matched against the whole path, not just the last part of it.
    whole_path: bool,
}

impl Rules {
    pub(super) fn parse(text: Option<&[u8]>) -> Result<Self, ChartError> {
        let mut rules = Self { patterns: Vec::new() };
        let text = text.unwrap_or_default();
        let text = String::from_utf8_lossy(text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text));
        for line in text.lines() {
            rules.add(line)?;
        }
        rules.add("templates/.?*")?;
        Ok(rules)
    }

    fn add(&mut self, line: &str) -> Result<(), ChartError> {
        let rule = line.trim();
        if rule.is_empty() || rule.starts_with('#') {
            return Ok(());
        }
        if rule.contains("**") {
            return Err(ChartError::Ignore("double-star (**) syntax is not supported"));
        }
        if !is_valid(rule) {
            return Err(ChartError::Ignore("syntax error in pattern"));
        }
        let (negate, rule) = rule.strip_prefix('!').map_or((false, rule), |rest| (true, rest));
        let (must_be_dir, rule) = rule.strip_suffix('/').map_or((false, rule), |rest| (true, rest));
        let (whole_path, glob) = match rule.strip_prefix('/') {
            Some(rest) => (true, rest),
            None => (rule.contains('/'), rule),
        };
        self.patterns.push(Pattern { glob: glob.to_owned(), negate, must_be_dir, whole_path });
        Ok(())
    }

    /// Whether a file or folder is ignored. The first rule that matches decides; a negated one ignores everything that
    /// it does not match.
    pub(super) fn ignores(&self, path: &str, is_dir: bool) -> bool {
        for pattern in &self.patterns {
            let name = if pattern.whole_path { path } else { path.rsplit('/').next().unwrap_or(path) };
            if pattern.negate {
                if (pattern.must_be_dir && !is_dir) || !matches(&pattern.glob, name) {
                    return true;
                }
            } else if (!pattern.must_be_dir || is_dir) && matches(&pattern.glob, name) {
                return true;
            }
        }
        false
    }

    /// Whether a file is left out, itself or with a folder it is in. `known` remembers the folders.
    pub(super) fn excludes(&self, path: &str, known: &mut HashMap<String, bool>) -> bool {
        let folders = path.match_indices('/').map(|(i, _)| &path[..i]);
        for folder in folders {
            let ignored = match known.get(folder) {
                Some(&ignored) => ignored,
                None => {
                    let ignored = self.ignores(folder, true);
                    known.insert(folder.to_owned(), ignored);
                    ignored
                }
            };
            if ignored {
                return true;
            }
        }
        self.ignores(path, false)
    }
}

/// Whether Go's `filepath.Match` accepts the pattern.
fn is_valid(pattern: &str) -> bool {
    let mut rest = pattern;
    while let Some((c, after)) = first(rest) {
        rest = match c {
            '\\' => match first(after) {
                Some((_, after)) => after,
                None => return false,
            },
            '[' => match class(after, '\0') {
                Some((_, after)) => after,
                None => return false,
            },
            _ => after,
        };
    }
    true
}

/// The first character and the rest.
fn first(text: &str) -> Option<(char, &str)> {
    let mut chars = text.chars();
    chars.next().map(|c| (c, chars.as_str()))
}

/// Go's `filepath.Match`: `*`, `?` and classes match anything but `/`.
pub(crate) fn matches(pattern: &str, name: &str) -> bool {
    let (mut p, mut n) = (pattern, name);
    // Where to go on after the last `*` when what follows it does not match.
    let mut retry: Option<(&str, &str)> = None;
    loop {
        match first(p) {
            None if n.is_empty() => return true,
            Some(('*', after)) => {
                retry = Some((after, n));
                p = after;
                continue;
            }
            Some((c, after)) => {
                if let Some((have, rest)) = first(n)
                    && let Some(after) = one(c, after, have)
                {
                    (p, n) = (after, rest);
                    continue;
                }
            }
            None => {}
        }
        match retry.and_then(|(after, from)| first(from).map(|(skipped, rest)| (after, skipped, rest))) {
            Some((after, skipped, rest)) if skipped != '/' => {
                (p, n) = (after, rest);
                retry = Some((after, rest));
            }
            _ => return false,
        }
    }
}

/// Matches one character; gives what follows in the pattern.
fn one(c: char, after: &str, have: char) -> Option<&str> {
    match c {
        '?' => (have != '/').then_some(after),
        '[' => class(after, have).and_then(|(hit, after)| (hit && have != '/').then_some(after)),
        '\\' => first(after).and_then(|(want, after)| (want == have).then_some(after)),
        _ => (c == have).then_some(after),
    }
}

/// A character class, from behind its `[`: whether it holds the character, and what follows. `None` when it is broken.
fn class(pattern: &str, have: char) -> Option<(bool, &str)> {
    let (negated, mut rest) = pattern.strip_prefix('^').map_or((false, pattern), |rest| (true, rest));
    let mut hit = false;
    let mut is_first = true;
    loop {
        let (c, after) = first(rest)?;
        if c == ']' && !is_first {
            return Some((hit != negated, after));
        }
        is_first = false;
        let (low, after) = class_char(rest)?;
        let (high, after) = match after.strip_prefix('-') {
            Some(after) => class_char(after)?,
            None => (low, after),
        };
        hit |= (low..=high).contains(&have);
        rest = after;
    }
}

fn class_char(rest: &str) -> Option<(char, &str)> {
    let (c, after) = first(rest)?;
    match c {
        '-' | ']' => None,
        '\\' => first(after),
        _ => Some((c, after)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_decide_as_helms() {
        let table = [
            ("helm.txt", "helm.txt", false, true),
            ("helm.*", "helm.txt", false, true),
            ("helm.*", "rudder.txt", false, false),
            ("*.txt", "tiller.txt", false, true),
            ("*.txt", "cargo/a.txt", false, true),
            ("cargo/*.txt", "mast/a.txt", false, false),
            ("ru[c-e]?er.txt", "rudder.txt", false, true),
            ("templates/.?*", "templates/.dotfile", false, true),
            (".*", ".", false, true),
            ("cargo/", "cargo", true, true),
            ("cargo/", "cargo", false, false),
            ("mast/", "mast/a.txt", false, false),
            ("helm.txt/", "helm.txt", false, false),
            ("/*.txt", "a.txt", false, true),
            ("/*.txt", "cargo/a.txt", false, false),
            ("!helm.txt", "helm.txt", false, false),
            ("!helm.txt", "tiller.txt", false, true),
            ("[a\\-c].txt", "-.txt", false, true),
            ("a*b*c", "axbxxc", false, true),
            ("a*c", "a/c", false, false),
        ];
        for (rule, path, is_dir, want) in table {
            let rules = Rules::parse(Some(rule.as_bytes())).unwrap();
            assert_eq!(rules.ignores(path, is_dir), want, "{rule} on {path}");
        }
        for bad in ["a/**/b", "[a", "a\\", "[]a]", "[-]"] {
            assert!(Rules::parse(Some(bad.as_bytes())).is_err(), "{bad}");
        }
        let rules = Rules::parse(Some(b"secret/\n")).unwrap();
        assert!(rules.excludes("a/secret/b.yaml", &mut HashMap::new()));
        assert!(!rules.excludes("a/secret.yaml", &mut HashMap::new()));
    }
}
