//! Charts out of a repository: their files, symlinks followed inside it, and a cache of parsed ones.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use plate_deploy_helm::chart::{Chart, Dependency};
use sha2::{Digest, Sha256};

use super::{RenderError, join};
use crate::files::{File, FileError, RepoFiles};

/// Deepest nesting of folders that symlinks may build.
const MAX_DEPTH: usize = 32;

/// Most files of one chart, subcharts included.
const MAX_FILES: usize = 50_000;

/// Most parsed charts that are kept.
const KEPT: usize = 64;

/// Files of a chart that every render of it depends on.
pub(super) const ALWAYS_READ_FILES: [&str; 7] = [
    "Chart.yaml",
    "Chart.lock",
    "values.yaml",
    "values.schema.json",
    "requirements.yaml",
    "requirements.lock",
    ".helmignore",
];

/// Folders of a chart that every render of it depends on.
pub(super) const ALWAYS_READ_FOLDERS: [&str; 3] = ["templates", "crds", "charts"];

/// The files of a chart's folder: path in it, real path in the repository, content.
pub(super) struct ChartFiles<'a> {
    files: BTreeMap<String, (String, &'a [u8])>,
}

impl<'a> ChartFiles<'a> {
    /// Reads a folder. Symlinks are followed as Helm follows them, but only inside the repository.
    pub(super) fn read(files: &'a RepoFiles, folder: &str) -> Result<Self, RenderError> {
        let mut read = Self { files: BTreeMap::new() };
        let mut left = vec![(String::new(), folder.to_owned(), 0)];
        while let Some((prefix, folder, depth)) = left.pop() {
            if depth > MAX_DEPTH || read.files.len() > MAX_FILES {
                return Err(RenderError::Helm(format!("chart {folder}: too many files, or links that lead back up")));
            }
            for (path, file) in files.below(&folder) {
                let full = join(&folder, path);
                let name = join(&prefix, path);
                if let File::Symlink(_) = file {
                    let real = files.resolve(&full)?;
                    if files.is_folder(&real) {
                        left.push((name, real, depth + 1));
                        continue;
                    }
                    read.files.insert(name, (real, files.read(&full)?));
                } else {
                    read.files.insert(name, (full.clone(), files.read(&full)?));
                }
            }
        }
        Ok(read)
    }

    /// Real path of a file of the chart.
    pub(super) fn real_path(&self, name: &str) -> Option<&str> {
        self.files.get(name).map(|(real, _)| real.as_str())
    }

    /// Real paths of the files that every render of the chart depends on: all but those that only `.Files` shows.
    pub(super) fn always_read(&self) -> impl Iterator<Item = &str> {
        let counts = |name: &str| {
            let folder = name.split_once('/').map(|(folder, _)| folder);
            ALWAYS_READ_FILES.contains(&name) || folder.is_some_and(|folder| ALWAYS_READ_FOLDERS.contains(&folder))
        };
        self.files.iter().filter(move |(name, _)| counts(name)).map(|(_, (real, _))| real.as_str())
    }

    fn digest(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        for (name, (_, content)) in &self.files {
            for part in [name.as_bytes(), content] {
                hash.update(part.len().to_le_bytes());
                hash.update(part);
            }
        }
        hash.finalize().into()
    }

    fn parse(&self) -> Result<Chart, RenderError> {
        let files = self.files.iter().map(|(name, (_, content))| (name.clone(), content.to_vec())).collect();
        Chart::from_dir_files(files).map_err(|error| RenderError::Helm(error.to_string()))
    }
}

/// Parsed charts by the content of their files, the last used ones.
#[derive(Default)]
pub(super) struct ChartCache {
    charts: Mutex<Vec<([u8; 32], Arc<Chart>)>>,
}

impl ChartCache {
    fn get(&self, files: &ChartFiles<'_>) -> Result<Arc<Chart>, RenderError> {
        let key = files.digest();
        let lock = || self.charts.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = {
            let mut charts = lock();
            let at = charts.iter().position(|(known, _)| *known == key);
            at.map(|at| {
                // The last used one goes to the end; the first one is dropped first.
                let entry = charts.remove(at);
                let chart = Arc::clone(&entry.1);
                charts.push(entry);
                chart
            })
        };
        if let Some(chart) = kept {
            return Ok(chart);
        }
        let chart = Arc::new(files.parse()?);
        let mut charts = lock();
        if charts.len() >= KEPT {
            charts.remove(0);
        }
        charts.push((key, Arc::clone(&chart)));
        Ok(chart)
    }

    /// The chart in a folder, with its `file://` dependencies from the same repository, which `helm dependency build`
    /// would pack into `charts/`. Notes what was read.
    pub(super) fn load(
        &self,
        files: &RepoFiles,
        folder: &str,
        chart_files: &ChartFiles<'_>,
        read: &mut BTreeSet<String>,
    ) -> Result<Arc<Chart>, RenderError> {
        let mut chart = self.get(chart_files)?;
        for wanted in chart.metadata.dependencies.clone() {
            let there = chart.dependencies.iter().any(|chart| chart.name() == wanted.name);
            let Some(path) = wanted.repository.strip_prefix("file://").filter(|_| !there) else { continue };
            let local = local_folder(files, folder, path, &wanted)?;
            let local_files = ChartFiles::read(files, &local)?;
            read.extend(local_files.always_read().map(str::to_owned));
            let dependency = self.get(&local_files)?;
            if dependency.name() == wanted.name {
                let chart = Arc::make_mut(&mut chart);
                chart.dependencies.push((*dependency).clone());
                chart.dependencies.sort_by(|a, b| a.name().cmp(b.name()));
            }
        }
        Ok(chart)
    }
}

impl fmt::Debug for ChartCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kept = self.charts.lock().unwrap_or_else(PoisonError::into_inner).len();
        write!(f, "ChartCache({kept} charts)")
    }
}

fn local_folder(files: &RepoFiles, folder: &str, path: &str, wanted: &Dependency) -> Result<String, RenderError> {
    let refused = |why: &str| {
        RenderError::Helm(format!("dependency {} of chart {folder}: {}: {why}", wanted.name, wanted.repository))
    };
    if path.starts_with('/') {
        return Err(refused("leads out of the repository"));
    }
    let found = files.resolve(&join(folder, path)).map_err(|error| match error {
        FileError::Outside { .. } => refused("leads out of the repository"),
        other => refused(&other.to_string()),
    })?;
    if files.is_folder(&found) { Ok(found) } else { Err(refused("no such folder in the repository")) }
}
