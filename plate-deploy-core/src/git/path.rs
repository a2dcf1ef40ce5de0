//! Which paths and tree entry names are acceptable: those that stay inside the repository on every operating system.

use super::error::GitError;

/// Longest path in bytes, as Linux's `PATH_MAX`.
pub(super) const MAX_PATH_BYTES: usize = 4096;

/// Checks a path given by a caller and removes one `/` at its end; `""` is the root.
pub(super) fn check(path: &str) -> Result<&str, GitError> {
    let refuse =
        |reason: &str| GitError::InvalidPath { path: path.chars().take(200).collect(), reason: reason.to_owned() };
    let trimmed = path.strip_suffix('/').unwrap_or(path);
    if path.is_empty() {
        return Ok("");
    }
    if path.len() > MAX_PATH_BYTES {
        return Err(refuse("it is longer than 4096 bytes"));
    }
    if path.starts_with('/') {
        return Err(refuse("it is absolute"));
    }
    for name in trimmed.split('/') {
        if let Some(reason) = forbidden_name(name.as_bytes()) {
            return Err(refuse(reason));
        }
    }
    Ok(trimmed)
}

/// Why Git's own checks (`verify_path`, fsck with protectHFS and protectNTFS) would refuse a tree entry of this name.
pub(super) fn forbidden_name(name: &[u8]) -> Option<&'static str> {
    match name {
        b"" => return Some("it has an empty name"),
        b"." | b".." => return Some("`.` and `..` are no file names"),
        _ => {}
    }
    if name.iter().any(|byte| matches!(byte, b'/' | 0)) {
        return Some("a name holds `/` or NUL");
    }
    if name.contains(&b'\\') {
        return Some("a name holds a backslash, which is a separator on Windows");
    }
    let text = String::from_utf8_lossy(name);
    if is_dot_git(&text) { Some("the name stands for `.git`") } else { None }
}

/// `.git` as HFS+ (ignores some characters) and NTFS (short name, trailing dots, spaces and streams) read it.
fn is_dot_git(name: &str) -> bool {
    let visible: String = name.chars().filter(|c| !is_hfs_ignorable(*c)).collect();
    let stem = visible.split(':').next().unwrap_or_default().trim_end_matches([' ', '.']);
    stem.eq_ignore_ascii_case(".git") || stem.eq_ignore_ascii_case("git~1")
}

fn is_hfs_ignorable(c: char) -> bool {
    matches!(c, '\u{200c}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{206a}'..='\u{206f}' | '\u{feff}')
}

/// Folder and name.
pub(super) fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_leave_the_repository_or_stand_for_dot_git_are_refused() {
        let refused = [
            "/etc/passwd",
            "../x",
            "a/../b",
            "a//b",
            "a/./b",
            ".",
            "..",
            ".git",
            ".GIT/config",
            "a/.Git/hooks/pre-push",
            "git~1",
            "GIT~1/x",
            ".git ",
            ".git.",
            ".git. .",
            ".git::$INDEX_ALLOCATION/x",
            ".g\u{200c}it",
            "a\\b",
            "a\0b",
            "//",
        ];
        for path in refused {
            assert!(check(path).is_err(), "{path:?} was accepted");
        }
        let accepted = [
            ("", ""),
            ("a", "a"),
            ("a/b/", "a/b"),
            (".gitignore", ".gitignore"),
            (".github/x", ".github/x"),
            ("git~2", "git~2"),
            ("가/나.yaml", "가/나.yaml"),
            ("a..b", "a..b"),
        ];
        for (path, expected) in accepted {
            assert_eq!(check(path), Ok(expected));
        }
    }
}
