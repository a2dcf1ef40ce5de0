//! Server-side apply: `metadata.managedFields`, conflicts, and merging applied objects.
//!
//! [`FieldManager`] wraps the structured-merge-diff algorithm ([`updater`]) as the apiserver does: it reads and writes
//! the managed fields of objects, leaves system metadata out, keeps timestamps, and bounds the number of entries.

mod compare;
mod path;
mod set;
mod typed;
mod updater;

use serde_json::{Map, Value, json};

pub use compare::{FieldComparison, compare_typed, fields_of, merge_typed, problems_of, without};
pub use path::PathElement;
pub use set::Set;
pub use updater::{Converter, TypedObject};

use crate::scheme::{StructRef, Type};
use crate::status::{ApiError, ApiResult};
use updater::{ApplyError, Conflict, Managed, ManagerId, Managers, Updater};

/// More update entries than this are merged into `ancient-changes`.
const MAX_UPDATE_MANAGERS: usize = 10;

/// Who writes, where and when.
#[derive(Clone, Debug)]
pub struct FieldManager<'a> {
    /// Name of the manager.
    pub manager: &'a str,
    /// `group/version` of the request.
    pub version: &'a str,
    /// The type of the object in that version.
    pub ty: &'a Type,
    /// Subresource written, or empty.
    pub subresource: &'a str,
    /// Time of the request, RFC 3339.
    pub now: &'a str,
    /// Fields that this request cannot set, as dotted paths.
    pub reset: &'a [&'a str],
}

impl FieldManager<'_> {
    /// Sets `managedFields` of `new`, which replaces `live` (`None` on creation).
    pub fn update(&self, live: Option<&Value>, new: &mut Value, converter: &dyn Converter) {
        let mut managers = self.live_or_new(live, new);
        drop_managed(new);
        let created = live.is_none();
        if managers.is_empty() && !created {
            return;
        }
        let empty = self.empty();
        let live = live.map_or(empty, without_managed);
        self.update_managers(&live, new, &mut managers, self.manager, converter);
        encode(new, managers);
    }

    fn update_managers(
        &self,
        live: &Value,
        new: &Value,
        managers: &mut Managers,
        name: &str,
        converter: &dyn Converter,
    ) {
        let own = self.id(name, false, self.version);
        // A placeholder, so that the fields the manager had before do not count as taken from someone else.
        let current = ManagerId { name: "current-operation".to_owned(), ..own.clone() };
        let reset = |set| self.reset_set(set);
        let updater = Updater { converter, reset: &reset };
        updater.update(&self.typed(live.clone()), &self.typed(new.clone()), managers, &current);
        if let Some(mut taken) = managers.remove(&current) {
            taken.set = strip_system(taken.set);
            if !taken.set.is_empty() {
                if let Some(previous) = managers.get(&own) {
                    taken.set = taken.set.union(&previous.set);
                }
                taken.time = Some(self.now.to_owned());
                managers.insert(own, taken);
            }
        }
        cap(managers, &self.id("ancient-changes", false, ""));
    }

    /// Applies `patch` to `live` (`None` when the object is to be created); returns the new object.
    ///
    /// # Errors
    /// 409 on conflicts without `force`, 400 for malformed patches, 500 when the patch does not fit the type.
    pub fn apply(
        &self,
        live: Option<&Value>,
        patch: &Value,
        force: bool,
        converter: &dyn Converter,
    ) -> ApiResult<Value> {
        self.check_patch(patch)?;
        let mut managers = live.map(decode).unwrap_or_default().unwrap_or_default();
        let plain = live.map_or_else(|| self.empty(), without_managed);
        if managers.is_empty() && live.is_some() {
            self.update_managers(&self.empty(), &plain, &mut managers, "before-first-apply", converter);
        }
        let own = self.id(self.manager, true, "");
        let reset = |set| self.reset_set(set);
        let updater = Updater { converter, reset: &reset };
        let applied = updater.apply(&self.typed(plain.clone()), &self.typed(patch.clone()), &mut managers, &own, force);
        let changed = applied.map_err(|e| match e {
            ApplyError::Conflicts(c) => conflict_error(&c),
            ApplyError::Other(text) => ApiError::plain(text),
        })?;
        let now = changed.is_some().then(|| self.now.to_owned());
        if let Some(m) = managers.get_mut(&own) {
            m.set = strip_system(std::mem::take(&mut m.set));
            m.time = now.or(m.time.take());
        }
        managers.retain(|_, m| !m.set.is_empty());
        let mut out = changed.unwrap_or(plain);
        encode(&mut out, managers);
        Ok(out)
    }

    fn check_patch(&self, patch: &Value) -> ApiResult<()> {
        let version = patch.get("apiVersion").and_then(Value::as_str).unwrap_or_default();
        if version != self.version {
            return Err(ApiError::bad_request(format!(
                "Incorrect version specified in apply patch. Specified patch version: {version}, expected: {}",
                self.version
            )));
        }
        if patch.get("metadata").and_then(|m| m.get("managedFields")).is_some_and(|m| !m.is_null()) {
            return Err(ApiError::bad_request("metadata.managedFields must be nil"));
        }
        let errors = typed::validate(patch, self.ty);
        if errors.is_empty() {
            return Ok(());
        }
        let text = |v: Option<&Value>| v.and_then(Value::as_str).unwrap_or_default().to_owned();
        let metadata = patch.get("metadata");
        let name = format!(
            "{}/{}; {}{version}, Kind={}",
            text(metadata.and_then(|m| m.get("namespace"))),
            text(metadata.and_then(|m| m.get("name"))),
            if version.contains('/') { "" } else { "/" },
            text(patch.get("kind"))
        );
        let list =
            if let [one] = errors.as_slice() { one.clone() } else { format!("errors:\n  {}", errors.join("\n  ")) };
        Err(ApiError::plain(format!("failed to create typed patch object ({name}): {list}")))
    }

    fn typed(&self, value: Value) -> TypedObject {
        TypedObject { value, ty: self.ty.clone(), version: self.version.to_owned() }
    }

    /// What an object is before it exists: Go's zero value, whose structs are there.
    fn empty(&self) -> Value {
        match self.ty {
            Type::Struct(r @ StructRef::Builtin(_)) => crate::scheme::zero(r),
            _ => Value::Object(Map::new()),
        }
    }

    fn id(&self, name: &str, applied: bool, version: &str) -> ManagerId {
        ManagerId {
            name: name.to_owned(),
            applied,
            api_version: version.to_owned(),
            subresource: self.subresource.to_owned(),
        }
    }

    fn reset_set(&self, mut set: Set) -> Set {
        for path in self.reset {
            set.remove_below(&path.split('.').map(PathElement::field).collect::<Vec<_>>());
        }
        set
    }

    /// The managed fields of the request's object, of the live one when it has none or they make no sense.
    fn live_or_new(&self, live: Option<&Value>, new: &Value) -> Managers {
        let of_live = || live.and_then(decode).unwrap_or_default();
        if !self.subresource.is_empty() {
            return of_live();
        }
        if let Some([only]) = entries(new)
            && only.as_object().is_some_and(|o| o.values().all(|v| v.is_null() || v == ""))
        {
            return Managers::new();
        }
        if entries(new).is_some_and(<[Value]>::is_empty) {
            return Managers::new();
        }
        match decode(new) {
            Some(m) if !m.is_empty() => m,
            _ => of_live(),
        }
    }
}

