//! Charts from files in memory: Helm's `loader.LoadFiles`, where every other way of loading ends.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde_json::{Map as JsonMap, Value as Json};

use super::archive::{self, Budget};
use super::error::DocumentError;
use super::ignore::Rules;
use super::{Chart, ChartError, File, Lock, Metadata, ValuesError};
use crate::value::yaml::unmarshal_json_map;

/// Deepest nesting of charts in charts.
const MAX_NESTING: usize = 32;

impl Chart {
    /// Loads a chart from the files of its folder (path in the folder, bytes), as Helm loads a folder: `.helmignore`
    /// applies, files count in the order of a directory walk.
    ///
    /// ```
    /// # use plate_deploy_helm::chart::Chart;
    /// let file = |name: &str, text: &str| (name.to_owned(), text.as_bytes().to_vec());
    /// let chart = Chart::from_dir_files(vec![
    ///     file("Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n"),
    ///     file("values.yaml", "replicas: 2\n"),
    ///     file("templates/a.yaml", "replicas: {{ .Values.replicas }}\n"),
    /// ])?;
    /// assert_eq!((chart.name(), chart.templates.len()), ("web", 1));
    /// # Ok::<(), plate_deploy_helm::chart::ChartError>(())
    /// ```
    ///
    /// # Errors
    /// [`ChartError`] with Helm's text.
    pub fn from_dir_files(mut files: Vec<(String, Vec<u8>)>) -> Result<Self, ChartError> {
        let ignore = files.iter().find(|(name, _)| name == ".helmignore").map(|(_, data)| data.as_slice());
        let rules = Rules::parse(ignore)?;
        let mut known = HashMap::new();
        files.retain(|(name, _)| !rules.excludes(name, &mut known));
        Self::from_kept_files(files)
    }

    /// As [`Chart::from_dir_files`], for files that `.helmignore` leaves.
    pub(super) fn from_kept_files(mut files: Vec<(String, Vec<u8>)>) -> Result<Self, ChartError> {
        // By the parts of the paths: a slash comes before everything else.
        let key = |name: &str| -> Vec<u8> { name.bytes().map(|b| if b == b'/' { 0 } else { b }).collect() };
        files.sort_by_cached_key(|(name, _)| key(name));
        let mut budget = Budget::default();
        budget.take(files.iter().map(|(_, data)| data.len()).sum(), "chart exceeds maximum decompressed size of")?;
        Self::load(files.into_iter().map(into_file).collect(), &mut budget, 0)
    }

    /// Loads a chart from a packaged chart (`.tgz`). `.helmignore` does not apply, as in Helm.
    ///
    /// # Errors
    /// [`ChartError`]; also when the archive unpacks to more than 100 MiB, subcharts' archives included, or names
    /// files outside of the chart.
    pub fn from_archive(bytes: &[u8]) -> Result<Self, ChartError> {
        let mut budget = Budget::default();
        Self::load(archive::unpack(bytes, &mut budget)?, &mut budget, 0)
    }

    pub(super) fn load(files: Vec<File>, budget: &mut Budget, depth: usize) -> Result<Self, ChartError> {
        if depth > MAX_NESTING {
            return Err(ChartError::TooDeep("a subchart".into()));
        }
        let mut chart = Self::default();
        let mut found = false;
        for file in files.iter().filter(|file| file.name == "Chart.yaml") {
            found = true;
            let read = chart.metadata.read(&file.data, false);
            read.map_err(|source| ChartError::File { file: "Chart.yaml", source })?;
            if chart.metadata.api_version.is_empty() {
                "v1".clone_into(&mut chart.metadata.api_version);
            }
        }
        let mut subcharts: BTreeMap<String, Vec<File>> = BTreeMap::new();
        for file in files {
            found |= matches!(file.name.as_str(), "requirements.yaml" | "requirements.lock");
            if let Some((name, file)) = chart.place(file)? {
                subcharts.entry(name).or_default().push(file);
            }
        }
        if !found {
            return Err(ChartError::NoChartFile);
        }
        chart.metadata.validate()?;
        for (name, files) in subcharts {
            if name.starts_with(['_', '.']) {
                continue;
            }
            let subchart = load_subchart(&name, files, budget, depth).map_err(|source| ChartError::Subchart {
                name,
                parent: chart.metadata.name.clone(),
                source: Box::new(source),
            })?;
            chart.dependencies.push(subchart);
        }
        Ok(chart)
    }

