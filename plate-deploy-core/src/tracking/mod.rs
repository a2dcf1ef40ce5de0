//! Which Application an object belongs to: Argo CD's tracking id, its tracking label, and the move from one to the other.
//!
//! ```
//! use plate_deploy_core::model::Manifest;
//! use plate_deploy_core::tracking::{Tracker, TrackingId};
//!
//! let mut object = Manifest::new(serde_json::json!({
//!     "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}
//! }))?;
//! let tracker = Tracker::default();
//! tracker.set(&mut object, "shop", "prod")?;
//! assert_eq!(object.annotation("argocd.argoproj.io/tracking-id"), Some("shop:/ConfigMap:prod/settings"));
//! assert_eq!(tracker.app_name(&object).as_deref(), Some("shop"));
//! let id: TrackingId = "shop:/ConfigMap:prod/settings".parse()?;
//! assert_eq!((id.app.as_str(), id.kind.as_str()), ("shop", "ConfigMap"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod id;
mod legacy;
mod metadata;
mod normalize;

pub use id::{TrackingId, instance_name, split_instance_name};

use crate::model::{Manifest, annotations};

/// Longest label value Kubernetes takes, in bytes.
const LABEL_MAX: usize = 63;

/// How objects are marked (`application.resourceTrackingMethod` of Argo CD).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum TrackingMethod {
    /// By the annotation `argocd.argoproj.io/tracking-id` (Argo CD's default since 3.0).
    #[default]
    Annotation,
    /// By the instance label only. Its value is the Application's name, never shortened.
    Label,
    /// The annotation decides; the label is set for people, shortened to 63 bytes.
    AnnotationAndLabel,
    /// No method was chosen: marks by annotation, but live objects that carry only the label count as different
    /// (Argo CD's empty string).
    Unset,
}

impl TrackingMethod {
    /// From Argo CD's names `annotation`, `label`, `annotation+label` and `""`; other names track by annotation, as
    /// Argo CD does.
    #[must_use]
    pub fn parse(name: &str) -> Self {
        match name {
            "label" => Self::Label,
            "annotation+label" => Self::AnnotationAndLabel,
            "" => Self::Unset,
            _ => Self::Annotation,
        }
    }
}

/// Why an object cannot be marked or read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TrackingError {
    /// Text that is no tracking id.
    #[error("wrong resource tracking format, should be <application-name>:<group>/<kind>:<namespace>/<name>")]
    WrongFormat,
    /// `metadata.labels` or `metadata.annotations` is not a map of strings.
    #[error("{object}: metadata.{field} {problem}: quote the value in the manifest")]
    Metadata {
        /// The object's key.
        object: String,
        /// `labels` or `annotations`.
        field: &'static str,
        /// What is wrong with it (never the value).
        problem: String,
    },
    /// A name of which nothing is left that may end a label value.
    #[error("failed to set app instance label: unable to truncate label to not end with a special character")]
    LabelTruncation,
}

/// Marks objects as an Application's and reads the marks back (Argo CD's `ResourceTracking`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tracker {
    /// How objects are marked.
    pub method: TrackingMethod,
    /// The label of [`TrackingMethod::Label`] (`application.instanceLabelKey`).
    pub label_key: String,
    /// The installation's id; `""` for none. Objects of another installation are not ours.
    pub installation_id: String,
}

impl Default for Tracker {
    /// Argo CD 3's defaults: annotation, `app.kubernetes.io/instance`, no installation id.
    fn default() -> Self {
        Self {
            method: TrackingMethod::default(),
            label_key: annotations::INSTANCE_LABEL.into(),
            installation_id: String::new(),
        }
    }
}

impl Tracker {
    /// Whether rendered objects of this kind are marked at all: Argo CD leaves CustomResourceDefinitions alone, they
    /// are shared by everybody who uses the kind.
    #[must_use]
    pub fn tracks(object: &Manifest) -> bool {
        let gvk = object.gvk();
        !(gvk.group == "apiextensions.k8s.io" && gvk.kind == "CustomResourceDefinition")
    }

