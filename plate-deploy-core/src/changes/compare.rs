//! Two renders of one Application, object by object.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{ApplicationDiff, Fate, Subject};
use crate::diff::hide_secret;
use crate::git::redact_url;
use crate::model::{Manifest, ResourceKey};
use crate::report::{Action, Diagnostic, ResourceChange, Severity};
use crate::yaml;

/// An Application at one revision, rendered; the error says why it cannot be.
#[derive(Clone, Debug)]
pub struct Side<'a> {
    /// The Application.
    pub subject: &'a Subject,
    /// Its manifests.
    pub manifests: Result<Vec<Manifest>, Diagnostic>,
}

/// The differences of an Application that is there before, after, or both.
#[must_use]
pub fn compare(name: &str, causes: Vec<String>, before: Option<Side<'_>>, after: Option<Side<'_>>) -> ApplicationDiff {
    let subject = after.as_ref().or(before.as_ref()).map(|side| side.subject);
    let mut changes: Vec<ResourceChange> = Vec::new();
    changes.extend(definitions(before.as_ref(), after.as_ref()));
    let mut problems = Vec::new();
    let manifests = |side: &Option<Side<'_>>| side.as_ref().map_or(Ok(Vec::new()), |side| side.manifests.clone());
    let mut resources = 0;
    let mut differs = false;
    match (manifests(&before), manifests(&after)) {
        (Ok(old), Ok(new)) => {
            resources = new.len();
            changes.extend(objects(old, new));
        }
        // Broken before and after alike: not this change's doing.
        (Err(old), Err(new)) if old == new => problems.push(problem(new, Severity::Warning, "at both revisions")),
        (_, Err(new)) => {
            differs = true;
            problems.push(problem(new, Severity::Error, "at the second revision"));
        }
        // With one side unknown, everything on the other would look new.
        (Err(old), Ok(new)) => {
            differs = true;
            resources = new.len();
            problems.push(problem(old, Severity::Warning, "at the first revision only"));
        }
    }
    let fate = match (&before, &after) {
        (None, _) => Fate::Added,
        (_, None) => Fate::Removed,
        _ if changes.is_empty() && !differs => Fate::Same,
        _ => Fate::Changed,
    };
    ApplicationDiff {
        name: name.to_owned(),
        kind: subject.map_or(super::SubjectKind::Application, |subject| subject.kind),
        environment: subject.and_then(|subject| subject.environment.clone()),
        namespace: subject.map(|s| s.application.spec.destination.namespace.clone()).unwrap_or_default(),
        fate,
        causes,
        changes,
        resources,
        problems,
    }
}

fn problem(found: Diagnostic, severity: Severity, when: &str) -> Diagnostic {
    Diagnostic { severity, message: format!("{when}: {}", found.message), ..found }
}

/// The difference of the Application objects themselves; a library has none in Git.
fn definitions(before: Option<&Side<'_>>, after: Option<&Side<'_>>) -> Option<ResourceChange> {
    let text = |side: Option<&Side<'_>>| {
        let side = side.filter(|side| side.subject.kind != super::SubjectKind::Library)?;
        let mut value = serde_json::to_value(&side.subject.application).ok()?;
        redact(&mut value);
        Some(yaml::to_string(&value))
    };
    let (before_text, after_text) = (text(before), text(after));
    if before_text == after_text {
        return None;
    }
    let application = &after.or(before)?.subject.application;
    let key = ResourceKey {
        group: "argoproj.io".into(),
        kind: "Application".into(),
        namespace: application.metadata.namespace.clone(),
        name: application.metadata.name.clone(),
    };
    Some(change(key, before_text.unwrap_or_default(), after_text.unwrap_or_default()))
}

/// Takes credentials out of repository URLs.
fn redact(application: &mut Value) {
    let redact_one = |source: &mut Value| {
        if let Some(Value::String(url)) = source.get_mut("repoURL") {
            *url = redact_url(url).into_owned();
        }
    };
    if let Some(source) = application.pointer_mut("/spec/source") {
        redact_one(source);
    }
    if let Some(Value::Array(sources)) = application.pointer_mut("/spec/sources") {
        sources.iter_mut().for_each(redact_one);
    }
}

fn change(key: ResourceKey, before: String, after: String) -> ResourceChange {
    let action = match (before.is_empty(), after.is_empty()) {
        (true, _) => Action::Create,
        (_, true) => Action::Prune,
        _ => Action::Update,
    };
    ResourceChange { key, action, before, after }
}

