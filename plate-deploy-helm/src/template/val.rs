//! A value together with what Go's reflection knows of its static type.

use crate::value::kind::type_name;
use crate::value::{List, ListKind, MapKind, Value};

/// A value, and whether Go would hold it in an `interface {}` (an element of `map[string]interface {}`, say). That
/// shows in errors and in nil: a nil in an interface has no fields, while the nil of a pipeline has all of them, as nil.
#[derive(Clone, Default)]
pub(super) struct Val {
    pub(super) value: Value,
    pub(super) boxed: bool,
}

impl Val {
    pub(super) fn plain(value: Value) -> Self {
        Self { value, boxed: false }
    }

    pub(super) fn boxed(value: Value) -> Self {
        Self { value, boxed: true }
    }

    pub(super) fn unboxed(self) -> Self {
        Self { boxed: false, ..self }
    }

    /// Go's name of the static type.
    pub(super) fn type_name(&self) -> String {
        if self.boxed { "interface {}".to_owned() } else { type_name(&self.value).into_owned() }
    }
}

/// The value a missing key of such a map reads as.
pub(super) fn zero_of(kind: MapKind) -> Val {
    match kind {
        MapKind::Any | MapKind::Values => Val::boxed(Value::Nil),
        MapKind::String => Val::plain(Value::str("")),
        MapKind::Bytes => Val::plain(Value::List(List::new(Vec::new(), ListKind::Bytes))),
    }
}

/// An element of such a map: whether its static type is an interface.
pub(super) fn element_of(kind: MapKind, value: Value) -> Val {
    Val { value, boxed: matches!(kind, MapKind::Any | MapKind::Values) }
}

/// An item of such a list.
pub(super) fn item_of(kind: ListKind, value: Value) -> Val {
    Val { value, boxed: kind == ListKind::Any }
}
