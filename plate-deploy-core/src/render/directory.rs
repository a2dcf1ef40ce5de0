//! Plain directories of manifests.

use serde_json::Value;

use super::{RenderError, Source, documents, join};
use crate::files::FileError;
use crate::model::application::DirectorySource;
use crate::model::glob::glob_match;

/// A file with this text in it is left out.
const SKIP_MARKER: &str = "+argocd:skip-file-rendering";

/// Most bytes of one Application's manifest files: Argo CD's `--max-combined-directory-manifests-size` (10M).
const MAX_COMBINED: usize = 10_000_000;

impl Source<'_> {
    /// The objects of all manifest files of the folder, in the order of Go's `filepath.Walk`.
    pub(super) fn directory(&mut self) -> Result<Vec<Value>, RenderError> {
        let options = self.source.directory.clone().unwrap_or_default();
        let candidate = |path: &&str| has_place(path, &options);
        let mut paths: Vec<String> = self
            .repository
            .files
            .below(&self.folder)
            .map(|(path, _)| path)
            .filter(candidate)
            .map(str::to_owned)
            .collect();
        // Each folder's entries by name, folders among files: compare path parts, not whole paths.
        paths.sort_by(|a, b| a.split('/').cmp(b.split('/')));
        // All files are checked before any is understood.
        let mut texts = Vec::new();
        let mut size = 0;
        for path in paths {
            let Some(text) = self.manifest_text(&path, &options)? else { continue };
            size += text.len();
            if size > MAX_COMBINED {
                let message = format!("exceeded max combined manifest file size of {MAX_COMBINED} bytes at {path:?}");
                return Err(RenderError::Directory(message));
            }
            texts.push((path, text));
        }
        let mut objects = Vec::new();
        for (path, text) in texts {
            objects.extend(understand(&path, &text)?);
        }
        Ok(objects)
    }

    /// The text of a file that may hold manifests; `None` when it is passed over.
    fn manifest_text(&mut self, path: &str, options: &DirectorySource) -> Result<Option<String>, RenderError> {
        let full = join(&self.folder, path);
        let invalid = |why: String| RenderError::Directory(format!("invalid manifest file {full:?}: {why}"));
        let taken = (options.exclude.is_empty() || !glob_match(&options.exclude, path, &[]))
            && (options.include.is_empty() || glob_match(&options.include, path, &[]));
        let content = match self.repository.files.read(&full) {
            // A symlink to nothing, or to a folder, is passed over; one that leads out is an error.
            Err(FileError::NotFound { .. } | FileError::IsFolder { .. }) => return Ok(None),
            Err(FileError::Outside { .. }) => return Err(invalid(format!("illegal filepath in symlink at {path:?}"))),
            Err(FileError::Loop { .. }) => {
                return Err(invalid(format!("failed to evaluate symlink at {path:?}: too many links")));
            }
            _ if !taken => return Ok(None),
            Err(other) => return Err(other.into()),
            Ok(content) => content,
        };
        self.note_read(&self.repository.url, &full);
        if let Ok(real) = self.repository.files.resolve(&full) {
            self.note_read(&self.repository.url, &real);
        }
        let text = documents::text(content);
        Ok((!text.contains(SKIP_MARKER)).then_some(text))
    }
}

/// Whether a file of this name and depth counts.
fn has_place(path: &str, options: &DirectorySource) -> bool {
    let manifest = [".yaml", ".yml", ".json", ".jsonnet"].iter().any(|extension| path.ends_with(extension));
    (manifest || options.disable_extension_filter) && (options.recurse || !path.contains('/'))
}

fn understand(path: &str, text: &str) -> Result<Vec<Value>, RenderError> {
    let file = path.rsplit('/').next().unwrap_or(path);
    let failed = |message: String| RenderError::Manifest { file: file.to_owned(), message };
    if path.ends_with(".jsonnet") {
        return Err(RenderError::Unsupported(format!("jsonnet ({path})")));
    }
    if path.ends_with(".json") {
        return Ok(vec![documents::single_json(text).map_err(failed)?]);
    }
    let read = documents::read(text);
    match read.error {
        // What does not look like a manifest at all may be any YAML file that happens to lie there.
        Some(error) if !read.objects.is_empty() || looks_like_manifest(text) => {
            Err(failed(format!("failed to unmarshal manifest: {error}")))
        }
        _ => Ok(read.objects),
    }
}

fn looks_like_manifest(text: &str) -> bool {
    ["apiVersion:", "kind:", "metadata:"].iter().all(|key| text.contains(key))
}
