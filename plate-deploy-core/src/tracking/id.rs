//! The tracking id's text form, and the names of Applications outside Argo CD's own namespace.

use std::fmt;
use std::str::FromStr;

use super::TrackingError;
use crate::model::Manifest;

/// `<app>:<group>/<kind>:<namespace>/<name>`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct TrackingId {
    /// The Application, as [`instance_name`] writes it.
    pub app: String,
    /// API group, `""` for core.
    pub group: String,
    /// Kind.
    pub kind: String,
    /// The object's namespace; for objects without one the destination's.
    pub namespace: String,
    /// The object's name; `""` for a generated one.
    pub name: String,
}

impl TrackingId {
    /// The id of `object` in the Application `app` deployed to `namespace`.
    #[must_use]
    pub fn of(object: &Manifest, app: &str, namespace: &str) -> Self {
        let key = object.key();
        let namespace = if key.namespace.is_empty() { namespace.into() } else { key.namespace };
        Self { app: app.into(), group: key.group, kind: key.kind, namespace, name: key.name }
    }
}

impl fmt::Display for TrackingId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}/{}:{}/{}", self.app, self.group, self.kind, self.namespace, self.name)
    }
}

impl FromStr for TrackingId {
    type Err = TrackingError;

    /// Names may hold `:` (`system:reader`), so only the first two colons divide.
    fn from_str(text: &str) -> Result<Self, TrackingError> {
        let pair = |part: Option<&str>| {
            let (a, b) = part.and_then(|p| p.split_once('/')).ok_or(TrackingError::WrongFormat)?;
            if b.contains('/') { Err(TrackingError::WrongFormat) } else { Ok((a.to_owned(), b.to_owned())) }
        };
        let mut parts = text.splitn(3, ':');
        let app = parts.next().unwrap_or_default().to_owned();
        let kind = parts.next();
        let object = parts.next().ok_or(TrackingError::WrongFormat)?;
        let (group, kind) = pair(kind)?;
        let (namespace, name) = pair(Some(object))?;
        Ok(Self { app, group, kind, namespace, name })
    }
}

/// The Application's name in marks: bare in Argo CD's own namespace (or in none), else `<namespace>_<name>`.
///
/// ```
/// use plate_deploy_core::tracking::instance_name;
/// assert_eq!(instance_name("shop", "argocd", "argocd"), "shop");
/// assert_eq!(instance_name("shop", "team-a", "argocd"), "team-a_shop");
/// ```
#[must_use]
pub fn instance_name(name: &str, namespace: &str, default_namespace: &str) -> String {
    if namespace.is_empty() || namespace == default_namespace { name.into() } else { format!("{namespace}_{name}") }
}

/// The reverse of [`instance_name`]: (namespace, name); names of Applications hold no `_`.
#[must_use]
pub fn split_instance_name<'a>(instance: &'a str, default_namespace: &'a str) -> (&'a str, &'a str) {
    instance.split_once('_').unwrap_or((default_namespace, instance))
}