fn entries(object: &Value) -> Option<&[Value]> {
    object.get("metadata")?.get("managedFields")?.as_array().map(Vec::as_slice)
}

fn drop_managed(object: &mut Value) {
    if let Some(m) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        m.remove("managedFields");
    }
}

fn without_managed(object: &Value) -> Value {
    let mut out = object.clone();
    drop_managed(&mut out);
    out
}

/// Reads `managedFields`; `None` when an entry is malformed.
fn decode(object: &Value) -> Option<Managers> {
    let mut out = Managers::new();
    for e in entries(object).unwrap_or_default() {
        let text = |key: &str| e.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let applied = match text("operation").as_str() {
            "Apply" => true,
            "Update" => false,
            _ => return None,
        };
        let version = text("apiVersion");
        if version.is_empty() || text("fieldsType") != "FieldsV1" {
            return None;
        }
        let set = match e.get("fieldsV1") {
            Some(f) if !f.is_null() => Set::from_fields(f)?,
            _ => Set::default(),
        };
        let id = ManagerId {
            name: text("manager"),
            applied,
            api_version: if applied { String::new() } else { version.clone() },
            subresource: text("subresource"),
        };
        let time = e.get("time").and_then(Value::as_str).map(str::to_owned);
        out.insert(id, Managed { set, version, time });
    }
    Some(out)
}

/// True when the entries of `managedFields` can be read (the API refuses others).
#[must_use]
pub fn is_valid(object: &Value) -> bool {
    decode(object).is_some()
}

