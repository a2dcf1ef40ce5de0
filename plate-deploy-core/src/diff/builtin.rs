//! Objects of built-in kinds as the API server's types see them.

use std::sync::Arc;

use plate_deploy_apiserver::scheme::{
    Gvk, ResourceInfo, StructRef, Type, builtin_kind, decode, defaults, gvk_of, strategic_merge_typed, three_way_patch,
};
use serde_json::Value;

use super::{json, legacy};

/// A built-in kind: the version it was named in, and the types.
pub(super) struct Kind {
    named: Gvk,
    info: Arc<ResourceInfo>,
}

impl Kind {
    /// The kind of an object; `None` for custom resources. Custom resource definitions and API services count as
    /// custom: client-go's scheme, which Argo CD asks, does not know them.
    pub(super) fn of(object: &Value) -> Option<Self> {
        let named = gvk_of(object)?;
        if matches!(named.group.as_str(), "apiextensions.k8s.io" | "apiregistration.k8s.io") {
            return None;
        }
        let info = match builtin_kind(&named) {
            Some(info) => info,
            None => builtin_kind(&legacy::current(&named)?)?,
        };
        Some(Self { named, info: Arc::clone(info) })
    }

    /// The type of the whole object.
    pub(super) fn ty(&self) -> &Type {
        &self.info.ty
    }

    fn structure(&self) -> Option<&StructRef> {
        match &self.info.ty {
            Type::Struct(r) => Some(r),
            _ => None,
        }
    }

    /// The patch that `modified` needs over `current`, knowing what `original` had.
    pub(super) fn three_way_patch(&self, original: &Value, modified: &Value, current: &Value) -> Result<Value, String> {
        three_way_patch(original, modified, current, &self.info.gvk()).map_err(|e| e.to_string())
    }

    /// Applies a strategic merge patch.
    pub(super) fn merge(&self, object: &Value, patch: &Value) -> Result<Value, String> {
        strategic_merge_typed(object, patch, &self.info.ty).map_err(|e| e.to_string())
    }

    /// The object with the API server's defaults. Fields the types do not know stay; an object that does not fit its
    /// type gets no defaults.
    pub(super) fn with_defaults(&self, object: &Value) -> Result<Value, String> {
        let Some(ty) = self.structure() else { return Ok(object.clone()) };
        let Ok(typed) = decode(object.clone(), ty, &mut Vec::new()) else { return Ok(object.clone()) };
        let mut defaulted = typed.clone();
        legacy::defaults(&self.named, &mut defaulted);
        defaults::apply_type(&mut defaulted, ty);
        untype_claims(&typed, &mut defaulted);
        let patch = self.three_way_patch(&typed, &defaulted, &typed)?;
        self.merge(object, &patch)
    }

    /// The object spelled as its type spells it (quantities, times, empty fields), without fields that were not there.
    /// An object with fields the type does not know stays as it is.
    pub(super) fn respelled(&self, object: &Value) -> Value {
        let Some(ty) = self.structure() else { return object.clone() };
        let mut unknown = Vec::new();
        match decode(object.clone(), ty, &mut unknown) {
            Ok(typed) if unknown.is_empty() => json::only_mentioned(object, &typed),
            _ => object.clone(),
        }
    }
}

/// The API server names the type of a StatefulSet's claim templates when it converts the object, not as a default, so
/// that Argo CD's comparison does not have it.
fn untype_claims(typed: &Value, defaulted: &mut Value) {
    const CLAIMS: &str = "/spec/volumeClaimTemplates";
    let (Some(Value::Array(before)), Some(Value::Array(after))) =
        (typed.pointer(CLAIMS), defaulted.pointer_mut(CLAIMS))
    else {
        return;
    };
    for (before, after) in before.iter().zip(after) {
        for field in ["apiVersion", "kind"] {
            if before.get(field).is_none()
                && let Some(map) = after.as_object_mut()
            {
                map.remove(field);
            }
        }
    }
}
