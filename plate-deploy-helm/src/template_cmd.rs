//! Everything `helm template NAME CHART` does, as one function.

use std::collections::BTreeSet;

use jiff::tz::TimeZone;

use crate::chart::{
    Capabilities, Chart, ChartError, KubeVersion, RenderChart, ValueRules, ValueSources, ValuesError, glob_matches,
};
use crate::engine::{
    Deterministic, Engine, HelmVersion, Lookup, NoLookup, Release, RenderError, RenderInput, RenderLimits,
    RenderOptions, Rendered,
};
use crate::release::{
    Manifest, ManifestError, Role, SortedManifests, sort_manifests, split_manifests, split_manifests_helm3,
};
use crate::sprig::semver::{Constraint, Version};

/// Longest release name.
const MAX_NAME: usize = 53;

/// Which release of a chart to render, and how: the flags of `helm template`.
#[derive(Clone, Debug)]
pub struct TemplateOptions {
    /// NAME (`release-name`).
    pub release_name: String,
    /// `--namespace` (`default`).
    pub namespace: String,
    /// `-f`, `--set…`.
    pub values: ValueSources,
    /// `--kube-version` (what Helm 4.3.1 assumes).
    pub kube_version: Option<String>,
    /// `--api-versions`: on top of those Helm knows; one text may hold several, with commas.
    pub api_versions: Vec<String>,
    /// A cluster's capabilities, in place of the two above.
    pub capabilities: Option<Capabilities>,
    /// `--show-only`: paths in the chart, with `*` and `?`.
    pub show_only: Vec<String>,
    /// `--include-crds`.
    pub include_crds: bool,
    /// `--is-upgrade`.
    pub is_upgrade: bool,
    /// `--skip-tests`.
    pub skip_tests: bool,
    /// `--no-hooks`.
    pub no_hooks: bool,
    /// `--skip-schema-validation`.
    pub skip_schema_validation: bool,
    /// Notes of subcharts, too.
    pub sub_notes: bool,
    /// Which Helm to follow where 3 and 4 differ (4).
    pub helm: HelmVersion,
    /// Fixes time and randomness.
    pub deterministic: Option<Deterministic>,
    /// The time zone of `now` and of dates without one (UTC).
    pub time_zone: TimeZone,
    /// Also find values that no template reads; costs time.
    pub unused_values: bool,
    /// What the render may use up.
    pub limits: RenderLimits,
}

impl Default for TemplateOptions {
    fn default() -> Self {
        Self {
            release_name: "release-name".into(),
            namespace: "default".into(),
            values: ValueSources::default(),
            kube_version: None,
            api_versions: Vec::new(),
            capabilities: None,
            show_only: Vec::new(),
            include_crds: false,
            is_upgrade: false,
            skip_tests: false,
            no_hooks: false,
            skip_schema_validation: false,
            sub_notes: false,
            helm: HelmVersion::V4,
            deterministic: None,
            time_zone: TimeZone::UTC,
            unused_values: false,
            limits: RenderLimits::default(),
        }
    }
}

/// A rendered release.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TemplateOutput {
    /// What `helm template` prints.
    pub text: String,
    /// The manifests as they are printed: CRD files, resources in install order, hooks. `--show-only` does not apply.
    pub manifests: Vec<Manifest>,
    /// `NOTES.txt`.
    pub notes: String,
    /// Chart files that templates read through `.Files`, by path from the root chart.
    pub files_read: Vec<String>,
    /// Values that no template reads, as dotted paths; only when asked for.
    pub unused_values: Vec<String>,
    /// What Helm would log.
    pub warnings: Vec<String>,
}

