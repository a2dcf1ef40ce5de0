//! Globs over the files of a repository: the syntax and the order of the doublestar library (v4), which Argo CD uses
//! for `helm.valueFiles`.
//!
//! The order counts, as later values files override earlier ones: `**` visits a folder before the folders in it, so
//! `a/**/*.yaml` gives `a/z.yaml` before `a/b/a.yaml`.

use std::collections::BTreeMap;

use crate::files::{File, RepoFiles};
use crate::model::glob::file_match;

/// Most patterns that the braces of one may stand for.
const MAX_ALTERNATIVES: usize = 256;

/// Whether Argo CD takes a values file's name for a glob. Braces alone do not make one.
pub(super) fn is_glob(path: &str) -> bool {
    path.contains(['*', '?', '['])
}

/// Everything that matches, folders included.
pub(super) fn expand(files: &RepoFiles, pattern: &str) -> Result<Vec<String>, String> {
    let patterns = alternatives(pattern)?;
    let several = patterns.len() > 1;
    let mut all: Vec<String> = patterns.iter().flat_map(|pattern| matches(files, pattern)).collect();
    if several {
        all.sort();
        all.dedup();
    }
    Ok(all)
}

/// The patterns that `{a,b}` stands for.
fn alternatives(pattern: &str) -> Result<Vec<String>, String> {
    let mut done = Vec::new();
    let mut left = vec![pattern.to_owned()];
    while let Some(pattern) = left.pop() {
        if done.len() + left.len() > MAX_ALTERNATIVES {
            return Err(format!("the braces stand for more than {MAX_ALTERNATIVES} patterns"));
        }
        let Some((before, choices, after)) = braces(&pattern) else {
            done.push(pattern);
            continue;
        };
        left.extend(choices.iter().rev().map(|choice| format!("{before}{choice}{after}")));
    }
    Ok(done)
}

/// The first pair of braces: what is before, the choices, what is after.
fn braces(pattern: &str) -> Option<(&str, Vec<&str>, &str)> {
    let open = pattern.find('{')?;
    let (mut depth, mut from, mut choices) = (0_usize, open + 1, Vec::new());
    for (at, c) in pattern.char_indices().skip_while(|(at, _)| *at < open) {
        match c {
            '{' => depth += 1,
            '}' if depth == 1 => {
                choices.push(pattern.get(from..at)?);
                return Some((pattern.get(..open)?, choices, pattern.get(at + 1..)?));
            }
            '}' => depth -= 1,
            ',' if depth == 1 => {
                choices.push(pattern.get(from..at)?);
                from = at + 1;
            }
            _ => {}
        }
    }
    None
}

fn matches(files: &RepoFiles, pattern: &str) -> Vec<String> {
    let mut segments: Vec<&str> = pattern.split('/').filter(|part| !part.is_empty()).collect();
    let last = segments.pop().unwrap_or_default();
    let mut folders = vec![String::new()];
    for segment in segments {
        let mut next = Vec::new();
        for folder in &folders {
            if segment == "**" {
                next.push(folder.clone());
                below(files, folder, false, &mut next);
            } else {
                let children = children(files, folder);
                let inside = |(name, kind): &(String, Kind)| *kind != Kind::File && fits(segment, name);
                next.extend(children.into_iter().filter(inside).map(|(name, _)| super::join(folder, &name)));
            }
        }
        folders = next;
    }
    let mut found = Vec::new();
    for folder in folders {
        if last == "**" {
            found.push(folder.clone());
            below(files, &folder, true, &mut found);
        } else {
            let named = children(files, &folder).into_iter().filter(|(name, _)| fits(last, name));
            found.extend(named.map(|(name, _)| super::join(&folder, &name)));
        }
    }
    found
}

/// Go's `filepath.Match` in one segment; doublestar also takes `[!…]` for `[^…]`.
fn fits(segment: &str, name: &str) -> bool {
    file_match(&segment.replace("[!", "[^"), name)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    File,
    Folder,
    /// A symbolic link to a folder: `*` enters it, `**` does not (links may lead back up).
    FolderLink,
}

/// The entries of a folder, sorted by name.
fn children(files: &RepoFiles, folder: &str) -> Vec<(String, Kind)> {
    let Ok(real) = files.resolve(folder) else { return Vec::new() };
    let mut entries = BTreeMap::new();
    for (path, file) in files.below(&real) {
        let (name, kind) = match (path.split_once('/'), file) {
            (Some((name, _)), _) => (name, Kind::Folder),
            (None, File::Symlink(_)) => {
                let target = files.resolve(&super::join(&real, path));
                (path, if target.is_ok_and(|t| files.is_folder(&t)) { Kind::FolderLink } else { Kind::File })
            }
            (None, _) => (path, Kind::File),
        };
        entries.insert(name.to_owned(), kind);
    }
    entries.into_iter().collect()
}

/// Everything below a folder: each folder, then what is in it.
fn below(files: &RepoFiles, folder: &str, with_files: bool, found: &mut Vec<String>) {
    // A repository's tree is finite and no link is followed, so this ends; a stack keeps it off the call stack.
    let mut left: Vec<(String, Kind)> = Vec::new();
    let push = |left: &mut Vec<(String, Kind)>, folder: &str| {
        let children = children(files, folder).into_iter().rev();
        left.extend(children.map(|(name, kind)| (super::join(folder, &name), kind)));
    };
    push(&mut left, folder);
    while let Some((path, kind)) = left.pop() {
        match kind {
            Kind::Folder => {
                found.push(path.clone());
                push(&mut left, &path);
            }
            Kind::File if with_files => found.push(path),
            Kind::File | Kind::FolderLink => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::expand;
    use crate::files::RepoFiles;

    #[test]
    fn matches_in_the_order_of_doublestar() {
        let files = RepoFiles::from_texts(
            ["a/b/a.yaml", "a/b/c/d.yaml", "a/z.yaml", "a/x.json", "b.yaml", "e1/v.yaml", "e2/v.yaml"].map(|p| (p, "")),
        );
        let cases = [
            ("a/*.yaml", "a/z.yaml"),
            ("a/**/*.yaml", "a/z.yaml a/b/a.yaml a/b/c/d.yaml"),
            ("**/?.yaml", "b.yaml a/z.yaml a/b/a.yaml a/b/c/d.yaml e1/v.yaml e2/v.yaml"),
            ("e[12]/v.yaml", "e1/v.yaml e2/v.yaml"),
            ("e[!1]/*", "e2/v.yaml"),
            ("{e2,e1}/*.yaml", "e1/v.yaml e2/v.yaml"),
            ("a/{z,b/*}.yaml", "a/b/a.yaml a/z.yaml"),
            ("a/b/**", "a/b a/b/a.yaml a/b/c a/b/c/d.yaml"),
            ("none/*", ""),
            ("a/[", ""),
        ];
        for (pattern, expected) in cases {
            assert_eq!(expand(&files, pattern).unwrap().join(" "), expected, "{pattern}");
        }
        assert!(expand(&files, &"{a,b}".repeat(20)).is_err());
    }
}
