//! Who owns what after an update or an apply: the algorithm of structured-merge-diff's `merge.Updater`.

use std::collections::BTreeMap;

use serde_json::Value;

use super::path::PathElement;
use super::set::Set;
use super::typed::{self, Comparison};
use crate::scheme::Type;

/// An object in one API version, with its type.
#[derive(Clone, Debug)]
pub struct TypedObject {
    /// The object.
    pub value: Value,
    /// Its type.
    pub ty: Type,
    /// `group/version` the value is in.
    pub version: String,
}

/// Converts objects between the versions that managers wrote in.
pub trait Converter {
    /// The object in another version; `None` when that version is not served any more.
    fn convert(&self, object: &TypedObject, version: &str) -> Option<TypedObject>;
}

/// What tells managers apart.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ManagerId {
    pub(super) name: String,
    pub(super) applied: bool,
    /// Empty for appliers: they keep their identity across versions.
    pub(super) api_version: String,
    pub(super) subresource: String,
}

/// The fields of one manager.
#[derive(Clone, Debug)]
pub(super) struct Managed {
    pub(super) set: Set,
    pub(super) version: String,
    pub(super) time: Option<String>,
}

pub(super) type Managers = BTreeMap<ManagerId, Managed>;

/// A path that another manager owns with another value.
#[derive(Debug)]
pub(super) struct Conflict {
    pub(super) manager: ManagerId,
    pub(super) version: String,
    pub(super) path: Vec<PathElement>,
}

/// Why an apply failed.
#[derive(Debug)]
pub(super) enum ApplyError {
    Conflicts(Vec<Conflict>),
    Other(String),
}

/// Takes fields that a write cannot set (such as status) out of what it owns.
pub(super) type Reset<'a> = &'a dyn Fn(Set) -> Set;

pub(super) struct Updater<'a> {
    pub(super) converter: &'a dyn Converter,
    pub(super) reset: Reset<'a>,
}

impl Updater<'_> {
    /// Records what `new` changed against `live` for `manager`.
    pub(super) fn update(&self, live: &TypedObject, new: &TypedObject, managers: &mut Managers, manager: &ManagerId) {
        // Updates never conflict: they take what they change.
        let Ok(compare) = self.take(live, new, managers, manager, true) else { return };
        let old = managers.get(manager).map(|m| m.set.clone()).unwrap_or_default();
        let set = old.difference(&compare.removed).union(&compare.modified).union(&compare.added);
        let set = (self.reset)(set);
        if set.is_empty() {
            managers.remove(manager);
        } else {
            managers.insert(manager.clone(), Managed { set, version: new.version.clone(), time: None });
        }
    }

    /// Merges `config` into `live`; `None` when nothing changed.
    pub(super) fn apply(
        &self,
        live: &TypedObject,
        config: &TypedObject,
        managers: &mut Managers,
        manager: &ManagerId,
        force: bool,
    ) -> Result<Option<Value>, ApplyError> {
        let merged = typed::merge(&live.value, &config.value, &live.ty)
            .map_err(|e| ApplyError::Other(format!("failed to merge config: {e}")))?;
        let mut new = TypedObject { value: merged, ..live.clone() };
        let last = managers.get(manager).cloned();
        let set = (self.reset)(typed::field_set(&config.value, &config.ty));
        let time = last.as_ref().and_then(|l| l.time.clone());
        managers.insert(manager.clone(), Managed { set, version: config.version.clone(), time });
        if let Some(last) = last.filter(|l| !l.set.is_empty()) {
            new = self.prune(new, managers, &last);
        }
        self.take(live, &new, managers, manager, force)?;
        Ok((new.value != live.value).then_some(new.value))
    }

    /// Other managers lose what was changed or removed; without `force` a change of theirs is a conflict.
    fn take(
        &self,
        old: &TypedObject,
        new: &TypedObject,
        managers: &mut Managers,
        own: &ManagerId,
        force: bool,
    ) -> Result<Comparison, ApplyError> {
        let compare = self.filtered(old, new);
        let mut versions: BTreeMap<String, Option<Comparison>> = BTreeMap::new();
        let (mut conflicts, mut lost) = (Vec::new(), Vec::new());
        for (id, managed) in managers.iter().filter(|(id, _)| *id != own) {
            let there = if managed.version == new.version {
                Some(&compare)
            } else {
                let entry = versions.entry(managed.version.clone()).or_insert_with(|| {
                    let (a, b) =
                        (self.converter.convert(old, &managed.version), self.converter.convert(new, &managed.version));
                    Some(self.filtered(&a?, &b?))
                });
                entry.as_ref()
            };
            let Some(there) = there else {
                lost.push((id.clone(), None));
                continue;
            };
            let touched = managed.set.intersection(&there.modified.union(&there.added));
            conflicts.extend(touched.paths().into_iter().map(|path| Conflict {
                manager: id.clone(),
                version: managed.version.clone(),
                path,
            }));
            lost.push((id.clone(), Some(touched.union(&there.removed))));
        }
        if !force && !conflicts.is_empty() {
            return Err(ApplyError::Conflicts(conflicts));
        }
        for (id, set) in lost {
            match (set, managers.get_mut(&id)) {
                (Some(set), Some(m)) => m.set = m.set.difference(&set),
                _ => {
                    managers.remove(&id);
                }
            }
        }
        managers.retain(|_, m| !m.set.is_empty());
        Ok(compare)
    }

    fn filtered(&self, old: &TypedObject, new: &TypedObject) -> Comparison {
        let c = typed::compare(&old.value, &new.value, &new.ty);
        Comparison {
            added: (self.reset)(c.added),
            removed: (self.reset)(c.removed),
            modified: (self.reset)(c.modified),
        }
    }

    /// Removes what the manager applied last time and not now, unless someone else owns it.
    fn prune(&self, merged: TypedObject, managers: &Managers, last: &Managed) -> TypedObject {
        let Some(merged_then) = self.converter.convert(&merged, &last.version) else { return merged };
        let ty = &merged_then.ty;
        let gone = last.set.with_named_fields(Some(ty));
        let mut pruned = TypedObject { value: typed::remove(&merged_then.value, &gone, ty), ..merged_then.clone() };
        let mut owned: BTreeMap<&str, Set> = BTreeMap::new();
        for m in managers.values() {
            let set = owned.entry(m.version.as_str()).or_default();
            *set = set.union(&m.set);
        }
        let mut all = merged_then.clone();
        let first = owned.remove_entry(last.version.as_str());
        for (version, set) in first.into_iter().chain(owned) {
            let (Some(a), Some(p)) = (self.converter.convert(&all, version), self.converter.convert(&pruned, version))
            else {
                continue;
            };
            pruned = add_back(&a, &p, |lost| lost.difference(&set.with_named_fields(Some(&a.ty))));
            all = a;
        }
        let pruned = self.converter.convert(&pruned, &last.version).unwrap_or(pruned);
        let pruned = add_back(&merged_then, &pruned, |lost| lost.intersection(&gone));
        self.converter.convert(&pruned, &merged.version).unwrap_or(merged)
    }
}

/// Removes from `all` only those of the lost paths that `filter` leaves.
fn add_back(all: &TypedObject, pruned: &TypedObject, filter: impl Fn(Set) -> Set) -> TypedObject {
    let ty = &all.ty;
    let had = typed::field_set(&all.value, ty).with_named_fields(Some(ty));
    let has = typed::field_set(&pruned.value, ty).with_named_fields(Some(ty));
    let lost = filter(had.difference(&has));
    TypedObject { value: typed::remove(&all.value, &lost, ty), ..all.clone() }
}