/// Why a release does not render.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The chart cannot be loaded, or its values clash.
    #[error(transparent)]
    Chart(#[from] ChartError),
    /// The user's values cannot be read.
    #[error(transparent)]
    Values(#[from] ValuesError),
    /// A template fails.
    #[error(transparent)]
    Render(#[from] Box<RenderError>),
    /// A rendered document is no YAML.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// The release name breaks Helm's rule.
    #[error(
        "release name check failed: release name {name:?}: invalid release name, must match regex \
         ^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$ and the length must not be longer than 53"
    )]
    ReleaseName {
        /// The name.
        name: String,
    },
    /// No release name.
    #[error("release name check failed: release name \"\": no name provided")]
    NoReleaseName,
    /// `--kube-version` is no version.
    #[error("invalid kube version '{version}': {problem}")]
    InvalidKubeVersion {
        /// As given.
        version: String,
        /// What is wrong.
        problem: String,
    },
    /// The chart asks for another Kubernetes.
    #[error("chart requires kubeVersion: {wanted} which is incompatible with Kubernetes {found}")]
    KubeVersion {
        /// The chart's constraint.
        wanted: String,
        /// The cluster's version.
        found: String,
    },
    /// A library chart.
    #[error("{chart_type} charts are not installable")]
    NotInstallable {
        /// `library`.
        chart_type: String,
    },
    /// Declared dependencies are not there.
    #[error(
        "an error occurred while checking for chart dependencies. You may need to run 'helm dependency build' to fetch \
         missing dependencies: found in Chart.yaml, but missing in charts/ directory: {}",
        .0.join(", ")
    )]
    MissingDependencies(Vec<String>),
    /// `--show-only` names nothing.
    #[error("could not find template {0} in chart")]
    NotShown(String),
}

/// Renders a chart as `helm template` does.
///
/// ```
/// use plate_deploy_helm::{TemplateOptions, chart::Chart, template};
/// # let file = |name: &str, text: &str| (name.to_owned(), text.as_bytes().to_vec());
/// let chart = Chart::from_dir_files(vec![
///     file("Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n"),
///     file("templates/cm.yaml", "kind: ConfigMap\nmetadata: {name: {{ .Release.Name }}}\n"),
/// ])?;
/// let options = TemplateOptions { release_name: "demo".into(), ..TemplateOptions::default() };
/// let output = template(&chart, &options)?;
/// assert_eq!(output.text, "---\n# Source: web/templates/cm.yaml\nkind: ConfigMap\nmetadata: {name: demo}\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`Error`] with Helm's text.
pub fn template(chart: &Chart, options: &TemplateOptions) -> Result<TemplateOutput, Error> {
    template_with(&Engine::default(), chart, options, &NoLookup)
}

/// As [`template`], with an engine that keeps parsed templates between renders, and answers to `lookup`.
///
/// # Errors
/// As [`template`].
pub fn template_with(
    engine: &Engine,
    chart: &Chart,
    options: &TemplateOptions,
    lookup: &dyn Lookup,
) -> Result<TemplateOutput, Error> {
    let capabilities = capabilities(options)?;
    let user = options.values.merge_as(options.helm)?;
    check_installable(chart)?;
    check_release_name(&options.release_name)?;
    let rules =
        ValueRules { clean_nulls: options.helm == HelmVersion::V4, check_schema: !options.skip_schema_validation };
    let prepared = chart.prepare(&user, rules)?;
    check_kube_version(chart, &capabilities.kube_version)?;
    let release = Release {
        name: options.release_name.clone(),
        namespace: options.namespace.clone(),
        revision: 1,
        is_upgrade: options.is_upgrade,
    };
    let input = RenderInput {
        chart: &prepared.chart,
        values: &prepared.values,
        release: &release,
        capabilities: &capabilities,
        lookup,
    };
    let mut rendered = engine.render(input, &render_options(options)).map_err(Box::new)?;
    let notes = take_notes(&mut rendered, prepared.chart.name(), options.sub_notes);
    let sorted = sort_manifests(&rendered.files, options.helm)?;
    finish(prepared.chart, prepared.warnings, rendered, notes, sorted, options)
}

fn render_options(options: &TemplateOptions) -> RenderOptions {
    RenderOptions {
        helm: options.helm,
        strict: false,
        lint: false,
        deterministic: options.deterministic.clone(),
        time_zone: options.time_zone.clone(),
        unused_values: options.unused_values,
        limits: options.limits.clone(),
    }
}

