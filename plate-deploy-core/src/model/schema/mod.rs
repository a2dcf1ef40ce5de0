//! The schemas of Argo CD's custom resources as data, and what follows from them: the API server's validation errors,
//! the fields it drops, and the errors of Argo CD's JSON decoder.

mod application;
mod check;
mod decode;
mod project;

use serde_json::Value;

pub use decode::DecodeError;

/// The custom resources whose schema is known (Argo CD v3.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ArgoKind {
    /// `Application`.
    Application,
    /// `AppProject`.
    AppProject,
}

impl ArgoKind {
    /// By `apiVersion` and `kind` of an object.
    #[must_use]
    pub fn of(object: &Value) -> Option<Self> {
        let text = |field: &str| object.get(field).and_then(Value::as_str);
        match (text("apiVersion")?, text("kind")?) {
            ("argoproj.io/v1alpha1", "Application") => Some(Self::Application),
            ("argoproj.io/v1alpha1", "AppProject") => Some(Self::AppProject),
            _ => None,
        }
    }

    /// `kind`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Application => "Application",
            Self::AppProject => "AppProject",
        }
    }

    const fn shape(self) -> &'static Shape {
        match self {
            Self::Application => &application::APPLICATION,
            Self::AppProject => &project::APP_PROJECT,
        }
    }

    /// Why the API server refuses `object`, in its own words, sorted; empty when it does not.
    #[must_use]
    pub fn schema_errors(self, object: &Value) -> Vec<String> {
        check::schema_errors(self.shape(), object)
    }

    /// The fields of `object` that the schema does not know; the API server drops them without a word.
    #[must_use]
    pub fn unknown_fields(self, object: &Value) -> Vec<super::FieldPath> {
        check::unknown_fields(self.shape(), object)
    }

    /// Drops the unknown fields, as the API server does.
    pub fn prune(self, object: &mut Value) {
        check::prune(self.shape(), object);
    }

    /// The known fields of the object at `path`, for "did you mean"; empty when nothing is known there.
    #[must_use]
    pub fn known_fields(self, path: &super::FieldPath) -> Vec<&'static str> {
        check::known_fields(self.shape(), path)
    }
}

/// What a field may hold.
#[derive(Debug)]
enum Shape {
    /// Text; `go` is the type that Argo CD decodes it into.
    Text { go: &'static str, rule: TextRule },
    /// `true` or `false`.
    Bool,
    /// A whole number (int64).
    Integer,
    /// A whole number or text.
    IntegerOrText,
    /// A list.
    List { go: &'static str, item: &'static Shape },
    /// A mapping with free keys.
    Map { go: &'static str, value: &'static Shape },
    /// A mapping with known fields.
    Object { go: &'static str, fields: &'static [Field] },
    /// A mapping whose content is not looked at.
    AnyObject,
    /// `metadata`: the API server has its own rules for it; Argo CD decodes the usual fields.
    Metadata,
}

/// A rule about text.
#[derive(Clone, Copy, Debug)]
enum TextRule {
    None,
    /// Most characters.
    AtMost(usize),
    /// `syncSource.path`: not empty, and no single `.` or `/`.
    NotTheRoot,
}

/// A field of an object.
#[derive(Debug)]
struct Field {
    name: &'static str,
    shape: &'static Shape,
    required: bool,
}

const fn may(name: &'static str, shape: &'static Shape) -> Field {
    Field { name, shape, required: false }
}

const fn must(name: &'static str, shape: &'static Shape) -> Field {
    Field { name, shape, required: true }
}

static TEXT: Shape = Shape::Text { go: "string", rule: TextRule::None };
static BOOL: Shape = Shape::Bool;
static INTEGER: Shape = Shape::Integer;
static TEXTS: Shape = Shape::List { go: "[]string", item: &TEXT };
static TEXT_MAP: Shape = Shape::Map { go: "map[string]string", value: &TEXT };
static BOOL_MAP: Shape = Shape::Map { go: "map[string]bool", value: &BOOL };
static METADATA: Shape = Shape::Metadata;
static ANY_OBJECT: Shape = Shape::AnyObject;

/// What Argo CD decodes of `metadata`.
static OBJECT_META: Shape = Shape::Object {
    go: "v1.ObjectMeta",
    fields: &[
        may("annotations", &TEXT_MAP),
        may("finalizers", &TEXTS),
        may("labels", &TEXT_MAP),
        may("name", &TEXT),
        may("namespace", &TEXT),
    ],
};
