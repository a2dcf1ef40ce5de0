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
    /// A manifest file cannot be understood.
    #[error("Failed to unmarshal {file:?}: {message}")]
    Manifest {
        /// The file, relative to the source's folder.
        file: String,
        /// Why, with the line.
        message: String,
    },
    /// A document is no Kubernetes object.
    #[error("{place}: {source}")]
    Object {
        /// The file or chart.
        place: String,
        /// Why not.
        source: ManifestError,
    },
    /// `.argocd-source.yaml` or `.argocd-source-<app>.yaml` cannot be used.
    #[error("error while parsing source parameters: {file}: {message}")]
    Overrides {
        /// The file.
        file: String,
        /// Why.
        message: String,
    },
    /// The source has options of several types.
    #[error(transparent)]
    SourceType(#[from] SourceTypeError),
    /// A values file cannot be used.
    #[error("error resolving helm value files: {0}")]
    ValueFile(String),
    /// The chart declares dependencies that are not in the repository.
    #[error("chart {chart}: its dependencies are declared but not vendored: {}", .missing.join(", "))]
    MissingDependencies {
        /// The chart's folder.
        chart: String,
        /// `name version (repository)` of each.
        missing: Vec<String>,
    },
    /// The chart cannot be loaded or rendered; the text is Helm's.
    #[error("{0}")]
    Helm(String),
    /// An object cannot be marked.
    #[error("failed to set app instance tracking info on manifest: {0}")]
    Tracking(#[from] TrackingError),
    /// Something that is refused on principle.
    #[error("{0} is not supported")]
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
            Self::Path(_) | Self::File(_) => "source-path",
            Self::Manifest { .. } | Self::Object { .. } => "invalid-manifest",
            Self::Overrides { .. } => "invalid-overrides",
            Self::SourceType(_) => "ambiguous-source-type",
            Self::ValueFile(_) => "missing-value-file",
            Self::MissingDependencies { .. } => "dependency-not-vendored",
            Self::Helm(_) => "chart-error",
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
            Self::ValueFile(_) => "add the file, or set helm.ignoreMissingValueFiles in the Application".into(),
            _ => String::new(),
        }
    }
}