fn capabilities(options: &TemplateOptions) -> Result<Capabilities, Error> {
    let helm3 = options.helm == HelmVersion::V3;
    if let Some(capabilities) = &options.capabilities {
        let mut capabilities = capabilities.clone();
        if helm3 {
            capabilities.kube_version = capabilities.kube_version.with_vendor();
        }
        return Ok(capabilities);
    }
    let mut capabilities = Capabilities::default();
    if let Some(version) = &options.kube_version {
        let parsed = KubeVersion::parse(version)
            .map_err(|problem| Error::InvalidKubeVersion { version: version.clone(), problem })?;
        capabilities.kube_version = if helm3 { parsed.without_vendor() } else { parsed };
    }
    let given = options.api_versions.iter().flat_map(|versions| versions.split(','));
    capabilities.api_versions.extend(given.map(str::to_owned));
    Ok(capabilities)
}

fn check_installable(chart: &Chart) -> Result<(), Error> {
    let chart_type = &chart.metadata.chart_type;
    if !matches!(chart_type.as_str(), "" | "application") {
        return Err(Error::NotInstallable { chart_type: chart_type.clone() });
    }
    let missing = chart.missing_dependencies();
    if missing.is_empty() { Ok(()) } else { Err(Error::MissingDependencies(missing)) }
}

/// Helm's rule: labels of lower-case letters, digits and `-`, joined with dots, 53 characters at most.
fn check_release_name(name: &str) -> Result<(), Error> {
    if name.is_empty() {
        return Err(Error::NoReleaseName);
    }
    let label = |label: &str| {
        let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        !label.is_empty() && label.bytes().all(inner) && !label.starts_with('-') && !label.ends_with('-')
    };
    if name.len() > MAX_NAME || !name.split('.').all(label) {
        return Err(Error::ReleaseName { name: name.to_owned() });
    }
    Ok(())
}

fn check_kube_version(chart: &Chart, found: &KubeVersion) -> Result<(), Error> {
    let wanted = &chart.metadata.kube_version;
    let fits = || {
        let (Ok(constraint), Ok(version)) = (Constraint::parse(wanted), Version::parse(&found.normalized)) else {
            return false;
        };
        constraint.check(&version)
    };
    if wanted.is_empty() || fits() {
        return Ok(());
    }
    Err(Error::KubeVersion { wanted: wanted.clone(), found: found.version.clone() })
}

/// Takes every `NOTES.txt` out of the files; gives the root chart's, or all.
fn take_notes(rendered: &mut Rendered, root: &str, sub_notes: bool) -> String {
    let names: Vec<String> = rendered.files.keys().filter(|name| name.ends_with("NOTES.txt")).cloned().collect();
    let own = format!("{root}/templates/NOTES.txt");
    let mut notes = String::new();
    for name in names {
        let text = rendered.files.remove(&name).unwrap_or_default();
        if sub_notes || name == own {
            if !notes.is_empty() {
                notes.push('\n');
            }
            notes.push_str(&text);
        }
    }
    notes
}

fn finish(
    chart: RenderChart<'_>,
    mut warnings: Vec<String>,
    rendered: Rendered,
    notes: String,
    sorted: SortedManifests,
    options: &TemplateOptions,
) -> Result<TemplateOutput, Error> {
    if chart.metadata.deprecated {
        warnings.push("this chart is deprecated".into());
    }
    warnings.extend(rendered.warnings);
    for (source, events) in sorted.unknown_hooks {
        warnings.push(format!("skipping unknown hooks {events} in {source}"));
    }
    let mut manifests = Vec::new();
    if options.include_crds {
        collect_crds(&chart, chart.name(), &mut manifests);
    }
    manifests.extend(sorted.resources);
    let mut text = String::new();
    manifests.iter().for_each(|manifest| print(&mut text, manifest));
    let mut text = text.trim().to_owned();
    text.push('\n');
    if !options.no_hooks {
        for hook in sorted.hooks {
            if !(options.skip_tests && hook.is_test()) {
                print(&mut text, &hook);
                manifests.push(hook);
            }
        }
    }
    if !options.show_only.is_empty() {
        text = show_only(&text, options)?;
    }
    Ok(TemplateOutput {
        text,
        manifests,
        notes,
        files_read: rendered.files_read,
        unused_values: rendered.unused_values,
        warnings,
    })
}

fn print(out: &mut String, manifest: &Manifest) {
    for part in ["---\n# Source: ", &manifest.source, "\n", &manifest.text, "\n"] {
        out.push_str(part);
    }
}

