//! The user's values, and what a render makes of a chart and them.

use super::coalesce::{Coalescer, deep_copy_map};
use super::load::load_values;
use super::{Chart, ChartError, DocumentError, RenderChart, ValuesError, dependencies, schema, strvals};
use crate::helm_version::HelmVersion;
use crate::value::yaml::{UnmarshalError, unmarshal_json_map, unmarshal_map};
use crate::value::{Map, Value, json};

/// Where the user's values come from, in Helm's order: later ones override earlier ones.
#[derive(Clone, Default)]
pub struct ValueSources {
    /// `-f`: name for messages, and content.
    pub files: Vec<(String, Vec<u8>)>,
    /// Values given as a tree (Argo CD's `valuesObject`), over the files. Numbers count as floats, as in files.
    pub object: serde_json::Map<String, serde_json::Value>,
    /// `--set-json`.
    pub set_json: Vec<String>,
    /// `--set`.
    pub set: Vec<String>,
    /// `--set-string`.
    pub set_string: Vec<String>,
    /// `--set-file`; the files are looked up in `set_file_contents`.
    pub set_file: Vec<String>,
    /// `--set-literal`.
    pub set_literal: Vec<String>,
    /// The files that `set_file` names.
    pub set_file_contents: Vec<(String, Vec<u8>)>,
}

impl std::fmt::Debug for ValueSources {
    /// Names only: values may be secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let files: Vec<&str> = self.files.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("ValueSources").field("files", &files).finish_non_exhaustive()
    }
}

impl ValueSources {
    /// Merges all sources, as Helm 4's `MergeValues`.
    ///
    /// # Errors
    /// The first source that cannot be understood.
    pub fn merge(&self) -> Result<Map, ValuesError> {
        self.merge_as(HelmVersion::V4)
    }

    /// Merges all sources as that Helm does. Helm 3 reads only the first document of a values file, and knows no
    /// `--set-json '{…}'` without a key.
    ///
    /// # Errors
    /// The first source that cannot be understood.
    pub fn merge_as(&self, helm: HelmVersion) -> Result<Map, ValuesError> {
        let base = Map::new();
        for (name, bytes) in &self.files {
            let read = match helm {
                HelmVersion::V4 => load_values(bytes),
                HelmVersion::V3 => unmarshal_json_map(bytes).map_err(DocumentError::from),
            };
            let values =
                read.map_err(|problem| ValuesError::File { context: format!("failed to parse {name}"), problem })?;
            merge_maps(&base, &Map::from(&values));
        }
        merge_maps(&base, &Map::from(&self.object));
        for text in &self.set_json {
            set_json(text, &base, helm)?;
        }
        let set = |flag: &'static str| move |problem: String| ValuesError::Set { flag, problem };
        for text in &self.set {
            strvals::parse_into(text, &base).map_err(set("--set"))?;
        }
        for text in &self.set_string {
            strvals::parse_string_into(text, &base).map_err(set("--set-string"))?;
        }
        for text in &self.set_file {
            strvals::parse_file_into(text, &base, &|name| self.file(name)).map_err(set("--set-file"))?;
        }
        for text in &self.set_literal {
            strvals::parse_literal_into(text, &base).map_err(set("--set-literal"))?;
        }
        Ok(base)
    }

    fn file(&self, name: &str) -> Result<String, String> {
        let found = self.set_file_contents.iter().find(|(known, _)| known == name);
        let (_, bytes) = found.ok_or_else(|| format!("open {name}: no such file or directory"))?;
        Ok(String::from_utf8_lossy(bytes).into_owned())
    }
}

fn set_json(text: &str, base: &Map, helm: HelmVersion) -> Result<(), ValuesError> {
    let trimmed = text.trim();
    if helm == HelmVersion::V3 || !trimmed.starts_with('{') {
        return strvals::parse_json_into(text, base).map_err(|_| ValuesError::SetJson(text.to_owned()));
    }
    let object = json::decode_map(trimmed.as_bytes())
        .map_err(|source| ValuesError::SetJsonObject { text: text.to_owned(), source })?;
    merge_maps(base, &object);
    Ok(())
}

/// Helm's `MergeMaps`: the later value wins, tables are merged.
fn merge_maps(into: &Map, from: &Map) {
    for (key, value) in from.snapshot() {
        match (into.get(&key.text()), &value) {
            (Some(Value::Map(old)), Value::Map(new)) => merge_maps(&old, new),
            _ => into.insert(key, value),
        }
    }
}

