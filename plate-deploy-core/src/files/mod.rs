//! The files of a repository at one revision, in memory: what discovery, rendering and lint read.
//!
//! Nothing here touches a disk: a symlink is followed inside the tree only, so no chart or Application can name a file
//! outside of its repository.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

/// Most symlinks followed for one path (Linux: 40).
const MAX_LINKS: usize = 40;

/// One file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum File {
    /// A file and its content.
    Blob(Bytes),
    /// A symbolic link and its target as written.
    Symlink(String),
    /// A file that was too large to load; its size in bytes.
    TooLarge(u64),
}

/// Why a path cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// Nothing is there.
    #[error("{path}: no such file in the repository")]
    NotFound {
        /// The path as asked for.
        path: String,
    },
    /// The path, or a symlink on it, leads out of the repository.
    #[error("{path}: leads out of the repository")]
    Outside {
        /// The path as asked for.
        path: String,
    },
    /// Symlinks that lead to each other.
    #[error("{path}: too many levels of symbolic links")]
    Loop {
        /// The path as asked for.
        path: String,
    },
    /// Too large to load.
    #[error("{path}: {size} bytes are too many; the limit is {limit}", limit = RepoFiles::MAX_FILE)]
    TooLarge {
        /// The path as asked for.
        path: String,
        /// Size in bytes.
        size: u64,
    },
    /// A folder where a file was expected.
    #[error("{path}: is a folder")]
    IsFolder {
        /// The path as asked for.
        path: String,
    },
}

/// All files at one revision. Cloning shares them.
#[derive(Clone, Default)]
pub struct RepoFiles {
    files: Arc<BTreeMap<String, File>>,
}

impl RepoFiles {
    /// Files beyond this many bytes are not loaded.
    pub const MAX_FILE: u64 = 16 * 1024 * 1024;

    /// From paths (relative, `/`-separated, without `.` and `..`) and files.
    pub fn new(files: impl IntoIterator<Item = (String, File)>) -> Self {
        Self { files: Arc::new(files.into_iter().collect()) }
    }

    /// The same with these files in place of, or beside, the old ones; `None` removes one.
    #[must_use]
    pub fn replaced(&self, changes: impl IntoIterator<Item = (String, Option<File>)>) -> Self {
        let mut files = (*self.files).clone();
        for (path, file) in changes {
            match file {
                Some(file) => files.insert(path, file),
                None => files.remove(&path),
            };
        }
        Self { files: Arc::new(files) }
    }

