//! Helm charts: an Application's `helm` options as the flags of `helm template`.

use std::collections::BTreeSet;

use plate_deploy_helm::chart::{Chart, ValueSources};
use plate_deploy_helm::engine::NoLookup;
use plate_deploy_helm::{Error, TemplateOptions, TemplateOutput, template_with};
use serde_json::Value;

use super::chart::ChartFiles;
use super::value_files::Located;
use super::{RenderError, Source, documents, join, unused};
use crate::model::application::{HelmParameter, HelmSource};

/// The values of an Application and where they come from.
pub(super) struct Values<'a> {
    /// As Helm takes them.
    pub(super) sources: ValueSources,
    /// The values files among them.
    pub(super) files: Vec<(Located<'a>, &'a [u8])>,
}

impl<'a> Source<'a> {
    /// The chart's objects: CRDs, resources in install order, hooks.
    pub(super) fn helm(&mut self) -> Result<Vec<Value>, RenderError> {
        let helm = self.source.helm.clone().unwrap_or_default();
        let version = if helm.kube_version.is_empty() { &self.request.kube_version } else { &helm.kube_version };
        let kube_version = if version.is_empty() { None } else { Some(kube_version(version)?) };
        let values = self.values(&helm)?;

        let files = ChartFiles::read(&self.repository.files, &self.folder)?;
        if files.real_path("Chart.yaml").is_none() {
            return Err(RenderError::NoChart(join(&self.folder, "Chart.yaml")));
        }
        let mut read: BTreeSet<String> = files.always_read().map(str::to_owned).collect();
        let chart = self.renderer.charts.load(&self.repository.files, &self.folder, &files, &mut read);
        self.note_all(read);
        let chart = chart?;

        let options = self.options(&helm, kube_version, values.sources.clone());
        let output = template_with(&self.renderer.engine, &chart, &options, &NoLookup)
            .map_err(|error| self.failure(&chart, error))?;
        // They begin with the chart's name.
        let names = output.files_read.iter().filter_map(|path| path.split_once('/'));
        let shown = names.filter_map(|(_, name)| files.real_path(name)).map(str::to_owned).collect();
        self.note_all(shown);
        let warnings = unused::warnings(&chart, &output.unused_values, &values, &self.repository.url);
        self.out.warnings.extend(warnings);
        manifests(&output)
    }

    /// The values in Helm's order: files, `values` or `valuesObject`, parameters, file parameters.
    fn values(&mut self, helm: &HelmSource) -> Result<Values<'a>, RenderError> {
        let files = self.value_files(&helm.value_files, helm.ignore_missing_value_files)?;
        let mut sources = ValueSources::default();
        sources.files.extend(files.iter().map(|(located, content)| (located.path.clone(), content.to_vec())));
        match &helm.values_object {
            // Even an empty object counts: `values` is not looked at then.
            Some(Value::Object(object)) => sources.object.clone_from(object),
            Some(_) => return Err(RenderError::Helm("helm.valuesObject is not a mapping".into())),
            None if helm.values.is_empty() => {}
            None => sources.files.push(("helm.values".into(), helm.values.clone().into_bytes())),
        }
        sources.set = self.parameters(helm, false);
        sources.set_string = self.parameters(helm, true);
        for (index, parameter) in helm.file_parameters.iter().enumerate() {
            let referenced = self.referenced(&parameter.path).is_some();
            let what = if referenced { "set-file path" } else { "helm value file path" };
            let located =
                self.locate(&parameter.path).map_err(|error| RenderError::FileParameter(format!("{what}: {error}")))?;
            self.note_read(&located.repository.url, &located.path);
            let content = located.repository.files.read(&located.path).map_err(|error| {
                RenderError::Helm(format!("failed parsing --set-file data: {}: {error}", parameter.name))
            })?;
            // A name that the grammar of --set cannot misread.
            sources.set_file.push(format!("{}=file-{index}", parameter.name));
            sources.set_file_contents.push((format!("file-{index}"), content.to_vec()));
        }
        Ok(Values { sources, files })
    }

    /// The parameters as arguments of `--set` or `--set-string`. Argo CD keeps them in a Go map: of one name, the last
    /// counts. Their order is random there; here it is the Application's.
    fn parameters(&self, helm: &HelmSource, force_string: bool) -> Vec<String> {
        let of_type = || helm.parameters.iter().filter(|parameter| parameter.force_string == force_string);
        let last = |at: usize, name: &str| !of_type().skip(at + 1).any(|later| later.name == name);
        let argument = |parameter: &HelmParameter| {
            format!("{}={}", parameter.name, escape_commas(&self.env.substitute(&parameter.value)))
        };
        of_type().enumerate().filter(|(at, p)| last(*at, &p.name)).map(|(_, parameter)| argument(parameter)).collect()
    }

    fn options(&self, helm: &HelmSource, kube_version: Option<String>, values: ValueSources) -> TemplateOptions {
        let namespace = if helm.namespace.is_empty() { &self.request.namespace } else { &helm.namespace };
        let api_versions = if helm.api_versions.is_empty() { &self.request.api_versions } else { &helm.api_versions };
        // Of an Application outside of Argo CD's namespace (`namespace_name`), only the name.
        let app_name = self.request.app_name.split_once('_').map_or(self.request.app_name.as_str(), |(_, name)| name);
        let release_name = if helm.release_name.is_empty() { app_name } else { &helm.release_name };
        TemplateOptions {
            release_name: release_name.to_owned(),
            namespace: if namespace.is_empty() { "default".into() } else { namespace.clone() },
            values,
            kube_version,
            api_versions: api_versions.clone(),
            include_crds: !helm.skip_crds,
            skip_tests: helm.skip_tests,
            skip_schema_validation: helm.skip_schema_validation,
            unused_values: true,
            deterministic: self.request.seed.as_ref().map(|seed| seed.of(&self.request.app_name)),
            ..TemplateOptions::default()
        }
    }

    fn failure(&self, chart: &Chart, error: Error) -> RenderError {
        let Error::MissingDependencies(names) = error else { return RenderError::Helm(error.to_string()) };
        let declared = chart.metadata.dependencies.iter().filter(|wanted| names.contains(&wanted.name));
        let missing = declared.map(|wanted| format!("{} {} ({})", wanted.name, wanted.version, wanted.repository));
        RenderError::MissingDependencies { chart: self.folder.clone(), missing: missing.collect() }
    }
}

