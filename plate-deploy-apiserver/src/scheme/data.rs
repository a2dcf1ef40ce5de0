//! Reads the generated tables (`tests/tools/schema-gen`).
//!
//! `resources.txt.gz`, one line each, tab separated: group, version, resource, singular, kind, kind's group, kind's
//! version, namespaced, short names, categories, verbs, Go type. A name with `/` is a subresource.
//!
//! `types.txt.gz`: a line `@type[\ta]` (`a` = atomic) opens a struct, each other line is a field:
//! name, type, attributes. Type: prefixes `*` pointer, `[` list, `{` map, then `s[:GoType]` string, `b` bool, `i32`,
//! `i64`, `u32`, `f64`, `q` quantity, `x` int-or-string, `t` time, `m` micro time, `d` duration, `y` bytes, `j` any
//! JSON, `#struct`. Attributes: `o` omitempty, `z` omitzero, `r` required, `l=` list type, `a` atomic, `p=strategy:key`
//! patch rule, `d=` default. Nothing is parsed before it is asked for.

use std::collections::HashMap;
use std::io::Read;
use std::sync::{Arc, LazyLock, OnceLock};

use super::types::{Field, ListKind, ListType, MapType, PatchRule, Scalar, StructDef, StructRef, Type};

static TYPES_GZ: &[u8] = include_bytes!("data/types.txt.gz");
static RESOURCES_GZ: &[u8] = include_bytes!("data/resources.txt.gz");

static TYPES: LazyLock<String> = LazyLock::new(|| inflate(TYPES_GZ));
static INDEX: LazyLock<HashMap<&'static str, Slot>> = LazyLock::new(index_types);

struct Slot {
    head: &'static str,
    body: &'static str,
    def: OnceLock<Arc<StructDef>>,
}

fn inflate(gz: &[u8]) -> String {
    let mut text = String::new();
    let read = flate2::read::GzDecoder::new(gz).read_to_string(&mut text);
    debug_assert!(read.is_ok(), "the embedded table is valid gzip");
    text
}

/// The lines of the resource table.
pub(super) fn resource_table() -> String {
    inflate(RESOURCES_GZ)
}

fn index_types() -> HashMap<&'static str, Slot> {
    let text: &'static str = TYPES.as_str();
    let mut out = HashMap::new();
    for block in text.split('@').skip(1) {
        let (head, body) = block.split_once('\n').unwrap_or((block, ""));
        let name = head.split('\t').next().unwrap_or(head);
        out.insert(name, Slot { head, body, def: OnceLock::new() });
    }
    out
}

/// The built-in struct of that name (`apps/v1.Deployment`).
pub(super) fn struct_def(name: &str) -> Option<Arc<StructDef>> {
    let slot = INDEX.get(name)?;
    Some(slot.def.get_or_init(|| Arc::new(parse_struct(slot))).clone())
}

/// The names of all built-in structs.
#[cfg(test)]
pub(super) fn struct_names() -> impl Iterator<Item = &'static str> {
    INDEX.keys().copied()
}

fn parse_struct(slot: &Slot) -> StructDef {
    let mut parts = slot.head.split('\t');
    let name = parts.next().unwrap_or_default();
    let atomic = parts.next() == Some("a");
    let go_name = name.rsplit('.').next().unwrap_or(name);
    let fields = slot.body.lines().filter(|l| !l.is_empty()).map(parse_field).collect();
    StructDef::new(go_name, atomic, false, fields)
}

fn parse_field(line: &'static str) -> Field {
    let mut parts = line.split('\t');
    let name = parts.next().unwrap_or_default();
    let text = parts.next().unwrap_or_default();
    let (pointer, text) = match text.strip_prefix('*') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let mut field = Field { pointer, omit_empty: false, ..Field::optional(name, Type::Any, None) };
    let (mut list, mut atomic) = (ListKind::Atomic, false);
    for attr in parts {
        match attr.split_once('=') {
            None => match attr {
                "o" => field.omit_empty = true,
                "z" => field.omit_zero = true,
                "r" => field.required = true,
                "a" => atomic = true,
                _ => {}
            },
            Some(("l", "set")) => list = ListKind::Set,
            Some(("l", v)) => {
                if let Some(keys) = v.strip_prefix("map:") {
                    list = ListKind::Map(keys.split(',').map(str::to_owned).collect());
                }
            }
            Some(("p", v)) => field.patch = Some(parse_patch(v)),
            Some(("d", v)) => field.default = serde_json::from_str(v).ok(),
            Some(_) => {}
        }
    }
    field.ty = parse_type(text, &list, atomic);
    field
}

fn parse_patch(text: &str) -> PatchRule {
    let (strategies, key) = text.split_once(':').unwrap_or((text, ""));
    let mut rule = PatchRule { key: key.to_owned(), ..PatchRule::default() };
    for s in strategies.split(',') {
        match s {
            "merge" => rule.merge = true,
            "retainKeys" => rule.retain_keys = true,
            "replace" => rule.replace = true,
            _ => {}
        }
    }
    rule
}

fn parse_type(text: &'static str, list: &ListKind, atomic: bool) -> Type {
    let scalar = |s| Type::Scalar(s);
    if let Some(rest) = text.strip_prefix('*') {
        return parse_type(rest, list, atomic);
    }
    if let Some(rest) = text.strip_prefix('[') {
        let elem = parse_type(rest, &ListKind::Atomic, false);
        return Type::List(Arc::new(ListType { elem, kind: list.clone() }));
    }
    if let Some(rest) = text.strip_prefix('{') {
        let elem = parse_type(rest, &ListKind::Atomic, false);
        return Type::Map(Arc::new(MapType { elem, atomic }));
    }
    if let Some(name) = text.strip_prefix('#') {
        return Type::Struct(StructRef::Builtin(name.into()));
    }
    match text {
        "b" => scalar(Scalar::Bool),
        "i32" => scalar(Scalar::Int32),
        "i64" => scalar(Scalar::Int64),
        "u32" => scalar(Scalar::Uint32),
        "f64" => scalar(Scalar::Float),
        "q" => scalar(Scalar::Quantity),
        "x" => scalar(Scalar::IntOrString),
        "t" => scalar(Scalar::Time),
        "m" => scalar(Scalar::MicroTime),
        "d" => scalar(Scalar::Duration),
        "y" => scalar(Scalar::Bytes),
        "s" => scalar(Scalar::String("string".into())),
        _ => match text.strip_prefix("s:") {
            Some(go) => scalar(Scalar::String(go.into())),
            None => Type::Any,
        },
    }
}
