//! Paths and texts in [`RepoFiles`]: small helpers of discovery and lint.

use crate::files::RepoFiles;

/// The text of a file, links followed; the error is for people.
pub(crate) fn text<'a>(files: &'a RepoFiles, path: &str) -> Result<&'a str, String> {
    let content = files.read(path).map_err(|error| error.to_string())?;
    std::str::from_utf8(content).map_err(|_| format!("{path}: not UTF-8 text"))
}

/// Names of the folders directly in a folder.
pub(crate) fn folders_in<'a>(files: &'a RepoFiles, folder: &str) -> Vec<&'a str> {
    let firsts = files.below(folder).filter_map(|(path, _)| path.split_once('/').map(|(first, _)| first));
    let mut names: Vec<&str> = firsts.collect();
    names.dedup();
    names
}

/// `folder/file`, or `file` at the root.
pub(crate) fn join(folder: &str, file: &str) -> String {
    if folder.is_empty() { file.to_owned() } else { format!("{folder}/{file}") }
}

/// A folder as an Application writes it (`.`, `./x/`, `/x`), links followed; `None` when it leads out.
pub(crate) fn folder(files: &RepoFiles, path: &str) -> Option<String> {
    files.resolve(path.strip_prefix('/').unwrap_or(path)).ok()
}

/// Whether a path is in a folder, at any depth.
pub(crate) fn is_below(path: &str, folder: &str) -> bool {
    folder.is_empty() || path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

/// Whether Argo CD's directory source reads it as a manifest.
pub(crate) fn is_manifest(path: &str) -> bool {
    [".yaml", ".yml", ".json"].iter().any(|extension| path.ends_with(extension))
}
