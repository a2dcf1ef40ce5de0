//! Which Applications a set of changed files may change.

use std::collections::{BTreeMap, BTreeSet};

use super::SubjectKind;
use crate::model::Application;
use crate::render::Inputs;

/// Most causes that are named.
const MAX_CAUSES: usize = 20;

/// An Application (or a library as one) at one revision.
#[derive(Clone, Debug)]
pub struct Subject {
    /// What it is.
    pub kind: SubjectKind,
    /// Its environment.
    pub environment: Option<String>,
    /// The Application.
    pub application: Application,
    /// What its render may read in this repository.
    pub inputs: Inputs,
}

/// The causes for which each of the subjects has to be rendered, by kind and name. A subject without one is equal at both
/// revisions: neither its definition nor a file that its render may read differs.
#[must_use]
pub fn affected(
    before: &BTreeMap<(SubjectKind, String), Subject>,
    after: &BTreeMap<(SubjectKind, String), Subject>,
    changed: &[String],
) -> BTreeMap<(SubjectKind, String), Vec<String>> {
    let keys: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    let mut found = BTreeMap::new();
    for key in keys {
        let (old, new) = (before.get(key), after.get(key));
        let mut causes = Vec::new();
        match (old, new) {
            (Some(old), Some(new)) if old.application == new.application => {}
            _ => causes.push("Application".to_owned()),
        }
        let sides = || old.iter().chain(new.iter()).map(|subject| &subject.inputs);
        if sides().any(|inputs| inputs.revision) {
            causes.push("$ARGOCD_APP_REVISION".to_owned());
        }
        if sides().any(|inputs| inputs.unknown.is_some()) && !changed.is_empty() {
            causes.push("what it reads cannot be told".to_owned());
        }
        let files = changed.iter().filter(|path| sides().any(|inputs| inputs.touched_by(path)));
        causes.extend(files.take(MAX_CAUSES).cloned());
        if !causes.is_empty() {
            found.insert(key.clone(), causes);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::application::ObjectMeta;

    fn subject(name: &str, folder: &str, project: &str) -> ((SubjectKind, String), Subject) {
        let metadata = ObjectMeta { name: name.into(), ..ObjectMeta::default() };
        let mut application = Application { metadata, ..Application::default() };
        application.spec.project = project.into();
        let inputs = Inputs { folders: BTreeSet::from([folder.to_owned()]), ..Inputs::default() };
        let subject = Subject { kind: SubjectKind::Application, environment: None, application, inputs };
        ((SubjectKind::Application, name.to_owned()), subject)
    }

    #[test]
    fn files_definitions_and_unknown_inputs_are_causes() {
        let mut broken = subject("broken", "none", "p");
        broken.1.inputs.unknown = Some("a loop".into());
        let before = BTreeMap::from([
            subject("file", "charts/a", "p"),
            subject("spec", "charts/b", "p"),
            subject("gone", "charts/c", "p"),
            subject("same", "charts/d", "p"),
            subject("prefix", "chart", "p"),
            broken.clone(),
        ]);
        let after = BTreeMap::from([
            subject("file", "charts/a", "p"),
            subject("spec", "charts/b", "other"),
            subject("new", "charts/e", "p"),
            subject("same", "charts/d", "p"),
            subject("prefix", "chart", "p"),
            broken,
        ]);
        let found = affected(&before, &after, &["charts/a/templates/x.yaml".into(), "README.md".into()]);
        let names: Vec<_> = found.keys().map(|(_, name)| name.as_str()).collect();
        assert_eq!(names, ["broken", "file", "gone", "new", "spec"]);
        assert_eq!(found[&(SubjectKind::Application, "file".to_owned())], ["charts/a/templates/x.yaml"]);
    }
}
