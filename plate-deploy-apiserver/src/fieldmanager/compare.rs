//! The walks over typed values for other crates: comparing, merging and cutting objects by field.

use serde_json::Value;

use super::set::Set;
use super::typed;
use crate::scheme::Type;

/// The paths in which two objects of a type differ.
#[derive(Clone, Debug, Default)]
pub struct FieldComparison {
    /// Only in the new one.
    pub added: Set,
    /// Only in the old one.
    pub removed: Set,
    /// In both, with another value.
    pub modified: Set,
}

/// Compares two objects of a type.
#[must_use]
pub fn compare_typed(old: &Value, new: &Value, ty: &Type) -> FieldComparison {
    let typed::Comparison { added, removed, modified } = typed::compare(old, new, ty);
    FieldComparison { added, removed, modified }
}

/// All paths of an object.
#[must_use]
pub fn fields_of(object: &Value, ty: &Type) -> Set {
    typed::field_set(object, ty)
}

/// The object without some paths and everything below them.
#[must_use]
pub fn without(object: &Value, paths: &Set, ty: &Type) -> Value {
    typed::remove(object, paths, ty)
}

/// The object with another laid over it.
///
/// # Errors
/// When a list of the other object holds two items of one key.
pub fn merge_typed(object: &Value, over: &Value, ty: &Type) -> Result<Value, String> {
    typed::merge(object, over, ty)
}

/// What does not fit the type, in structured-merge-diff's words; empty when it fits.
#[must_use]
pub fn problems_of(object: &Value, ty: &Type) -> Vec<String> {
    typed::validate(object, ty)
}
