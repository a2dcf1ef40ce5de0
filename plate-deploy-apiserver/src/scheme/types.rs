//! The type model that built-in kinds and custom resources share.
//!
//! A [`Type`] says how a JSON value is read, merged and owned: the field types of a struct, the merge keys of a
//! list, whether a map is one atomic value. Built-in types come from the generated table ([`super::data`]); the
//! registry turns a CustomResourceDefinition's schema into the same model.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;

/// A type of a value.
#[derive(Clone, Debug)]
pub enum Type {
    /// A leaf.
    Scalar(Scalar),
    /// A list with its element type and merge rule.
    List(Arc<ListType>),
    /// A map with free keys.
    Map(Arc<MapType>),
    /// A struct with known fields.
    Struct(StructRef),
    /// Any JSON; its shape is deduced from the value (`x-kubernetes-preserve-unknown-fields`, `RawExtension`).
    Any,
}

/// A leaf type; the text of [`Scalar::String`] is the Go type that decode errors name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scalar {
    /// A string, with its Go type (`string`, `v1.PullPolicy`).
    String(Arc<str>),
    /// A boolean.
    Bool,
    /// A 32-bit integer.
    Int32,
    /// A 64-bit integer.
    Int64,
    /// An unsigned 32-bit integer.
    Uint32,
    /// A floating-point number.
    Float,
    /// A `resource.Quantity`.
    Quantity,
    /// An `intstr.IntOrString`.
    IntOrString,
    /// RFC 3339 with seconds.
    Time,
    /// RFC 3339 with microseconds.
    MicroTime,
    /// A Go duration.
    Duration,
    /// Base64 bytes.
    Bytes,
    /// Any scalar (custom resources without a type).
    Untyped,
}

/// How the items of a list are told apart when two writers merge it.
#[derive(Clone, Debug, PartialEq)]
pub enum ListKind {
    /// The list is one value.
    Atomic,
    /// Items are scalars, each once.
    Set,
    /// Items are objects named by these key fields.
    Map(Vec<String>),
}

/// A list type.
#[derive(Clone, Debug)]
pub struct ListType {
    /// The type of the items.
    pub elem: Type,
    /// Merge rule of server-side apply.
    pub kind: ListKind,
}

/// A map type.
#[derive(Clone, Debug)]
pub struct MapType {
    /// The type of the values.
    pub elem: Type,
    /// True when the map is owned and replaced as a whole.
    pub atomic: bool,
}

/// A reference to a struct: built-in ones are resolved lazily, so that types may be recursive.
#[derive(Clone, Debug)]
pub enum StructRef {
    /// The name of a built-in type, such as `apps/v1.Deployment`.
    Builtin(Arc<str>),
    /// A struct of a custom resource.
    Custom(Arc<StructDef>),
}

/// The empty struct that an unknown built-in name resolves to (the table is complete, a test checks it).
static EMPTY: std::sync::LazyLock<Arc<StructDef>> = std::sync::LazyLock::new(|| Arc::new(StructDef::default()));

impl StructRef {
    /// The definition.
    #[must_use]
    pub fn resolve(&self) -> Arc<StructDef> {
        match self {
            StructRef::Builtin(name) => super::data::struct_def(name).unwrap_or_else(|| EMPTY.clone()),
            StructRef::Custom(def) => def.clone(),
        }
    }
}

/// A struct: its fields in Go's order.
#[derive(Debug, Default)]
pub struct StructDef {
    /// The Go type's own name (`DeploymentSpec`), as decode errors print it.
    pub go_name: String,
    /// True when the struct is owned and replaced as a whole.
    pub atomic: bool,
    /// True when fields that are not listed are kept (custom resources).
    pub preserve_unknown: bool,
    /// The fields.
    pub fields: Vec<Field>,
    /// Index of `fields` by JSON name.
    pub index: HashMap<String, usize>,
}

impl StructDef {
    /// Makes a definition and its index.
    #[must_use]
    pub fn new(go_name: &str, atomic: bool, preserve_unknown: bool, fields: Vec<Field>) -> Self {
        let index = fields.iter().enumerate().map(|(i, f)| (f.name.clone(), i)).collect();
        StructDef { go_name: go_name.to_owned(), atomic, preserve_unknown, fields, index }
    }

    /// The field of a JSON name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.index.get(name).and_then(|i| self.fields.get(*i))
    }
}

/// One field of a struct.
#[derive(Debug, Clone)]
pub struct Field {
    /// JSON name.
    pub name: String,
    /// Type without the pointer.
    pub ty: Type,
    /// True when the Go field is a pointer: zero values are then kept, absence is `nil`.
    pub pointer: bool,
    /// `omitempty`.
    pub omit_empty: bool,
    /// `omitzero`.
    pub omit_zero: bool,
    /// Listed as required by the published schema.
    pub required: bool,
    /// Strategic merge patch rule.
    pub patch: Option<PatchRule>,
    /// Default of the published schema (merge keys use it).
    pub default: Option<Value>,
}

impl Field {
    /// What a built-in key field is when it is not given: the published schema's default of Go's zero value.
    #[must_use]
    pub fn zero_key(&self) -> Option<Value> {
        if self.pointer || self.omit_empty || self.omit_zero {
            return None;
        }
        match &self.ty {
            Type::Scalar(Scalar::String(_)) => Some("".into()),
            Type::Scalar(Scalar::Int32 | Scalar::Int64) => Some(0.into()),
            _ => None,
        }
    }

    /// A plain optional field (custom resources).
    #[must_use]
    pub fn optional(name: &str, ty: Type, default: Option<Value>) -> Self {
        Field {
            name: name.to_owned(),
            ty,
            pointer: true,
            omit_empty: true,
            omit_zero: false,
            required: false,
            patch: None,
            default,
        }
    }
}

/// `x-kubernetes-patch-strategy` and `x-kubernetes-patch-merge-key`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PatchRule {
    /// Lists are merged by key (or as a set), maps by key.
    pub merge: bool,
    /// Fields of the map that the patch does not name are removed (`$retainKeys`).
    pub retain_keys: bool,
    /// Replace instead of merge.
    pub replace: bool,
    /// The merge key; empty for lists of scalars.
    pub key: String,
}

impl Type {
    /// The type of a child field, of a list item when `name` is `None`.
    #[must_use]
    pub fn child(&self, name: Option<&str>) -> Option<Type> {
        match (self, name) {
            (Type::Struct(r), Some(n)) => {
                let def = r.resolve();
                match def.field(n) {
                    Some(f) => Some(f.ty.clone()),
                    None if def.preserve_unknown => Some(Type::Any),
                    None => None,
                }
            }
            (Type::Map(m), Some(_)) => Some(m.elem.clone()),
            (Type::List(l), None) => Some(l.elem.clone()),
            (Type::Any, _) => Some(Type::Any),
            _ => None,
        }
    }
}