    /// Marks `object` as part of the Application `app` (see [`instance_name`]); `namespace` is the destination's, for
    /// objects that name none. Marks CRDs too: ask [`Tracker::tracks`] first.
    ///
    /// # Errors
    /// Labels or annotations that are no map of strings; a name that cannot be made a label value.
    pub fn set(&self, object: &mut Manifest, app: &str, namespace: &str) -> Result<(), TrackingError> {
        match self.method {
            TrackingMethod::Label => legacy::set_label(object, &self.label_key, app),
            TrackingMethod::Annotation | TrackingMethod::Unset => self.set_annotation(object, app, namespace),
            TrackingMethod::AnnotationAndLabel => {
                self.set_annotation(object, app, namespace)?;
                legacy::set_label(object, &self.label_key, truncate_label(app)?)
            }
        }
    }

    /// Takes the marks off again (Argo CD's `RemoveAppInstance`: the default label key, whatever the configured one).
    ///
    /// # Errors
    /// Labels or annotations that are no map of strings.
    pub fn remove(&self, object: &mut Manifest) -> Result<(), TrackingError> {
        if self.method != TrackingMethod::Label {
            metadata::remove(object, "annotations", annotations::TRACKING_ID)?;
            metadata::remove(object, "annotations", annotations::INSTALLATION_ID)?;
        }
        if matches!(self.method, TrackingMethod::Label | TrackingMethod::AnnotationAndLabel) {
            metadata::remove(object, "labels", annotations::INSTANCE_LABEL)?;
        }
        Ok(())
    }

    /// The Application the object belongs to; `None` when it carries no mark of this installation.
    #[must_use]
    pub fn app_name(&self, object: &Manifest) -> Option<String> {
        let name = if self.method == TrackingMethod::Label {
            metadata::get(object, "labels", &self.label_key).ok().flatten()?
        } else {
            self.read_annotation(object)?.app
        };
        (!name.is_empty()).then_some(name)
    }

    /// The whole tracking id, where the method is one that writes it (Argo CD's `GetAppInstance`).
    #[must_use]
    pub fn instance(&self, object: &Manifest) -> Option<TrackingId> {
        match self.method {
            TrackingMethod::Annotation | TrackingMethod::AnnotationAndLabel => self.read_annotation(object),
            TrackingMethod::Label | TrackingMethod::Unset => None,
        }
    }

    /// Makes the live object comparable after a change of the tracking method: see the module `normalize`.
    ///
    /// # Errors
    /// Labels or annotations that are no map of strings.
    pub fn normalize(&self, config: &Manifest, live: &mut Manifest) -> Result<(), TrackingError> {
        normalize::normalize(self, config, live)
    }

    fn set_annotation(&self, object: &mut Manifest, app: &str, namespace: &str) -> Result<(), TrackingError> {
        let id = TrackingId::of(object, app, namespace);
        if self.installation_id.is_empty() {
            metadata::remove(object, "annotations", annotations::INSTALLATION_ID)?;
        } else {
            metadata::set(object, "annotations", annotations::INSTALLATION_ID, &self.installation_id)?;
        }
        metadata::set(object, "annotations", annotations::TRACKING_ID, &id.to_string())
    }

    fn read_annotation(&self, object: &Manifest) -> Option<TrackingId> {
        if !self.installation_id.is_empty()
            && object.annotation(annotations::INSTALLATION_ID) != Some(self.installation_id.as_str())
        {
            return None;
        }
        metadata::get(object, "annotations", annotations::TRACKING_ID).ok().flatten()?.parse().ok()
    }
}

/// The longest start of `name` that is a label value: at most 63 bytes, ending in a letter or digit when cut.
///
/// # Errors
/// [`TrackingError::LabelTruncation`] when no letter or digit is left to end with.
pub fn truncate_label(name: &str) -> Result<&str, TrackingError> {
    if name.len() <= LABEL_MAX {
        return Ok(name);
    }
    let end = (0..LABEL_MAX).rev().find(|&i| name.as_bytes().get(i).is_some_and(u8::is_ascii_alphanumeric));
    end.and_then(|i| name.get(..=i)).ok_or(TrackingError::LabelTruncation)
}

#[cfg(test)]
mod tests;