/// Reads what Helm prints.
fn manifests(output: &TemplateOutput) -> Result<Vec<Value>, RenderError> {
    let mut objects = Vec::new();
    for manifest in &output.manifests {
        let read = documents::read_yaml(&manifest.text);
        if let Some(error) = read.error {
            let message = format!("failed to unmarshal manifest: {error}");
            return Err(RenderError::Manifest { file: manifest.source.clone(), message });
        }
        objects.extend(read.objects);
    }
    Ok(objects)
}

/// Puts a backslash before each comma that has none, but for `{a,b}`, Helm's way to write a list.
fn escape_commas(value: &str) -> String {
    if value.starts_with('{') && value.ends_with('}') {
        return value.to_owned();
    }
    let mut out = String::with_capacity(value.len());
    let mut before = '\0';
    for c in value.chars() {
        if c == ',' && before != '\\' {
            out.push('\\');
        }
        out.push(c);
        before = c;
    }
    out
}

/// A version as `k8s.io/apimachinery`'s `version.ParseGeneric` prints it: numbers and dots, without what follows.
fn kube_version(version: &str) -> Result<String, RenderError> {
    let text = version.trim_start();
    let text = text.strip_prefix('v').unwrap_or(text);
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let mut parts = Vec::new();
    for part in text.get(..end).unwrap_or_default().split('.') {
        match part.parse::<u64>() {
            Ok(number) => parts.push(number.to_string()),
            Err(_) => break,
        }
    }
    if parts.len() < 2 {
        let message = format!("illegal version string {version:?}");
        return Err(RenderError::KubeVersion { version: version.to_owned(), message });
    }
    Ok(parts.join("."))
}

#[cfg(test)]
mod tests {
    use super::{escape_commas, kube_version};

    #[test]
    fn versions_as_argo_cd_reads_them() {
        for (version, expected) in [
            ("v1.33.1", "1.33.1"),
            ("1.28", "1.28"),
            (" v1.30.2+k3s1", "1.30.2"),
            ("1.31.0-eks-a1", "1.31.0"),
            ("1.31.x", "1.31"),
        ] {
            assert_eq!(kube_version(version).unwrap(), expected);
        }
        for broken in ["", "1", "v", "one.two", "1."] {
            assert!(kube_version(broken).is_err(), "{broken}");
        }
    }

    #[test]
    fn commas_are_escaped_once() {
        for (value, expected) in [("a,b", r"a\,b"), (r"a\,b", r"a\,b"), ("{a,b}", "{a,b}"), ("", "")] {
            assert_eq!(escape_commas(value), expected);
        }
    }
}
