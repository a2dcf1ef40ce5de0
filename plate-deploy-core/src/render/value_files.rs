//! Which values files an Application names: relative, absolute, by glob, or in another source's repository.

use std::collections::BTreeSet;

use super::{RenderError, Repository, Source};
use crate::model::application::ApplicationSource;
use crate::model::glob::file_match;

/// A file in one of the Application's repositories.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Located {
    /// URL of the repository.
    pub(super) repository: String,
    /// Path without symlinks.
    pub(super) path: String,
}

impl Source<'_> {
    /// The values files in Helm's order: the last one wins. A file that is also named outright keeps that place, not
    /// its glob's.
    pub(super) fn value_files(&self, names: &[String], ignore_missing: bool) -> Result<Vec<Located>, RenderError> {
        let explicit: BTreeSet<Located> =
            names.iter().filter_map(|name| self.locate(name).ok()).filter(|l| !is_glob(&l.path)).collect();
        let mut files: Vec<Located> = Vec::new();
        for name in names {
            let located = self.locate(name).map_err(RenderError::ValueFile)?;
            if is_glob(&located.path) {
                let matches = self.expand(&located);
                if matches.is_empty() && !ignore_missing {
                    return Err(RenderError::ValueFile(format!("values file glob {name:?} matched no files")));
                }
                let matches = matches.into_iter().filter(|found| !explicit.contains(found) && !files.contains(found));
                files.extend(matches.collect::<Vec<_>>());
            } else if !files.contains(&located) {
                if self.repository(&located.repository).is_some_and(|r| r.files.is_file(&located.path)) {
                    files.push(located);
                } else if !ignore_missing {
                    return Err(RenderError::ValueFile(format!(
                        "values file {name} does not exist ({})",
                        located.path
                    )));
                }
            }
        }
        Ok(files)
    }

    /// Where a name points: `$ref/path`, `/path` from the repository's root, or relative to the source's folder. A `$name`
    /// that no source has is an environment variable.
    pub(super) fn locate(&self, name: &str) -> Result<Located, String> {
        if let Some((repository, rest)) = self.referenced(name) {
            let path = self.env.substitute(rest);
            return resolve(repository, "", path.trim_start_matches('/'), name);
        }
        let name = self.env.substitute(name);
        if let Some((scheme, _)) = name.split_once("://") {
            return Err(format!("values file {name}: {scheme} is not supported (put the file into Git)"));
        }
        match name.strip_prefix('/') {
            Some(path) => resolve(self.repository, "", path, &name),
            None => resolve(self.repository, &self.folder, &name, &name),
        }
    }

    /// The repository of the source that `$ref/…` refers to, and the rest.
    fn referenced<'n>(&self, name: &'n str) -> Option<(&Repository, &'n str)> {
        let (reference, rest) = name.strip_prefix('$')?.split_once('/')?;
        let named = |(source, _): &&(ApplicationSource, Repository)| source.reference == reference;
        self.request.sources.iter().find(named).map(|(_, repository)| (repository, rest))
    }

    pub(super) fn repository(&self, url: &str) -> Option<&Repository> {
        if self.repository.url == url {
            return Some(self.repository);
        }
        self.request.sources.iter().map(|(_, repository)| repository).find(|repository| repository.url == url)
    }

    fn expand(&self, pattern: &Located) -> Vec<Located> {
        let Some(repository) = self.repository(&pattern.repository) else { return Vec::new() };
        repository
            .files
            .paths()
            .filter(|path| path_match(&pattern.path, path) && repository.files.is_file(path))
            .map(|path| Located { repository: pattern.repository.clone(), path: path.to_owned() })
            .collect()
    }
}

fn resolve(repository: &Repository, folder: &str, path: &str, name: &str) -> Result<Located, String> {
    let joined = if folder.is_empty() { path.to_owned() } else { format!("{folder}/{path}") };
    let path = repository.files.resolve(&joined).map_err(|_| {
        format!("error resolving value file path: value file {name:?} resolved to outside repository root")
    })?;
    Ok(Located { repository: repository.url.clone(), path })
}

fn is_glob(path: &str) -> bool {
    path.contains(['*', '?', '[', '{'])
}

/// `**` stands for any number of folders; other patterns stay within one.
fn path_match(pattern: &str, path: &str) -> bool {
    let pattern: Vec<&str> = pattern.split('/').collect();
    let path: Vec<&str> = path.split('/').collect();
    // matches[i]: the pattern so far matches the first i parts of the path.
    let mut matches = vec![false; path.len() + 1];
    matches[0] = true;
    for part in pattern {
        let mut next = vec![false; path.len() + 1];
        for i in 0..=path.len() {
            next[i] = if part == "**" {
                matches[i] || (i > 0 && next[i - 1])
            } else {
                i > 0 && matches[i - 1] && file_match(part, path[i - 1])
            };
        }
        matches = next;
    }
    matches[path.len()]
}

#[cfg(test)]
mod tests {
    use super::path_match;

    #[test]
    fn double_stars_cross_folders() {
        for (pattern, path, expected) in [
            ("a/*.yaml", "a/x.yaml", true),
            ("a/*.yaml", "a/b/x.yaml", false),
            ("a/**/x.yaml", "a/x.yaml", true),
            ("a/**/x.yaml", "a/b/c/x.yaml", true),
            ("**", "a/b", true),
            ("a/**", "b/c", false),
        ] {
            assert_eq!(path_match(pattern, path), expected, "{pattern} {path}");
        }
    }
}
