//! Where the corpus of charts and expected outputs is.

use std::path::{Path, PathBuf};

/// The corpus: `$PLATE_DEPLOY_CORPUS`, or `shared/corpus` beside the repository or above it. Says so when there is none.
pub(crate) fn corpus() -> Option<PathBuf> {
    if let Some(given) = std::env::var_os("PLATE_DEPLOY_CORPUS") {
        return Some(PathBuf::from(given));
    }
    let found =
        Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().map(|dir| dir.join("shared/corpus")).find(|dir| dir.is_dir());
    if found.is_none() {
        eprintln!("skipped: no corpus; set PLATE_DEPLOY_CORPUS to its folder");
    }
    found
}

/// The lines of a JSON-lines file.
pub(crate) fn lines(path: &Path) -> Vec<serde_json::Value> {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}

/// A string field, empty when it is not there.
pub(crate) fn text<'a>(case: &'a serde_json::Value, key: &str) -> &'a str {
    case[key].as_str().unwrap_or_default()
}

/// A list of strings, empty when it is not there.
pub(crate) fn texts(case: &serde_json::Value, key: &str) -> Vec<String> {
    case[key].as_array().into_iter().flatten().filter_map(|item| item.as_str()).map(str::to_owned).collect()
}