    /// Puts a file where it belongs. A file of a subchart is given back with the name of its file or folder in
    /// `charts/` and its path there.
    fn place(&mut self, file: File) -> Result<Option<(String, File)>, ChartError> {
        let is_v1 = |metadata: &Metadata| metadata.api_version == "v1";
        match file.name.as_str() {
            "Chart.yaml" => {}
            "Chart.lock" => self.lock = Some(read_lock(&file, "Chart.lock")?),
            "values.yaml" => {
                let values = load_values(&file.data);
                self.values = values.map_err(|problem| {
                    let context = "cannot load values.yaml".to_owned();
                    ValuesError::File { context, problem }
                })?;
            }
            "values.schema.json" => self.schema = Some(file.data),
            "requirements.yaml" => {
                let read = self.metadata.read(&file.data, false);
                read.map_err(|source| ChartError::File { file: "requirements.yaml", source })?;
                if is_v1(&self.metadata) {
                    self.files.push(file);
                }
            }
            "requirements.lock" => {
                self.lock = Some(read_lock(&file, "requirements.lock")?);
                if is_v1(&self.metadata) {
                    self.files.push(file);
                }
            }
            name if name.starts_with("templates/") => self.templates.push(file),
            name if name.starts_with("charts/") && !has_extension(name, "prov") => {
                let rest = name["charts/".len()..].to_owned();
                let subchart = rest.split('/').next().unwrap_or_default().to_owned();
                return Ok(Some((subchart, File { name: rest, data: file.data })));
            }
            _ => self.files.push(file),
        }
        Ok(None)
    }
}

fn load_subchart(name: &str, files: Vec<File>, budget: &mut Budget, depth: usize) -> Result<Chart, ChartError> {
    if has_extension(name, "tgz") {
        return match files.first() {
            Some(file) if file.name == name => Chart::load(archive::unpack(&file.data, budget)?, budget, depth + 1),
            Some(file) => Err(ChartError::Archive(format!("expected {name}, got {}", file.name))),
            None => Err(ChartError::NoChartFile),
        };
    }
    let inside = files.into_iter().filter_map(|file| {
        let name = file.name.split_once('/')?.1.to_owned();
        Some(File { name, data: file.data })
    });
    Chart::load(inside.collect(), budget, depth + 1)
}

fn read_lock(file: &File, name: &'static str) -> Result<Lock, ChartError> {
    Lock::read(&file.data).map_err(|source| ChartError::File { file: name, source })
}

/// Go's `filepath.Ext`: what follows the last dot of the last part.
fn has_extension(name: &str, extension: &str) -> bool {
    let last = name.rsplit('/').next().unwrap_or(name);
    last.rsplit_once('.').is_some_and(|(_, found)| found == extension)
}

fn into_file((name, mut data): (String, Vec<u8>)) -> File {
    if data.starts_with(b"\xEF\xBB\xBF") {
        data.drain(..3);
    }
    File { name, data: Arc::from(data) }
}

/// Reads a values file: YAML documents, of which later ones override earlier ones.
pub(crate) fn load_values(bytes: &[u8]) -> Result<JsonMap<String, Json>, DocumentError> {
    let mut values = JsonMap::new();
    for document in split_documents(bytes)? {
        let next = unmarshal_json_map(document)?;
        if values.is_empty() {
            values = next;
        } else {
            merge(&mut values, next);
        }
    }
    Ok(values)
}

/// Cuts at lines that start with `---`, as Kubernetes' YAML reader does. The first separator stays in its document.
pub(crate) fn split_documents(bytes: &[u8]) -> Result<Vec<&[u8]>, DocumentError> {
    let mut documents = Vec::new();
    let (mut start, mut at) = (0, 0);
    for line in bytes.split_inclusive(|&b| b == b'\n') {
        if let Some(rest) = line.strip_prefix(b"---") {
            let rest = String::from_utf8_lossy(rest);
            let rest = rest.trim();
            if !rest.is_empty() && !rest.starts_with('#') {
                return Err(DocumentError::Separator(rest.to_owned()));
            }
            if at > start {
                documents.push(bytes.get(start..at).unwrap_or_default());
                start = at + line.len();
            }
        }
        at += line.len();
    }
    if at > start {
        documents.push(bytes.get(start..at).unwrap_or_default());
    }
    Ok(documents)
}

/// Helm's `MergeMaps`: the later value wins, maps are merged.
fn merge(into: &mut JsonMap<String, Json>, from: JsonMap<String, Json>) {
    for (key, value) in from {
        match (into.get_mut(&key), value) {
            (Some(Json::Object(old)), Json::Object(new)) => merge(old, new),
            (_, value) => {
                into.insert(key, value);
            }
        }
    }
}
