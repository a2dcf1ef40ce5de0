//! Plain directories of manifests.

use serde_json::Value;

use super::{RenderError, Source, documents};
use crate::files::{File, FileError};
use crate::model::application::DirectorySource;
use crate::model::glob::glob_match;

/// A file with this text in it is left out.
const SKIP_MARKER: &[u8] = b"+argocd:skip-file-rendering";

impl Source<'_> {
    /// The objects of all manifest files of the folder, in path order.
    pub(super) fn directory(&mut self) -> Result<Vec<Value>, RenderError> {
        let options = self.source.directory.clone().unwrap_or_default();
        let paths: Vec<String> = self
            .repository
            .files
            .below(&self.folder)
            .filter(|(path, file)| chosen(path, file, &options))
            .map(|(path, _)| path.to_owned())
            .collect();
        let mut objects = Vec::new();
        for path in walk_order(paths) {
            objects.extend(self.file(&path)?);
        }
        Ok(objects)
    }

    fn file(&mut self, path: &str) -> Result<Vec<Value>, RenderError> {
        let full = if self.folder.is_empty() { path.to_owned() } else { format!("{}/{path}", self.folder) };
        let content = match self.repository.files.read(&full) {
            // A symlink to nothing, or to a folder, is passed over; one that leads out is an error.
            Err(FileError::NotFound { .. } | FileError::IsFolder { .. }) => return Ok(Vec::new()),
            Err(FileError::Outside { .. }) => {
                return Err(RenderError::Path(format!("illegal filepath in symlink at {path:?}")));
            }
            other => other?,
        };
        self.note_read(&self.repository.url, &full);
        if content.windows(SKIP_MARKER.len()).any(|window| window == SKIP_MARKER) {
            return Ok(Vec::new());
        }
        if path.ends_with(".jsonnet") {
            return Err(RenderError::Unsupported(format!("jsonnet ({full})")));
        }
        let text = String::from_utf8_lossy(content);
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        let name = path.rsplit('/').next().unwrap_or(path);
        if path.ends_with(".json") { json(text, name) } else { documents::objects(text, name) }
    }
}

/// Whether the options take the file, judged by its path relative to the folder.
fn chosen(path: &str, file: &File, options: &DirectorySource) -> bool {
    let manifest = [".yaml", ".yml", ".json", ".jsonnet"].iter().any(|extension| path.ends_with(extension));
    manifest
        && !matches!(file, File::TooLarge(_))
        && (options.recurse || !path.contains('/'))
        && (options.exclude.is_empty() || !glob_match(&options.exclude, path, &[]))
        && (options.include.is_empty() || glob_match(&options.include, path, &[]))
}

/// Go's `filepath.Walk` visits each folder's entries by name, folders among files: compare path parts, not whole paths.
fn walk_order(mut paths: Vec<String>) -> Vec<String> {
    paths.sort_by(|a, b| a.split('/').cmp(b.split('/')));
    paths
}

/// A JSON file holds exactly one object.
fn json(text: &str, file: &str) -> Result<Vec<Value>, RenderError> {
    let error = |message: String| RenderError::Manifest { file: file.into(), message };
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    let object = match values.next() {
        Some(value) => value.map_err(|e| error(e.to_string()))?,
        None => return Err(error("EOF".into())),
    };
    if values.next().is_some() {
        return Err(error("Found multiple objects. Only single objects are allowed in JSON files.".into()));
    }
    if object.get("kind").and_then(Value::as_str).is_none_or(str::is_empty) {
        return Err(error("Object 'Kind' is missing".into()));
    }
    Ok(vec![object])
}