    /// From texts, for tests and examples.
    pub fn from_texts<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        Self::new(
            files
                .into_iter()
                .map(|(path, text)| (path.to_owned(), File::Blob(Bytes::copy_from_slice(text.as_bytes())))),
        )
    }

    /// The same with these files put over it; `None` removes one.
    #[must_use]
    pub fn with(&self, changes: impl IntoIterator<Item = (String, Option<Bytes>)>) -> Self {
        self.replaced(changes.into_iter().map(|(path, content)| (path, content.map(File::Blob))))
    }

    /// Every path, sorted.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    /// Every file below a folder (`""`: the root), sorted, with its path relative to the folder. Symlinks are given as
    /// such.
    pub fn below<'a>(&'a self, folder: &str) -> impl Iterator<Item = (&'a str, &'a File)> + use<'a> {
        let prefix = if folder.is_empty() { String::new() } else { format!("{}/", folder.trim_end_matches('/')) };
        let length = prefix.len();
        self.files
            .range(prefix.clone()..)
            .take_while(move |(path, _)| path.starts_with(&prefix))
            .filter_map(move |(path, file)| Some((path.get(length..)?, file)))
    }

    /// Whether anything is below this folder.
    #[must_use]
    pub fn is_folder(&self, path: &str) -> bool {
        path.is_empty() || self.below(path).next().is_some()
    }

    /// Whether a readable file is at the path (symlinks followed).
    #[must_use]
    pub fn is_file(&self, path: &str) -> bool {
        self.read(path).is_ok()
    }

    /// The content at a path, following symlinks inside the repository.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn read(&self, path: &str) -> Result<&Bytes, FileError> {
        let real = self.resolve(path)?;
        match self.files.get(&real) {
            Some(File::Blob(content)) => Ok(content),
            Some(File::TooLarge(size)) => Err(FileError::TooLarge { path: path.into(), size: *size }),
            _ if self.is_folder(&real) => Err(FileError::IsFolder { path: path.into() }),
            _ => Err(FileError::NotFound { path: path.into() }),
        }
    }

    /// The path without `.`, `..` and symlinks. It need not exist.
    ///
    /// # Errors
    /// [`FileError::Outside`] and [`FileError::Loop`].
    pub fn resolve(&self, path: &str) -> Result<String, FileError> {
        self.follow(path, &mut Vec::new())
    }

    /// As [`RepoFiles::resolve`], and gives the symlinks on the way: a change of any of them changes what `path` means.
    ///
    /// # Errors
    /// As [`RepoFiles::resolve`]; the symlinks found until then are in `links`.
    pub fn follow(&self, path: &str, links: &mut Vec<String>) -> Result<String, FileError> {
        let outside = || FileError::Outside { path: path.into() };
        if path.starts_with('/') || path.contains('\\') {
            return Err(outside());
        }
        let mut left: Vec<String> = path.split('/').rev().map(str::to_owned).collect();
        let mut done: Vec<String> = Vec::new();
        let mut count = 0;
        while let Some(part) = left.pop() {
            match part.as_str() {
                "" | "." => {}
                ".." => {
                    done.pop().ok_or_else(outside)?;
                }
                _ => {
                    done.push(part);
                    if let Some(File::Symlink(target)) = self.files.get(&done.join("/")) {
                        links.push(done.join("/"));
                        count += 1;
                        if count > MAX_LINKS {
                            return Err(FileError::Loop { path: path.into() });
                        }
                        if target.starts_with('/') {
                            return Err(outside());
                        }
                        done.pop();
                        left.extend(target.split('/').rev().map(str::to_owned));
                    }
                }
            }
        }
        Ok(done.join("/"))
    }
}

impl fmt::Debug for RepoFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RepoFiles({} files)", self.files.len())
    }
}

#[cfg(test)]
mod tests {
    use super::{File, FileError, RepoFiles};

    fn link(target: &str) -> File {
        File::Symlink(target.into())
    }

    #[test]
    fn paths_stay_inside() {
        let files = RepoFiles::from_texts([("a/b/c.yaml", "c"), ("top.yaml", "t")]);
        let files = RepoFiles::new(files.below("").map(|(p, f)| (p.to_owned(), f.clone())).chain([
            ("a/up".into(), link("../top.yaml")),
            ("a/dir".into(), link("b")),
            ("a/out".into(), link("../../etc/passwd")),
            ("a/abs".into(), link("/etc/passwd")),
            ("loop1".into(), link("loop2")),
            ("loop2".into(), link("loop1")),
        ]));
        assert_eq!(&files.read("a/up").unwrap()[..], b"t");
        assert_eq!(&files.read("a/dir/c.yaml").unwrap()[..], b"c");
        assert_eq!(&files.read("a/b/../b/./c.yaml").unwrap()[..], b"c");
        for (path, outside) in
            [("a/out", true), ("a/abs", true), ("../x", true), ("/etc/passwd", true), ("loop1", false)]
        {
            let error = files.read(path).unwrap_err();
            let expected =
                if outside { FileError::Outside { path: path.into() } } else { FileError::Loop { path: path.into() } };
            assert_eq!(error, expected);
        }
        assert!(matches!(files.read("a/b"), Err(FileError::IsFolder { .. })));
        assert!(matches!(files.read("a/none"), Err(FileError::NotFound { .. })));
        assert_eq!(files.below("a/b").map(|(p, _)| p).collect::<Vec<_>>(), ["c.yaml"]);
        assert!(files.is_folder("a") && !files.is_folder("top"));
    }

    #[test]
    fn an_overlay_leaves_the_original_alone() {
        let files = RepoFiles::from_texts([("a", "1"), ("b", "1")]);
        let changed = files.with([("a".to_owned(), Some("2".into())), ("b".to_owned(), None)]);
        assert_eq!(&changed.read("a").unwrap()[..], b"2");
        assert!(!changed.is_file("b") && files.is_file("b"));
    }
}
