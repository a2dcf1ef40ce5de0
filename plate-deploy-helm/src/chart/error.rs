//! Why a chart cannot be loaded or its values computed, in Helm's words.

use crate::value::json::JsonError;
use crate::value::yaml::UnmarshalError;

/// Why a chart cannot be loaded or its values computed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChartError {
    /// A file of the chart is not what it should be.
    #[error("cannot load {file}: {source}")]
    File {
        /// `Chart.yaml`, `Chart.lock`, `requirements.yaml` or `requirements.lock`.
        file: &'static str,
        /// What is wrong.
        source: UnmarshalError,
    },
    /// A values file is no YAML, or not a mapping.
    #[error("{0}")]
    Values(#[from] ValuesError),
    /// There is no `Chart.yaml`.
    #[error("Chart.yaml file is missing")]
    NoChartFile,
    /// `Chart.yaml` says something it may not.
    #[error("validation: {0}")]
    Validation(String),
    /// A subchart cannot be loaded.
    #[error("error unpacking subchart {name} in {parent}: {source}")]
    Subchart {
        /// File or folder in `charts/`.
        name: String,
        /// The chart it is in.
        parent: String,
        /// Why.
        source: Box<ChartError>,
    },
    /// A chart archive that is broken, too large or reaches outside of the chart.
    #[error("{0}")]
    Archive(String),
    /// A rule of `.helmignore` that cannot be understood.
    #[error(".helmignore: {0}")]
    Ignore(&'static str),
    /// A file cannot be read.
    #[error("error reading {path}: {source}")]
    Io {
        /// The path.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// A link that leads out of the folder that the chart may read.
    #[error("{path} is a symbolic link out of the chart; put the file into the chart instead")]
    LinkOutside {
        /// The link.
        path: String,
    },
    /// A device, socket or the like.
    #[error("cannot load irregular file {0} as it has file mode type bits set")]
    Irregular(String),
    /// Folders or charts nested too deeply: a link cycle, or an archive made to exhaust memory.
    #[error("{0} is nested too deeply")]
    TooDeep(String),
    /// A value where a table for a subchart must be.
    #[error("type mismatch on {name}: {shown}")]
    TypeMismatch {
        /// The subchart.
        name: String,
        /// The value, as Go prints it with `%t`.
        shown: String,
    },
    /// The values do not fit `values.schema.json`.
    #[error("values don't meet the specifications of the schema(s) in the following chart(s):\n{0}")]
    Schema(String),
    /// A dependency of `Chart.yaml` is not in `charts/`.
    #[error("{0}")]
    Dependencies(String),
}

/// Why values cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ValuesError {
    /// A values file that is no YAML, or not a mapping.
    #[error("{context}: {problem}")]
    File {
        /// `failed to parse PATH` or `cannot load values.yaml`.
        context: String,
        /// What is wrong.
        problem: DocumentError,
    },
    /// A `--set…` argument that cannot be understood.
    #[error("failed parsing {flag} data: {problem}")]
    Set {
        /// The flag.
        flag: &'static str,
        /// Helm's text.
        problem: String,
    },
    /// A `--set-json` argument that cannot be understood.
    #[error("failed parsing --set-json data {0}")]
    SetJson(String),
    /// A `--set-json` argument with an object that is no JSON.
    #[error("failed parsing --set-json data JSON: {text}")]
    SetJsonObject {
        /// The argument.
        text: String,
        /// Why.
        source: JsonError,
    },
}

/// Why a stream of YAML documents cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DocumentError {
    /// Text after `---`.
    #[error("error reading yaml document: invalid Yaml document separator: {0}")]
    Separator(String),
    /// A document that is no YAML, or not a mapping.
    #[error("cannot unmarshal yaml document: {0}")]
    Document(#[from] UnmarshalError),
}
