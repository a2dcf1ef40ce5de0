//! Rules about `Chart.yaml`.

use super::names::{is_email, is_request_url, is_strict_semver, is_url};
use super::{Folder, LintReport, Severity};
use crate::chart::Metadata;
use crate::sprig::semver::{Constraint, Version};
use crate::value::quote::quote;
use crate::value::{Map, kind, yaml};

const FILE: &str = "Chart.yaml";

pub(super) fn check(folder: &Folder<'_>, report: &mut LintReport) {
    if folder.has_folder(FILE) {
        report.add(Severity::Error, FILE, "should be a file, not a directory");
    }
    let bytes = folder.get(FILE).unwrap_or_default();
    let mut metadata = Metadata::default();
    let read = metadata.read(bytes, false).map_err(|error| format!("unable to parse YAML\n\t{error}"));
    if !report.check(Severity::Error, FILE, read) {
        return;
    }
    let strict = Metadata::default().read(bytes, true);
    let strict = strict.map_err(|error| format!("failed to strictly parse chart metadata file\n\t{error}"));
    report.check(Severity::Warning, FILE, strict);
    let fields = yaml::unmarshal_map(bytes).unwrap_or_default();
    for outcome in [
        name(&metadata),
        api_version(&metadata),
        is_string(&fields, "version"),
        version(&metadata),
        is_string(&fields, "appVersion"),
        maintainers(&metadata),
        sources(&metadata),
    ] {
        report.check(Severity::Error, FILE, outcome);
    }
    if metadata.icon.is_empty() {
        report.add(Severity::Info, FILE, "icon is recommended");
    } else if !is_request_url(&metadata.icon) {
        report.add(Severity::Error, FILE, format!("invalid icon URL '{}'", metadata.icon));
    }
    report.check(Severity::Error, FILE, chart_type(&metadata));
    report.check(Severity::Error, FILE, dependencies(&metadata));
    if !is_strict_semver(&metadata.version) {
        report.add(Severity::Warning, FILE, format!("version '{}' is not a valid SemVerV2", metadata.version));
    }
}

fn name(metadata: &Metadata) -> Result<(), String> {
    match metadata.name.as_str() {
        "" => Err("name is required".into()),
        name if name.contains('/') => Err(format!("chart name {} is invalid", quote(name.as_bytes()))),
        _ => Ok(()),
    }
}

fn api_version(metadata: &Metadata) -> Result<(), String> {
    match metadata.api_version.as_str() {
        "v1" | "v2" => Ok(()),
        "" => Err("apiVersion is required. The value must be either \"v1\" or \"v2\"".into()),
        other => Err(format!("apiVersion '{other}' is not valid. The value must be either \"v1\" or \"v2\"")),
    }
}

fn is_string(fields: &Map, key: &str) -> Result<(), String> {
    match fields.get(key) {
        None => Ok(()),
        Some(value) if value.as_str().is_some() => Ok(()),
        Some(value) => {
            let found = if value.is_nil() { "<nil>".into() } else { kind::type_name(&value) };
            Err(format!("{key} should be of type string but it's of type {found}"))
        }
    }
}

fn version(metadata: &Metadata) -> Result<(), String> {
    let text = &metadata.version;
    if text.is_empty() {
        return Err("version is required".into());
    }
    let version = Version::parse(text).map_err(|_| format!("version '{text}' is not a valid SemVer"))?;
    let positive = Constraint::parse(">0.0.0-0")?;
    if positive.check(&version) {
        return Ok(());
    }
    Err(format!("version {text} is less than or equal to 0.0.0-0"))
}

fn maintainers(metadata: &Metadata) -> Result<(), String> {
    for maintainer in &metadata.maintainers {
        let (name, email, url) = (&maintainer.name, &maintainer.email, &maintainer.url);
        if maintainer.is_null() {
            return Err("a maintainer entry is empty".into());
        }
        if name.is_empty() {
            return Err("each maintainer requires a name".into());
        }
        if !email.is_empty() && !is_email(email) {
            return Err(format!("invalid email '{email}' for maintainer '{name}'"));
        }
        if !url.is_empty() && !is_url(url) {
            return Err(format!("invalid url '{url}' for maintainer '{name}'"));
        }
    }
    Ok(())
}

fn sources(metadata: &Metadata) -> Result<(), String> {
    match metadata.sources.iter().find(|source| !is_request_url(source)) {
        Some(source) => Err(format!("invalid source URL '{source}'")),
        None => Ok(()),
    }
}

fn chart_type(metadata: &Metadata) -> Result<(), String> {
    let api = &metadata.api_version;
    if metadata.chart_type.is_empty() || api == "v2" {
        return Ok(());
    }
    Err(format!("chart type is not valid in apiVersion '{api}'. It is valid in apiVersion 'v2'"))
}

fn dependencies(metadata: &Metadata) -> Result<(), String> {
    let api = &metadata.api_version;
    if metadata.dependencies.is_empty() || api == "v2" {
        return Ok(());
    }
    Err(format!(
        "dependencies are not valid in the Chart file with apiVersion '{api}'. They are valid in apiVersion 'v2'"
    ))
}