fn encode(object: &mut Value, managers: Managers) {
    drop_managed(object);
    if managers.is_empty() {
        return;
    }
    let mut list: Vec<(ManagerId, Managed)> = managers.into_iter().collect();
    list.sort_by(|(a, x), (b, y)| {
        let operation = b.applied.cmp(&a.applied);
        operation
            .then_with(|| x.time.cmp(&y.time))
            .then_with(|| (&a.name, &x.version, &a.subresource).cmp(&(&b.name, &y.version, &b.subresource)))
    });
    let out: Vec<Value> = list.into_iter().map(|(id, m)| encode_entry(&id, &m)).collect();
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.insert("managedFields".to_owned(), Value::Array(out));
    }
}

fn encode_entry(id: &ManagerId, m: &Managed) -> Value {
    let operation = if id.applied { "Apply" } else { "Update" };
    let mut e = json!({"operation": operation, "apiVersion": m.version, "fieldsType": "FieldsV1", "fieldsV1": m.set.to_fields()});
    for (key, value) in [("manager", Some(&id.name)), ("subresource", Some(&id.subresource)), ("time", m.time.as_ref())]
    {
        if let Some(value) = value.filter(|v| !v.is_empty()) {
            e[key] = value.as_str().into();
        }
    }
    e
}

/// System metadata is nobody's.
fn strip_system(set: Set) -> Set {
    let mut system = Set::default();
    let f = PathElement::field;
    for path in [&["apiVersion"][..], &["kind"], &["metadata"]] {
        system.insert(&path.iter().map(|p| f(p)).collect::<Vec<_>>());
    }
    let fields = [
        "name",
        "namespace",
        "creationTimestamp",
        "selfLink",
        "uid",
        "clusterName",
        "generation",
        "managedFields",
        "resourceVersion",
    ];
    for field in fields {
        system.insert(&[f("metadata"), f(field)]);
    }
    set.difference(&system)
}

/// Merges the oldest update entries until there are few enough.
fn cap(managers: &mut Managers, bucket: &ManagerId) {
    let mut updates: Vec<(Option<String>, ManagerId)> =
        managers.iter().filter(|(id, _)| !id.applied).map(|(id, m)| (m.time.clone(), id.clone())).collect();
    updates.sort();
    let mut excess = updates.len().saturating_sub(MAX_UPDATE_MANAGERS);
    let mut first: std::collections::BTreeMap<String, ManagerId> = std::collections::BTreeMap::new();
    for (_, id) in updates {
        if excess == 0 {
            return;
        }
        let Some(version) = managers.get(&id).map(|m| m.version.clone()) else { continue };
        let Some(earlier) = first.get(&version).cloned() else {
            first.insert(version, id);
            continue;
        };
        let target = ManagerId { api_version: version.clone(), subresource: String::new(), ..bucket.clone() };
        if earlier != target {
            if let Some(m) = managers.remove(&earlier) {
                managers.insert(target.clone(), m);
            }
            first.insert(version, target.clone());
        }
        if let (Some(m), Some(b)) = (managers.remove(&id), managers.get_mut(&target)) {
            b.set = b.set.union(&m.set);
            b.time = m.time;
            excess -= 1;
        }
    }
}

fn manager_text(c: &Conflict) -> String {
    let mut text = format!("{:?}", c.manager.name);
    if !c.manager.subresource.is_empty() {
        text.push_str(&format!(" with subresource {:?}", c.manager.subresource));
    }
    if !c.manager.applied {
        text.push_str(&format!(" using {}", c.version));
    }
    text
}

fn conflict_error(conflicts: &[Conflict]) -> ApiError {
    let cause = |c: &Conflict| json!({"reason": "FieldManagerConflict", "message": format!("conflict with {}", manager_text(c)), "field": path::path_text(&c.path)});
    let causes = conflicts.iter().map(cause).collect();
    if let [c] = conflicts {
        let text =
            format!("Apply failed with 1 conflict: conflict with {}: {}", manager_text(c), path::path_text(&c.path));
        return ApiError::apply_conflict(text, causes);
    }
    let mut lines: Vec<String> = Vec::new();
    let mut last = String::new();
    for c in conflicts {
        let manager = manager_text(c);
        if manager != last {
            lines.push(format!("conflicts with {manager}:"));
            last = manager;
        }
        lines.push(format!("- {}", path::path_text(&c.path)));
    }
    let text = format!("Apply failed with {} conflicts: {}", conflicts.len(), lines.join("\n"));
    ApiError::apply_conflict(text, causes)
}

#[cfg(test)]
mod tests;
