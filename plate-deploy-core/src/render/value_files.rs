//! Which values files an Application names: relative, absolute, by glob, or in another source's repository.

use super::file_glob::{self, is_glob};
use super::{RenderError, Repository, Source, join};
use crate::files::FileError;

/// A path in one of the Application's repositories.
#[derive(Clone, Debug)]
pub(super) struct Located<'a> {
    /// The repository.
    pub(super) repository: &'a Repository,
    /// Path in it, without `.` and `..`.
    pub(super) path: String,
    /// As the Application names it.
    pub(super) name: String,
}

impl PartialEq for Located<'_> {
    fn eq(&self, other: &Self) -> bool {
        (&self.repository.url, &self.path) == (&other.repository.url, &other.path)
    }
}

impl<'a> Source<'a> {
    /// The values files in Helm's order, with their contents: the last one wins. A file that is also named outright
    /// keeps that place, not its glob's.
    pub(super) fn value_files(
        &mut self,
        names: &[String],
        ignore_missing: bool,
    ) -> Result<Vec<(Located<'a>, &'a [u8])>, RenderError> {
        let mut files = Vec::new();
        for located in self.named_files(names, ignore_missing)? {
            self.note_read(&located.repository.url, &located.path);
            match located.repository.files.read(&located.path) {
                Ok(content) => files.push((located, &content[..])),
                Err(FileError::NotFound { .. }) if ignore_missing => {}
                Err(FileError::NotFound { .. }) => {
                    return Err(RenderError::MissingValueFile { name: located.name, path: located.path });
                }
                Err(error) => return Err(RenderError::ValueFile(format!("{}: {error}", located.name))),
            }
        }
        Ok(files)
    }

    /// The files that the names stand for, each once.
    fn named_files(&self, names: &[String], ignore_missing: bool) -> Result<Vec<Located<'a>>, RenderError> {
        let explicit: Vec<Located<'a>> =
            names.iter().filter_map(|name| self.locate(name).ok()).filter(|l| !is_glob(&l.path)).collect();
        let mut files: Vec<Located<'a>> = Vec::new();
        for name in names {
            let located = self
                .locate(name)
                .map_err(|error| RenderError::ValueFile(format!("error resolving value file path: {error}")))?;
            if !is_glob(&located.path) {
                if !files.contains(&located) {
                    files.push(located);
                }
                continue;
            }
            let matches = expand(&located)?;
            if matches.is_empty() && !ignore_missing {
                return Err(RenderError::NoMatch(name.clone()));
            }
            for found in matches {
                if !explicit.contains(&found) && !files.contains(&found) {
                    files.push(found);
                }
            }
        }
        Ok(files)
    }

    /// Where a name points: `$ref/path`, `/path` from the repository's root, or relative to the source's folder. A
    /// `$name` that no source has is an environment variable.
    pub(super) fn locate(&self, name: &str) -> Result<Located<'a>, String> {
        if let Some((repository, rest)) = self.referenced(name) {
            let path = self.env.substitute(rest);
            return resolve(repository, "", &path, name);
        }
        let substituted = self.env.substitute(name);
        match url_scheme(&substituted).as_deref() {
            Some("http" | "https") => {
                return Err(format!("remote value files are not supported: put {substituted} into Git"));
            }
            Some(scheme) => return Err(format!("the URL scheme '{scheme}' is not allowed")),
            None => {}
        }
        let folder = if substituted.starts_with('/') { "" } else { &self.folder };
        resolve(self.repository, folder, &substituted, &substituted)
    }

    /// The repository of the source that `$ref/…` refers to, and the rest.
    pub(super) fn referenced<'n>(&self, name: &'n str) -> Option<(&'a Repository, &'n str)> {
        let (reference, rest) = name.strip_prefix('$')?.split_once('/')?;
        let named = self.request.sources.iter().find(|(source, _)| source.is_ref() && source.reference == reference);
        named.map(|(_, repository)| (repository, rest))
    }
}

/// The scheme of a URL, lower-cased, as Go's `url.Parse` finds it.
fn url_scheme(text: &str) -> Option<String> {
    let (scheme, _) = text.split_once(':')?;
    let valid = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    valid.then(|| scheme.to_ascii_lowercase())
}

fn resolve<'a>(repository: &'a Repository, folder: &str, path: &str, name: &str) -> Result<Located<'a>, String> {
    let resolved =
        repository.files.resolve(&join(folder, path.trim_start_matches('/'))).map_err(|error| match error {
            FileError::Loop { .. } => format!("file '{name}': too many levels of symbolic links"),
            _ => format!("file '{name}' resolved to outside repository root"),
        })?;
    if resolved.is_empty() {
        return Err(format!("file '{name}' resolved to the repository root, which is no file"));
    }
    Ok(Located { repository, path: resolved, name: name.to_owned() })
}

/// The matches of a glob, in the order of the doublestar library.
fn expand<'a>(pattern: &Located<'a>) -> Result<Vec<Located<'a>>, RenderError> {
    let failed = |why: String| RenderError::ValueFile(format!("glob pattern {:?}: {why}", pattern.name));
    let files = &pattern.repository.files;
    let matches = file_glob::expand(files, &pattern.path).map_err(failed)?;
    for path in &matches {
        match files.resolve(path) {
            Ok(real) if files.is_file(&real) || files.is_folder(&real) => {}
            Ok(_) => return Err(failed(format!("glob match {path:?} is a symbolic link to nothing"))),
            Err(_) => return Err(failed(format!("glob match {path:?} resolved to outside repository root"))),
        }
    }
    let located = |path: String| Located { repository: pattern.repository, name: path.clone(), path };
    Ok(matches.into_iter().map(located).collect())
}
