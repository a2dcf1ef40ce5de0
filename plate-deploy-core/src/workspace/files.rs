//! A read-only snapshot of a repository: what discovery and lint look at. No IO; whoever has a commit fills it.

use std::collections::BTreeMap;

use bytes::Bytes;

/// Files larger than this need not be given with their content: nothing that is read here comes near.
pub const MAX_FILE_BYTES: u64 = 8 << 20;
/// Most symbolic links followed for one path.
const MAX_LINKS: usize = 40;

/// One entry of a [`RepoFiles`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RepoFile {
    /// A file with its content.
    Content(Bytes),
    /// A file whose content was left out because of its size in bytes.
    TooLarge(u64),
    /// A symbolic link with its target as written.
    Link(String),
    /// A submodule: another repository, not looked into.
    Submodule,
}

/// Why a file cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// There is none.
    #[error("{path}: no such file in the repository")]
    Missing {
        /// The path.
        path: String,
    },
    /// Its content was left out.
    #[error("{path}: the file has {bytes} bytes, more than the {MAX_FILE_BYTES} that are read")]
    TooLarge {
        /// The path.
        path: String,
        /// Its size.
        bytes: u64,
    },
    /// A link leads out of the repository, in a circle, or to nothing.
    #[error("{path}: the symbolic link {link} leads to {target}, which is not in the repository")]
    BadLink {
        /// The path.
        path: String,
        /// The link.
        link: String,
        /// Its target.
        target: String,
    },
    /// Not text.
    #[error("{path}: not UTF-8 text")]
    NotText {
        /// The path.
        path: String,
    },
}

/// The files of one revision. Paths use `/`, are relative to the root and have no `.` or `..`.
#[derive(Clone, Debug, Default)]
pub struct RepoFiles {
    revision: String,
    files: BTreeMap<String, RepoFile>,
}

impl RepoFiles {
    /// An empty snapshot of `revision` (a commit id, or `""`).
    #[must_use]
    pub fn new(revision: impl Into<String>) -> Self {
        Self { revision: revision.into(), files: BTreeMap::new() }
    }

    /// Adds an entry. A path that is absolute or has `.`, `..` or empty parts is left out: no tree has one.
    pub fn insert(&mut self, path: &str, file: RepoFile) {
        if !path.is_empty() && path.split('/').all(|part| !matches!(part, "" | "." | "..")) {
            self.files.insert(path.to_owned(), file);
        }
    }

    /// Adds a file with its content.
    pub fn insert_content(&mut self, path: &str, content: impl Into<Bytes>) {
        self.insert(path, RepoFile::Content(content.into()));
    }

    /// The revision.
    #[must_use]
    pub fn revision(&self) -> &str {
        &self.revision
    }