/// How values are computed.
#[derive(Clone, Copy, Debug)]
pub struct ValueRules {
    /// Drop nulls of chart defaults, as Helm 4 does. Helm 3 keeps them.
    pub clean_nulls: bool,
    /// Check `values.schema.json`.
    pub check_schema: bool,
}

impl Default for ValueRules {
    fn default() -> Self {
        Self { clean_nulls: true, check_schema: true }
    }
}

/// A chart with its values, ready to render.
#[derive(Debug)]
pub struct Prepared<'a> {
    /// The enabled charts.
    pub chart: RenderChart<'a>,
    /// `.Values` of the root chart.
    pub values: Map,
    /// What Helm would log.
    pub warnings: Vec<String>,
}

impl Chart {
    /// Chooses subcharts, computes `.Values` and checks them: Helm's `ProcessDependencies` and `ToRenderValues`.
    ///
    /// # Errors
    /// Values that clash with a subchart's name or break a schema.
    pub fn prepare(&self, user: &Map, rules: ValueRules) -> Result<Prepared<'_>, ChartError> {
        let mut coalescer = Coalescer { clean_nulls: rules.clean_nulls, warnings: Vec::new() };
        let chart = dependencies::process(self, user, &mut coalescer)
            .map_err(|error| ChartError::Dependencies(format!("chart dependencies processing failed: {error}")))?;
        let values = coalescer.coalesce(&chart, user)?;
        if rules.check_schema {
            schema::validate(&chart, &values)?;
        }
        let mut warnings = coalescer.warnings;
        warnings.dedup();
        Ok(Prepared { chart, values, warnings })
    }
}

/// Reads `values.yaml` as lint does: one document.
pub(crate) fn read_values(bytes: &[u8]) -> Result<Map, String> {
    let problem = |error: UnmarshalError| error.to_string().replace("map[string]interface {}", "common.Values");
    unmarshal_map(bytes).map_err(problem)
}

/// Checks `values.yaml` under the user's values against the chart's own schema, as lint does.
pub(crate) fn check_schema(schema: &[u8], values: &Map, user: &Map, clean_nulls: bool) -> Result<(), String> {
    let mut coalescer = Coalescer { clean_nulls, warnings: Vec::new() };
    let merged = Map::new();
    coalescer.tables(&merged, &deep_copy_map(user), "", false);
    coalescer.tables(&merged, values, "", false);
    schema::check(schema, &merged)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merged(sources: &ValueSources, helm: HelmVersion) -> Result<String, String> {
        let map = sources.merge_as(helm).map_err(|error| error.to_string())?;
        json::encode(&Value::Map(map)).map_err(|error| error.to_string())
    }

    #[test]
    fn helm_3_reads_the_first_document_of_a_values_file() {
        let files = vec![("v.yaml".to_owned(), b"---\na: 1\nb: 1\n---\nb: 2\n".to_vec())];
        let sources = ValueSources { files, ..ValueSources::default() };
        assert_eq!(merged(&sources, HelmVersion::V3).unwrap(), r#"{"a":1,"b":1}"#);
        assert_eq!(merged(&sources, HelmVersion::V4).unwrap(), r#"{"a":1,"b":2}"#);
    }

    #[test]
    fn helm_3_knows_no_set_json_without_a_key() {
        let sources = ValueSources { set_json: vec![r#"{"a":1}"#.into()], ..ValueSources::default() };
        assert!(merged(&sources, HelmVersion::V3).unwrap_err().starts_with("failed parsing --set-json data"));
        assert_eq!(merged(&sources, HelmVersion::V4).unwrap(), r#"{"a":1}"#);
    }

    #[test]
    fn nulls_of_chart_defaults_stay_in_helm_3_and_a_null_without_a_default_in_both() {
        let file = |name: &str, text: &str| (name.to_owned(), text.as_bytes().to_vec());
        let chart = Chart::from_dir_files(vec![
            file("Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n"),
            file("values.yaml", "service: {port: 80, gone: 1, none: null}\nnothing: null\n"),
        ])
        .unwrap();
        let set = vec!["service.gone=null,service.new=null".to_owned()];
        let user = ValueSources { set, ..ValueSources::default() }.merge().unwrap();
        for (clean_nulls, want) in [
            (false, r#"{"nothing":null,"service":{"new":null,"none":null,"port":80}}"#),
            (true, r#"{"service":{"new":null,"port":80}}"#),
        ] {
            let rules = ValueRules { clean_nulls, ..ValueRules::default() };
            let prepared = chart.prepare(&user, rules).unwrap();
            assert_eq!(json::encode(&Value::Map(prepared.values)).unwrap(), want);
        }
    }
}
