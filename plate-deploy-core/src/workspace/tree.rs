//! App-of-apps: Applications whose source is a folder of Applications in the same repository.

use std::collections::{BTreeMap, BTreeSet};

use super::application::SourcedApplication;
use super::paths::{self, is_below, is_manifest};
use crate::files::RepoFiles;
use crate::model::application::DirectorySource;
use crate::model::{glob_match, same_repo};

/// An Application that brings others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppOfApps {
    /// Its name.
    pub name: String,
    /// Names of the Applications in its folder, sorted; an Application that contains itself is left out.
    pub children: Vec<String>,
    /// Whether nothing brings it: someone applies it by hand, once.
    pub is_root: bool,
}

/// The app-of-apps among `applications`, and a sentence for every circle.
pub(super) fn discover(
    files: &RepoFiles,
    home: &str,
    applications: &[SourcedApplication],
) -> (Vec<AppOfApps>, Vec<(String, String)>) {
    let mut trees: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut circles = Vec::new();
    for parent in applications {
        for (_, source) in parent.sources() {
            let local = same_repo(&source.repo_url, home) && source.helm.is_none() && source.chart.is_empty();
            let Some(folder) = local.then(|| paths::folder(files, &source.path)).flatten() else { continue };
            let directory = source.directory.clone().unwrap_or_default();
            for child in applications.iter().filter(|child| takes(&folder, &directory, &child.file)) {
                if child.name() == parent.name() {
                    circles.push((parent.name().to_owned(), format!("{} contains itself", parent.name())));
                } else {
                    trees.entry(parent.name()).or_default().insert(child.name());
                }
            }
        }
    }
    circles.extend(circle_sentences(&trees));
    let children: BTreeSet<&str> = trees.values().flatten().copied().collect();
    let found = trees.iter().map(|(name, brought)| AppOfApps {
        name: (*name).to_owned(),
        children: brought.iter().map(|child| (*child).to_owned()).collect(),
        is_root: !children.contains(name),
    });
    (found.collect(), circles)
}

/// Whether a directory source takes a file: in the folder itself unless it recurses, `include` and `exclude` on the
/// relative path (Argo CD: gobwas globs without separators).
fn takes(folder: &str, directory: &DirectorySource, file: &str) -> bool {
    if !is_below(file, folder) || !(is_manifest(file) || directory.disable_extension_filter) {
        return false;
    }
    let relative = file.get(if folder.is_empty() { 0 } else { folder.len() + 1 }..).unwrap_or(file);
    (directory.recurse || !relative.contains('/'))
        && (directory.include.is_empty() || glob_match(&directory.include, relative, &[]))
        && (directory.exclude.is_empty() || !glob_match(&directory.exclude, relative, &[]))
}

/// One sentence for every Application that can be reached from itself through others.
fn circle_sentences(trees: &BTreeMap<&str, BTreeSet<&str>>) -> Vec<(String, String)> {
    let mut sentences = Vec::new();
    for start in trees.keys() {
        let mut seen = BTreeSet::new();
        let mut todo: Vec<&str> = trees.get(start).into_iter().flatten().copied().collect();
        while let Some(next) = todo.pop() {
            if next == *start {
                sentences.push(((*start).to_owned(), format!("{start} brings itself through other Applications")));
                break;
            }
            if seen.insert(next) {
                todo.extend(trees.get(next).into_iter().flatten().copied());
            }
        }
    }
    sentences
}