    /// All paths, sorted.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    /// The paths below a folder, sorted; `""` is the root. Links to folders are not followed.
    pub fn paths_below<'a>(&'a self, folder: &str) -> impl Iterator<Item = &'a str> + use<'a> {
        let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        let range = self.files.range(prefix.clone()..);
        range.map(|(path, _)| path.as_str()).take_while(move |path| path.starts_with(&prefix))
    }

    /// Names of the folders directly in a folder.
    #[must_use]
    pub fn folders_in(&self, folder: &str) -> Vec<&str> {
        let skip = if folder.is_empty() { 0 } else { folder.len() + 1 };
        let mut names: Vec<&str> = self
            .paths_below(folder)
            .filter_map(|path| path.get(skip..)?.split_once('/').map(|(first, _)| first))
            .collect();
        names.dedup();
        names
    }

    /// Whether a folder of this path exists (`""` always does).
    #[must_use]
    pub fn is_folder(&self, folder: &str) -> bool {
        folder.is_empty() || self.paths_below(folder).next().is_some()
    }

    /// Whether a file of this path exists, links followed.
    #[must_use]
    pub fn is_file(&self, path: &str) -> bool {
        self.resolve(path)
            .is_ok_and(|path| matches!(self.files.get(&path), Some(RepoFile::Content(_) | RepoFile::TooLarge(_))))
    }

    /// The text of a file, links followed.
    ///
    /// # Errors
    /// [`FileError`], naming the path.
    pub fn text(&self, path: &str) -> Result<&str, FileError> {
        let real = self.resolve(path)?;
        let path = || path.to_owned();
        match self.files.get(&real) {
            Some(RepoFile::Content(bytes)) => {
                std::str::from_utf8(bytes).map_err(|_| FileError::NotText { path: path() })
            }
            Some(RepoFile::TooLarge(bytes)) => Err(FileError::TooLarge { path: path(), bytes: *bytes }),
            _ => Err(FileError::Missing { path: path() }),
        }
    }

    /// Follows the symbolic links in `path`, never out of the repository.
    ///
    /// # Errors
    /// [`FileError::BadLink`] when one leads out, in a circle or nowhere.
    pub fn resolve(&self, path: &str) -> Result<String, FileError> {
        let mut current = path.to_owned();
        for _ in 0..MAX_LINKS {
            let Some((link, target)) = self.first_link(&current) else { return Ok(current) };
            let bad = || FileError::BadLink { path: path.into(), link: link.into(), target: target.into() };
            let rest = current.get(link.len()..).unwrap_or_default().trim_start_matches('/');
            let folder = link.rsplit_once('/').map_or("", |(folder, _)| folder);
            let next = join(folder, target).ok_or_else(bad)?;
            current = if rest.is_empty() { next } else { format!("{next}/{rest}") };
        }
        Err(FileError::BadLink { path: path.into(), link: current, target: "itself".into() })
    }

    /// The first prefix of `path` that is a link.
    fn first_link<'a>(&'a self, path: &'a str) -> Option<(&'a str, &'a str)> {
        let ends = path.match_indices('/').map(|(end, _)| end).chain([path.len()]);
        ends.filter_map(|end| path.get(..end)).find_map(|prefix| match self.files.get(prefix) {
            Some(RepoFile::Link(target)) => Some((prefix, target.as_str())),
            _ => None,
        })
    }
}

/// `folder/relative` with `.` and `..` worked out; `None` when it is absolute or leads above the root.
#[must_use]
pub fn join(folder: &str, relative: &str) -> Option<String> {
    if relative.starts_with('/') {
        return None;
    }
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in relative.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// A folder path as an Application writes it (`.`, `./x/`, `x`) in the form of [`RepoFiles`]; `None` when it leads out.
#[must_use]
pub fn clean_folder(path: &str) -> Option<String> {
    join("", path.strip_prefix('/').unwrap_or(path))
}

#[cfg(test)]
mod tests {
    use super::{FileError, RepoFile, RepoFiles, clean_folder, join};

    #[test]
    fn links_stay_in_the_repository() {
        let mut files = RepoFiles::new("r");
        files.insert_content("a/b/values.yaml", "x: 1\n");
        files.insert("a/link.yaml", RepoFile::Link("b/values.yaml".into()));
        files.insert("c", RepoFile::Link("a/b".into()));
        files.insert("out", RepoFile::Link("../../etc/passwd".into()));
        files.insert("abs", RepoFile::Link("/etc/passwd".into()));
        files.insert("round", RepoFile::Link("round".into()));
        files.insert("../evil", RepoFile::Content("x".into()));
        assert_eq!(files.text("a/link.yaml"), Ok("x: 1\n"));
        assert_eq!(files.text("c/values.yaml"), Ok("x: 1\n"));
        for bad in ["out", "abs", "round", "round/x"] {
            assert!(matches!(files.text(bad), Err(FileError::BadLink { .. })), "{bad}");
        }
        assert!(matches!(files.text("nothing"), Err(FileError::Missing { .. })));
        assert_eq!(files.paths().count(), 6);
        assert_eq!(files.folders_in(""), ["a"]);
    }

    #[test]
    fn joined_paths() {
        assert_eq!(join("a/b", "../c/./d").as_deref(), Some("a/c/d"));
        assert_eq!(join("a", "../../x"), None);
        assert_eq!(join("a", "/x"), None);
        assert_eq!(clean_folder("./helm/x/").as_deref(), Some("helm/x"));
        assert_eq!(clean_folder(".").as_deref(), Some(""));
    }
}
