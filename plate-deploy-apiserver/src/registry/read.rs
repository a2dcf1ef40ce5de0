//! Getting and listing.

use serde_json::Value;

use super::catalog::Resource;
use super::{Registry, convert};
use crate::selector::{FieldSelector, LabelSelector};
use crate::status::{ApiError, ApiResult};
use crate::storage::{Key, Stored, TooOld};

/// What to list.
#[derive(Debug, Clone, Default)]
pub struct ListOptions {
    /// Labels to match.
    pub labels: LabelSelector,
    /// Fields to match.
    pub fields: FieldSelector,
    /// At most that many objects; 0 = all.
    pub limit: usize,
    /// Where the page before ended: version and key, from [`ListPage::next`].
    pub after: Option<(u64, String, String)>,
    /// List the state at exactly this version.
    pub at_version: Option<u64>,
}

/// One page of a list.
#[derive(Debug, Clone, Default)]
pub struct ListPage {
    /// The objects, in the resource's version, ordered by namespace and name.
    pub items: Vec<Value>,
    /// Version of the list.
    pub version: u64,
    /// Where the next page starts, when there is one.
    pub next: Option<(u64, String, String)>,
    /// Objects after this page, when no selector makes the number unknown.
    pub remaining: Option<usize>,
}

/// The 410 of a list or watch from a version that history no longer has.
#[must_use]
pub fn too_old(asked: u64, e: TooOld) -> ApiError {
    ApiError::expired(format!("too old resource version: {asked} ({})", e.oldest))
}

impl Registry {
    /// One object.
    ///
    /// # Errors
    /// 404.
    pub fn get(&self, resource: &Resource, namespace: &str, name: &str) -> ApiResult<Value> {
        let stored = self.stored(resource, namespace, name)?;
        Ok(self.shown(resource, &stored.object))
    }

    pub(super) fn key(&self, resource: &Resource, namespace: &str, name: &str) -> Key {
        Key { resource: resource.storage.clone(), namespace: namespace.to_owned(), name: name.to_owned() }
    }

    pub(super) fn stored(&self, resource: &Resource, namespace: &str, name: &str) -> ApiResult<Stored> {
        let found = self.store().get(&self.key(resource, namespace, name));
        found.ok_or_else(|| ApiError::not_found(resource.target(), name))
    }

    /// A stored object in the version of the resource.
    #[must_use]
    pub fn shown(&self, resource: &Resource, object: &Value) -> Value {
        let mut out = convert(object.clone(), resource, &resource.info.api_version());
        if let Some(custom) = &resource.custom {
            custom.default(&mut out);
        }
        out
    }

    /// Lists objects, of all namespaces when `namespace` is `None`.
    ///
    /// # Errors
    /// 410 when a version is asked for that history no longer has.
    pub fn list(&self, resource: &Resource, namespace: Option<&str>, options: &ListOptions) -> ApiResult<ListPage> {
        let version = options.after.as_ref().map(|a| a.0).or(options.at_version);
        let (version, stored) = match version {
            Some(v) if v > self.store().version() => {
                return Err(ApiError::bad_request("resource version is in the future"));
            }
            Some(v) => (v, self.store().list_at(&resource.storage, namespace, v).map_err(|e| too_old(v, e))?),
            None => self.store().list(&resource.storage, namespace),
        };
        let mut page = ListPage { version, ..ListPage::default() };
        let after = options.after.as_ref().map(|(_, ns, name)| (ns.as_str(), name.as_str()));
        let mut rest = stored
            .iter()
            .filter(|(k, _)| after.is_none_or(|a| (k.namespace.as_str(), k.name.as_str()) > a))
            .filter(|(_, s)| options.labels.matches(&s.object))
            .map(|(k, s)| (k, self.shown(resource, &s.object)))
            .filter(|(_, o)| options.fields.matches(o));
        let mut last: Option<&Key> = None;
        while options.limit == 0 || page.items.len() < options.limit {
            let Some((key, object)) = rest.next() else { return Ok(page) };
            page.items.push(object);
            last = Some(key);
        }
        let remaining = rest.count();
        if let (true, Some(key)) = (remaining > 0, last) {
            page.next = Some((version, key.namespace.clone(), key.name.clone()));
            page.remaining = (options.labels.is_empty() && options.fields.is_empty()).then_some(remaining);
        }
        Ok(page)
    }
}
