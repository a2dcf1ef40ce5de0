//! `helm dependency list`: how the declared dependencies of a chart folder stand.

use std::collections::BTreeMap;

use super::{Chart, ChartError, Dependency};
use crate::sprig::semver::{Constraint, Version};

/// A declared dependency and what there is of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DependencyRow {
    /// `name` of the declaration.
    pub name: String,
    /// `version` of the declaration: a version or a constraint.
    pub version: String,
    /// `repository` of the declaration.
    pub repository: String,
    /// Helm's word: `ok` (an archive that fits), `unpacked` (a folder that fits), `missing`, `wrong version`,
    /// `invalid version`, `misnamed`, `corrupt`, `too many matches`.
    pub status: &'static str,
}

/// What `helm dependency list` says about a chart folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DependencyList {
    /// The declared dependencies, in their order.
    pub rows: Vec<DependencyRow>,
    /// What lies in `charts/` and is no chart: `charts/x`.
    pub not_charts: Vec<String>,
    /// Charts in `charts/` that nobody declared: `charts/x-1.0.0.tgz`.
    pub undeclared: Vec<String>,
}

impl DependencyList {
    /// Looks at the files of a chart folder (path in the folder, bytes).
    ///
    /// # Errors
    /// The folder is no chart.
    pub fn of(files: &[(String, Vec<u8>)]) -> Result<Self, ChartError> {
        let chart = Chart::from_dir_files(files.to_vec())?;
        let declared = &chart.metadata.dependencies;
        let mut list = Self::default();
        for wanted in declared {
            list.rows.push(DependencyRow {
                name: wanted.name.clone(),
                version: wanted.version.clone(),
                repository: wanted.repository.clone(),
                status: status(wanted, &chart, files),
            });
        }
        if declared.is_empty() {
            return Ok(list);
        }
        for (path, found) in children(files) {
            match found {
                Err(_) => list.not_charts.push(path),
                Ok(found) if !declared.iter().any(|wanted| wanted.name == found.name()) => list.undeclared.push(path),
                Ok(_) => {}
            }
        }
        Ok(list)
    }
}

/// Helm's `dependencyStatus`: archives first, then what loads as a subchart.
fn status(wanted: &Dependency, chart: &Chart, files: &[(String, Vec<u8>)]) -> &'static str {
    let archives = files.iter().filter_map(|(path, bytes)| {
        let version = path.strip_prefix("charts/")?.strip_suffix(".tgz")?.strip_prefix(&wanted.name)?;
        Some((version.strip_prefix('-').filter(|version| !version.contains('/'))?, bytes))
    });
    let mut archives: Vec<_> = archives.collect();
    if archives.len() > 1 {
        archives.retain(|(version, _)| is_strict(version));
        if archives.len() > 1 {
            return "too many matches";
        }
    }
    if let [(_, bytes)] = archives.as_slice() {
        return match Chart::from_archive(bytes) {
            Err(_) => "corrupt",
            Ok(found) if found.name() != wanted.name => "misnamed",
            Ok(found) => misfit(wanted, &found).unwrap_or("ok"),
        };
    }
    match chart.dependencies.iter().rfind(|found| found.name() == wanted.name) {
        None => "missing",
        Some(found) => misfit(wanted, found).unwrap_or("unpacked"),
    }
}

/// What is wrong with a chart's version.
fn misfit(wanted: &Dependency, found: &Chart) -> Option<&'static str> {
    let version = &found.metadata.version;
    if *version == wanted.version {
        return None;
    }
    match (Constraint::parse(&wanted.version), Version::parse(version)) {
        (Ok(constraint), Ok(version)) => (!constraint.check(&version)).then_some("wrong version"),
        _ => Some("invalid version"),
    }
}

/// Whether it is a version with all three numbers and no `v`.
fn is_strict(version: &str) -> bool {
    let core = version.split(['-', '+']).next().unwrap_or_default();
    Version::parse(version).is_ok() && core.split('.').count() == 3 && !core.starts_with('v')
}

/// The folders and archives in `charts/`, loaded.
fn children(files: &[(String, Vec<u8>)]) -> BTreeMap<String, Result<Chart, ChartError>> {
    let mut folders: BTreeMap<String, Vec<(String, Vec<u8>)>> = BTreeMap::new();
    let mut found = BTreeMap::new();
    for (path, bytes) in files {
        let Some(rest) = path.strip_prefix("charts/") else { continue };
        match rest.split_once('/') {
            Some((folder, inside)) => {
                folders.entry(format!("charts/{folder}")).or_default().push((inside.to_owned(), bytes.clone()));
            }
            None if rest.ends_with(".tgz") => {
                found.insert(path.clone(), Chart::from_archive(bytes));
            }
            None => {}
        }
    }
    found.extend(folders.into_iter().map(|(path, files)| (path, Chart::from_dir_files(files))));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_is_helms_word() {
        let chart = |name: &str, version: &str| format!("apiVersion: v2\nname: {name}\nversion: {version}\n");
        let declared: String =
            [("fits", "^1.0.0"), ("old", ">=2"), ("odd", "nonsense"), ("gone", "1.0.0"), ("bad", "1")]
                .map(|(name, version)| format!("- {{name: {name}, version: \"{version}\", repository: r}}\n"))
                .concat();
        let file = |path: &str, text: String| (path.to_owned(), text.into_bytes());
        let mut files = vec![
            file("Chart.yaml", format!("{}dependencies:\n{declared}", chart("c", "1.0.0"))),
            file("charts/fits/Chart.yaml", chart("fits", "1.2.0")),
            file("charts/old/Chart.yaml", chart("old", "1.2.0")),
            file("charts/odd/Chart.yaml", chart("odd", "1.2.0")),
            file("charts/more/Chart.yaml", chart("more", "1.0.0")),
            file("charts/_notes/text", String::new()),
        ];
        let statuses = |files: &[(String, Vec<u8>)]| -> Vec<&'static str> {
            DependencyList::of(files).unwrap().rows.iter().map(|row| row.status).collect()
        };
        assert_eq!(statuses(&files), ["unpacked", "wrong version", "invalid version", "missing", "missing"]);
        let list = DependencyList::of(&files).unwrap();
        assert_eq!(
            (list.undeclared, list.not_charts),
            (vec!["charts/more".to_owned()], vec!["charts/_notes".to_owned()])
        );
        assert!(is_strict("1.2.3-rc.1") && !is_strict("1.2") && !is_strict("v1.2.3"));
        files.retain(|(path, _)| !path.contains("odd"));
        assert_eq!(statuses(&files)[2], "missing");
    }
}