/// The objects that differ. Objects of one key (hooks with `generateName`) are compared in their order.
fn objects(before: Vec<Manifest>, after: Vec<Manifest>) -> Vec<ResourceChange> {
    let mut pairs: BTreeMap<(ResourceKey, usize), (Option<Manifest>, Option<Manifest>)> = BTreeMap::new();
    for (manifest, occurrence) in numbered(before) {
        let key = (manifest.key(), occurrence);
        pairs.entry(key).or_default().0 = Some(manifest);
    }
    for (manifest, occurrence) in numbered(after) {
        let key = (manifest.key(), occurrence);
        pairs.entry(key).or_default().1 = Some(manifest);
    }
    let differ = pairs
        .into_iter()
        .filter(|(_, (old, new))| old.as_ref().map(Manifest::value) != new.as_ref().map(Manifest::value));
    differ.map(|((key, _), (old, new))| shown(key, old.as_ref(), new.as_ref())).collect()
}

fn numbered(manifests: Vec<Manifest>) -> impl Iterator<Item = (Manifest, usize)> {
    let mut seen: BTreeMap<ResourceKey, usize> = BTreeMap::new();
    manifests.into_iter().map(move |manifest| {
        let count = seen.entry(manifest.key()).or_default();
        *count += 1;
        (manifest, *count)
    })
}

fn shown(key: ResourceKey, old: Option<&Manifest>, new: Option<&Manifest>) -> ResourceChange {
    let text = |manifest: &Option<Manifest>| manifest.as_ref().map_or_else(String::new, |m| yaml::to_string(m.value()));
    let odd = key.group.is_empty() && key.kind == "Secret" && [old, new].into_iter().flatten().any(is_odd_secret);
    match hide_secret(old, new, &[]) {
        Ok((old, new)) if !odd => change(key, text(&old), text(&new)),
        // A Secret that cannot be masked is not shown at all.
        _ => {
            let side =
                |there: bool| if there { "# not shown: this Secret is malformed\n".to_owned() } else { String::new() };
            let mut hidden = change(key, side(old.is_some()), side(new.is_some()));
            if hidden.action == Action::Update {
                hidden.after.push_str("# it differs\n");
            }
            hidden
        }
    }
}

/// Whether a Secret holds values where no mask would find them.
fn is_odd_secret(secret: &Manifest) -> bool {
    let fields = ["data", "stringData"].iter().filter_map(|field| secret.value().get(field));
    let odd = |value: &Value| value.as_object().is_none_or(|map| map.values().any(|v| v.is_object() || v.is_array()));
    fields.filter(|value| !value.is_null()).any(odd)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn manifest(kind: &str, name: &str, rest: Value) -> Manifest {
        let mut value = json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": name}});
        value.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        Manifest::new(value).unwrap()
    }

    #[test]
    fn objects_are_matched_by_key_and_secrets_never_shown() {
        let secret =
            |value: &str| manifest("Secret", "s", json!({"stringData": {"password": value, "same": "hunter2"}}));
        let map = |name: &str, value: &str| manifest("ConfigMap", name, json!({"data": {"a": value}}));
        let before = vec![secret("hunter2"), map("kept", "1"), map("changed", "1"), map("gone", "1")];
        let after = vec![map("new", "1"), map("changed", "2"), map("kept", "1"), secret("correct horse")];
        let changes = objects(before, after);
        let found: Vec<_> = changes.iter().map(|c| (c.key.name.as_str(), c.action)).collect();
        let expected =
            [("changed", Action::Update), ("gone", Action::Prune), ("new", Action::Create), ("s", Action::Update)];
        assert_eq!(found, expected);
        let secret = changes.iter().find(|c| c.key.name == "s").unwrap();
        assert_ne!(secret.before, secret.after);
        for shown in [&secret.before, &secret.after] {
            assert!(!shown.contains("hunter2") && !shown.contains("horse") && shown.contains("++++"), "{shown}");
        }
    }

    #[test]
    fn a_secret_that_cannot_be_masked_is_not_shown() {
        let broken = |value: &str| manifest("Secret", "s", json!({"data": value}));
        let changes = objects(vec![broken("hunter2")], vec![broken("hunter3")]);
        assert_eq!((changes.len(), changes[0].action), (1, Action::Update));
        assert!(!changes[0].before.contains("hunter") && !changes[0].after.contains("hunter"), "{changes:?}");
    }
}
