//! Server-side diff: the API server says what applying would give; this side removes what others did in between.

use plate_deploy_apiserver::fieldmanager::{PathElement, Set, compare_typed, fields_of, merge_typed, without};
use plate_deploy_apiserver::scheme::Type;
use serde_json::Value;

use super::builtin::Kind;
use super::managed_fields::entries;
use super::normalize::Normalizer;
use super::options::DiffOptions;
use super::{DiffError, DiffResult, json, key_of, result};
use crate::model::{Manifest, annotations};

/// A comparison that waits for the answer to a dry run.
#[derive(Debug)]
pub struct DryRun {
    request: Manifest,
    live: Manifest,
    options: DiffOptions,
    normalizer: Normalizer<'static>,
}

impl DryRun {
    pub(super) fn new(
        config: Value,
        live: Value,
        options: DiffOptions,
        normalizer: Normalizer<'_>,
    ) -> Result<Self, DiffError> {
        let object = |value: Value| {
            let key = key_of(&value);
            Manifest::new(value).map_err(|e| DiffError::ServerSide { object: key, reason: e.to_string() })
        };
        Ok(Self { request: object(config)?, live: object(live)?, options, normalizer: normalizer.into_owned() })
    }

    /// The object to send as a server-side apply with `dryRun=All` and `force=true`, as the manager of the options.
    #[must_use]
    pub fn request(&self) -> &Manifest {
        &self.request
    }

    /// Judges the API server's answer: the object as it would be.
    ///
    /// # Errors
    /// [`DiffError::ServerSide`] when the answer names no managers, and so gives no way to tell what webhooks changed.
    pub fn finish(self, answer: Value) -> Result<DiffResult, DiffError> {
        let object = self.request.key();
        if json::is_too_deep(&answer) {
            return Err(DiffError::TooDeep(object));
        }
        let live = self.live.into_value();
        let predicted = if self.options.include_mutation_webhook {
            answer
        } else {
            without_webhooks(&answer, &live, &self.options.manager)
                .map_err(|reason| DiffError::ServerSide { object, reason })?
        };
        let finish = |object: Value| {
            let mut object = self.normalizer.unread(object);
            for path in [
                &["metadata", "managedFields"][..],
                &["metadata", "resourceVersion"],
                &["metadata", "generation"],
                &["metadata", "annotations", annotations::LAST_APPLIED],
            ] {
                json::remove_field(&mut object, path);
            }
            object
        };
        let predicted = finish(self.normalizer.spelled(predicted));
        Ok(result(finish(live), predicted, &self.normalizer))
    }
}

/// The predicted object with everything the manager does not own as it is in the live one.
fn without_webhooks(predicted: &Value, live: &Value, manager: &str) -> Result<Value, String> {
    if entries(predicted).next().is_none() {
        return Err("predictedLive must have the managedFields".into());
    }
    let owned = owned_by(predicted, manager);
    if owned.is_empty() {
        return Err(format!("no managed fields found for manager: {manager}"));
    }
    let kind = Kind::of(predicted);
    let ty = kind.as_ref().map_or(&Type::Any, Kind::ty);
    // Removing a path removes all below it: paths with owned fields below must stay.
    let foreign = without_owned_below(&fields_of(predicted, ty).difference(&owned), &owned);
    let mut removed = compare_typed(live, predicted, ty).removed.difference(&foreign);
    let owned_live = owned_by(live, manager);
    let not_owned = without_owned_below(&removed.difference(&owned_live), &owned_live);
    // What the manager did not own in the live object was removed by somebody else after it was read.
    removed = removed.difference(&not_owned);
    let foreign = without_composite_keys(&foreign);
    let own_part = without(predicted, &foreign, ty);
    let merged = merge_typed(live, &own_part, ty)?;
    Ok(without(&merged, &removed, ty))
}

fn owned_by(object: &Value, manager: &str) -> Set {
    let sets = entries(object).filter(|(name, _)| *name == manager).filter_map(|(_, fields)| Set::from_fields(fields));
    sets.fold(Set::default(), |all, set| all.union(&set))
}

/// The paths that have no owned path below them.
fn without_owned_below(paths: &Set, owned: &Set) -> Set {
    keep(paths, |path| {
        let below = path.iter().try_fold(owned, |set, element| set.below(element));
        below.is_none_or(Set::is_empty)
    })
}

/// Without the fields that name a list item together with others: an item cannot lose one of them.
fn without_composite_keys(paths: &Set) -> Set {
    keep(paths, |path| {
        let Some((PathElement::Field(name), parents)) = path.split_last() else { return true };
        let keys = parents.iter().filter_map(|element| match element {
            PathElement::Key(keys) if keys.len() > 1 => Some(keys),
            _ => None,
        });
        !keys.into_iter().flatten().any(|(key, _)| key == name)
    })
}

fn keep(paths: &Set, wanted: impl Fn(&[PathElement]) -> bool) -> Set {
    let mut out = Set::default();
    paths.paths().iter().filter(|path| wanted(path)).for_each(|path| out.insert(path));
    out
}
