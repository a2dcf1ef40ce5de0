//! Helm charts, as Argo CD's repo-server renders them: `helm template` with CRDs, for the cluster's capabilities.

use plate_deploy_helm::chart::{Chart, ValueSources};
use plate_deploy_helm::{Error, TemplateOptions, template};
use serde_json::Value;

use super::{RenderError, Source, documents};
use crate::files::File;
use crate::model::application::HelmSource;

impl Source<'_> {
    /// The chart's objects.
    pub(super) fn helm(&mut self) -> Result<Vec<Value>, RenderError> {
        let helm = self.source.helm.clone().unwrap_or_default();
        let values = self.helm_values(&helm)?;
        let chart = self.load_chart()?;
        let first = |a: &str, b: &str| if a.is_empty() { b.to_owned() } else { a.to_owned() };
        // The instance name of an Application elsewhere is `namespace_name`; Helm gets the name alone.
        let app_name = self.request.app_name.rsplit('_').next().unwrap_or_default();
        let kube_version = Some(first(&helm.kube_version, &self.request.kube_version)).filter(|v| !v.is_empty());
        let api_versions =
            if helm.api_versions.is_empty() { self.request.api_versions.clone() } else { helm.api_versions.clone() };
        let options = TemplateOptions {
            release_name: first(&helm.release_name, app_name),
            namespace: first(&helm.namespace, &self.request.namespace),
            values,
            kube_version,
            api_versions,
            include_crds: !helm.skip_crds,
            skip_tests: helm.skip_tests,
            skip_schema_validation: helm.skip_schema_validation,
            ..TemplateOptions::default()
        };
        let output = template(&chart, &options).map_err(|error| self.chart_error(error))?;
        let mut objects = Vec::with_capacity(output.manifests.len());
        for manifest in &output.manifests {
            objects.extend(documents::objects(&manifest.text, &manifest.source)?);
        }
        Ok(objects)
    }

    fn helm_values(&mut self, helm: &HelmSource) -> Result<ValueSources, RenderError> {
        let mut sources = ValueSources::default();
        for located in self.value_files(&helm.value_files, helm.ignore_missing_value_files)? {
            let Some(repository) = self.repository(&located.repository) else { continue };
            let content = repository.files.read(&located.path)?.to_vec();
            self.note_read(&located.repository, &located.path);
            sources.files.push((located.path, content));
        }
        match &helm.values_object {
            Some(Value::Object(values)) => sources.object = values.clone(),
            Some(_) => {}
            None if helm.values.is_empty() => {}
            None => sources.files.push(("values of the Application".into(), helm.values.clone().into_bytes())),
        }
        for parameter in &helm.parameters {
            let text = format!("{}={}", parameter.name, escape(&self.env.substitute(&parameter.value)));
            if parameter.force_string { sources.set_string.push(text) } else { sources.set.push(text) }
        }
        for parameter in &helm.file_parameters {
            let located = self.locate(&parameter.path).map_err(RenderError::ValueFile)?;
            let Some(repository) = self.repository(&located.repository) else { continue };
            let content = repository.files.read(&located.path)?.to_vec();
            self.note_read(&located.repository, &located.path);
            sources.set_file.push(format!("{}={}", parameter.name, located.path));
            sources.set_file_contents.push((located.path, content));
        }
        Ok(sources)
    }

    /// The chart in the source's folder. Every file in it counts as read.
    fn load_chart(&mut self) -> Result<Chart, RenderError> {
        let mut files = Vec::new();
        let mut read = Vec::new();
        for (path, file) in self.repository.files.below(&self.folder) {
            let full = if self.folder.is_empty() { path.to_owned() } else { format!("{}/{path}", self.folder) };
            match file {
                File::Blob(content) => files.push((path.to_owned(), content.to_vec())),
                File::Symlink(_) => files.push((path.to_owned(), self.repository.files.read(&full)?.to_vec())),
                File::TooLarge(_) => {}
            }
            read.push(full);
        }
        let url = self.repository.url.clone();
        read.iter().for_each(|path| self.note_read(&url, path));
        Chart::from_dir_files(files).map_err(|e| RenderError::Helm(e.to_string()))
    }

    fn chart_error(&self, error: Error) -> RenderError {
        match error {
            Error::MissingDependencies(missing) => {
                RenderError::MissingDependencies { chart: self.folder.clone(), missing }
            }
            other => RenderError::Helm(other.to_string()),
        }
    }
}

/// A comma in a parameter is part of its value, not the start of the next one (Argo CD's `cleanSetParameters`).
fn escape(value: &str) -> String {
    let list = value.starts_with('{') && value.ends_with('}');
    let mut out = String::with_capacity(value.len());
    let mut escaped = false;
    for c in value.chars() {
        if c == ',' && !escaped && !list {
            out.push('\\');
        }
        escaped = c == '\\';
        out.push(c);
    }
    out
}
