//! The values that a deployment ends up with, as scalars with their places.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::files::RepoFiles;
use crate::model::{FieldPath, FieldStep};
use crate::workspace::{Location, paths};
use crate::yaml::{Document, parse};

/// A scalar and where it was set.
#[derive(Clone, Debug)]
pub(super) struct Leaf {
    pub(super) value: Value,
    pub(super) location: Location,
}

/// All scalars after the files were laid over each other: later files win, lists are replaced as a whole.
#[derive(Clone, Debug, Default)]
pub(super) struct EffectiveValues(BTreeMap<FieldPath, Leaf>);

impl EffectiveValues {
    /// Reads the files, the weakest first. Broken ones count as empty: another rule reports them.
    pub(super) fn read<'a>(files: &RepoFiles, value_files: impl Iterator<Item = &'a str>) -> Self {
        let mut values = Self::default();
        for file in value_files {
            let Ok(text) = paths::text(files, file) else { continue };
            let parsed = parse(text);
            let Some(document) = parsed.documents.first() else { continue };
            if let Ok(json) = document.json() {
                values.overlay(file, document, &json);
            }
        }
        values
    }

    fn overlay(&mut self, file: &str, document: &Document, json: &Value) {
        let mut todo = vec![(FieldPath::root(), json)];
        while let Some((path, value)) = todo.pop() {
            match value {
                Value::Object(map) => todo.extend(map.iter().map(|(key, value)| (path.key(key), value))),
                Value::Array(items) => {
                    self.0.retain(|known, _| !known.steps().starts_with(path.steps()));
                    todo.extend(items.iter().enumerate().map(|(i, item)| (path.index(i), item)));
                }
                scalar => {
                    let mark = document.mark(&path).unwrap_or_else(|| document.key_mark(&path));
                    let location = Location::new(file, mark);
                    self.0.insert(path, Leaf { value: scalar.clone(), location });
                }
            }
        }
    }

    /// Every text with its path.
    pub(super) fn texts(&self) -> impl Iterator<Item = (&FieldPath, &str, &Location)> {
        self.0.iter().filter_map(|(path, leaf)| Some((path, leaf.value.as_str()?, &leaf.location)))
    }
}

/// The key above the last one, `""` when there is none: `service` of `service.type`.
pub(super) fn parent_key(path: &FieldPath) -> &str {
    match path.steps() {
        [.., FieldStep::Key(key), _] => key,
        _ => "",
    }
}
