//! Why an Application cannot be rendered.

use crate::files::FileError;
use crate::model::ManifestError;
use crate::model::application::SourceTypeError;
use crate::tracking::TrackingError;

/// The error of a render. Argo CD shows the same as a `ComparisonError` condition.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RenderError {
    /// The source's path cannot be used.
    #[error("{0}")]
    Path(String),
    /// A file cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// The files of a directory cannot be used.
    #[error("failed to get potentially valid manifests: {0}")]
    Directory(String),
    /// A manifest file cannot be understood.
    #[error("Failed to unmarshal {file:?}: {message}")]
    Manifest {
        /// The file's name, or the chart's template.
        file: String,
        /// Why, with the line.
        message: String,
    },
    /// A document is no Kubernetes object.
    #[error("{place}: {source}")]
    Object {
        /// Kind and name, as far as there are any.
        place: String,
        /// Why not.
        source: ManifestError,
    },
    /// `.argocd-source.yaml` or `.argocd-source-<app>.yaml` cannot be used.
    #[error("error getting app source type: error while parsing source parameters: {file}: {message}")]
    Overrides {
        /// The file.
        file: String,
        /// Why.
        message: String,
    },
    /// The source has options of several types.
    #[error("error getting app source type: {0}")]
    SourceType(#[from] SourceTypeError),
    /// The Kubernetes version to render for is none.
    #[error("could not parse kubernetes version {version}: {message}")]
    KubeVersion {
        /// As given.
        version: String,
        /// Why.
        message: String,
    },
    /// A values file cannot be used.
    #[error("error resolving helm value files: {0}")]
    ValueFile(String),
    /// A glob of values files matches nothing.
    #[error("error resolving helm value files: values file glob {0:?} matched no files")]
    NoMatch(String),
    /// A values file is not there. Argo CD leaves it to Helm to say so.
    #[error("failed to execute helm template command: values file {name}: open {path}: no such file or directory")]
    MissingValueFile {
        /// As the Application names it.
        name: String,
        /// Path in the repository.
        path: String,
    },
    /// The file of a file parameter cannot be used.
    #[error("error resolving {0}")]
    FileParameter(String),
    /// There is no chart.
    #[error(
        "error getting helm repos: error retrieving helm dependency repos: error reading helm chart from {0}: no such file"
    )]
    NoChart(String),
    /// The chart declares dependencies that are not in the repository.
    #[error("chart {chart}: found in Chart.yaml, but missing in charts/ directory: {}", .missing.join(", "))]
    MissingDependencies {
        /// The chart's folder.
        chart: String,
        /// Each as `name version (repository)`.
        missing: Vec<String>,
    },
    /// The chart cannot be loaded or rendered; the text is Helm's.
    #[error("failed to execute helm template command: {0}")]
    Helm(String),
    /// An object cannot be marked.
    #[error("failed to set app instance tracking info on manifest: {0}")]
    Tracking(#[from] TrackingError),
    /// Something that is refused on principle.
    #[error("{0}: not supported")]
    Unsupported(String),
    /// A bug of ours, caught.
    #[error("internal error while rendering: {0}")]
    Internal(String),
}

impl RenderError {
    /// A stable name for the condition, for findings.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Path(_) | Self::File(_) | Self::Directory(_) => "source-path",
            Self::Manifest { .. } | Self::Object { .. } => "invalid-manifest",
            Self::Overrides { .. } => "invalid-overrides",
            Self::SourceType(_) => "ambiguous-source-type",
            Self::KubeVersion { .. } => "invalid-kube-version",
            Self::ValueFile(_) | Self::FileParameter(_) => "invalid-value-file",
            Self::MissingValueFile { .. } | Self::NoMatch(_) => "missing-value-file",
            Self::MissingDependencies { .. } => "dependency-not-vendored",
            Self::Helm(_) | Self::NoChart(_) => "chart-error",
            Self::Tracking(_) => "tracking-error",
            Self::Unsupported(_) => "unsupported-source",
            Self::Internal(_) => "internal-error",
        }
    }

    /// What to do about it; `""` when the message says it.
    #[must_use]
    pub fn remedy(&self) -> String {
        match self {
            Self::MissingDependencies { chart, .. } => {
                format!(
                    "run `helm dependency build {chart}` once and commit {chart}/charts (an offline deploy cannot download it)"
                )
            }
            Self::MissingValueFile { .. } | Self::NoMatch(_) => {
                "add the file, or set helm.ignoreMissingValueFiles in the Application".into()
            }
            Self::NoChart(_) => "correct the Application's path, or remove its helm options".into(),
            Self::Unsupported(_) => "commit the rendered manifests, or use a Helm chart or a plain directory".into(),
            _ => String::new(),
        }
    }
}