/// The files of `crds/`, parents first, as they are.
fn collect_crds(chart: &RenderChart<'_>, path: &str, manifests: &mut Vec<Manifest>) {
    for file in chart.chart.crd_files() {
        manifests.push(Manifest {
            source: format!("{path}/{}", file.name),
            api_version: String::new(),
            kind: String::new(),
            name: String::new(),
            role: Role::Crd,
            text: String::from_utf8_lossy(&file.data).into_owned(),
        });
    }
    for subchart in &chart.dependencies {
        collect_crds(subchart, &format!("{path}/charts/{}", subchart.name()), manifests);
    }
}

/// The printed documents whose source matches, in the order of the patterns.
fn show_only(text: &str, options: &TemplateOptions) -> Result<String, Error> {
    let documents = match options.helm {
        HelmVersion::V4 => split_manifests(text),
        HelmVersion::V3 => split_manifests_helm3(text),
    };
    let mut out = String::new();
    for pattern in &options.show_only {
        let mut shown = BTreeSet::new();
        for (i, document) in documents.iter().enumerate() {
            if source_of(document).is_some_and(|source| glob_matches(pattern, source)) && shown.insert(i) {
                out.push_str(&format!("---\n{document}\n"));
            }
        }
        if shown.is_empty() {
            return Err(Error::NotShown(pattern.clone()));
        }
    }
    Ok(out)
}

/// The path inside the chart, from the `# Source:` comment.
fn source_of(document: &str) -> Option<&str> {
    let lines = document.match_indices("# Source: ").map(|(i, found)| &document[i + found.len()..]);
    lines.map(|rest| rest.lines().next().unwrap_or_default()).find_map(|line| {
        let (chart, path) = line.split_once('/')?;
        (!chart.is_empty() && !path.is_empty()).then_some(path)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(template: &str) -> Chart {
        let file = |name: &str, text: &str| (name.to_owned(), text.as_bytes().to_vec());
        let metadata = "apiVersion: v2\nname: web\nversion: 1.0.0\nkubeVersion: '<=1.37.0'\n";
        Chart::from_dir_files(vec![file("Chart.yaml", metadata), file("templates/a.yaml", template)]).unwrap()
    }

    fn output(template_text: &str, options: TemplateOptions) -> String {
        template(&chart(template_text), &options).unwrap().text.replace("---\n# Source: web/templates/a.yaml\n", "")
    }

    #[test]
    fn helm_3_drops_the_vendor_of_a_given_version_and_keeps_that_of_a_cluster() {
        let text = "a: {{ .Capabilities.KubeVersion.Version }} {{ .Capabilities.KubeVersion.String }}\n";
        let vendor = "v1.33.4-gke.1";
        let capabilities =
            Capabilities { kube_version: KubeVersion::parse(vendor).unwrap(), ..Capabilities::default() };
        for (helm, given, cluster) in [
            (HelmVersion::V4, "a: v1.33.4-gke.1 v1.33.4\n", "a: v1.33.4-gke.1 v1.33.4\n"),
            (HelmVersion::V3, "a: v1.33.4 v1.33.4\n", ""),
        ] {
            let options = TemplateOptions { helm, ..TemplateOptions::default() };
            let kube_version = Some(vendor.to_owned());
            assert_eq!(output(text, TemplateOptions { kube_version, ..options.clone() }), given);
            let options = TemplateOptions { capabilities: Some(capabilities.clone()), ..options };
            match template(&chart(text), &options) {
                Ok(_) => assert_eq!(output(text, options), cluster),
                // A pre-release satisfies no constraint that names none.
                Err(error) => assert!(cluster.is_empty() && matches!(error, Error::KubeVersion { .. }), "{error}"),
            }
        }
    }

    #[test]
    fn helm_3_trims_what_show_only_prints() {
        let text = "a: |+\n  x\n\n\n---\nb: 1\n";
        for (helm, want) in [(HelmVersion::V4, "a: |+\n  x\n\n\n\n\nb: 1\n\n"), (HelmVersion::V3, "a: |+\n  x\nb: 1\n")]
        {
            let show_only = vec!["templates/a.yaml".to_owned()];
            assert_eq!(output(text, TemplateOptions { helm, show_only, ..TemplateOptions::default() }), want);
        }
    }
}
