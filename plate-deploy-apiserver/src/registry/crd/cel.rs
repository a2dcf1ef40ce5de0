//! `x-kubernetes-validations`: rules in CEL, evaluated by the `cel` crate.
//!
//! Rules are compiled when a definition is read. A rule that uses a function of Kubernetes' own libraries which the
//! crate does not have is not evaluated; [`Rules::unsupported`] names it, and the definition's write warns of it.
//! CEL limits the depth of an expression; a schema's and an object's depth are limited by the parser.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use cel::objects::{Key, Map as CelMap};
use cel::{Context, Env, Program, Value as Cel, extensions};
use serde_json::Value;

use super::structural::{INT_OR_STRING, is_true};
use crate::object::{list, map, text};
use crate::status::{FieldError, FieldErrorKind};

const KEY: &str = "x-kubernetes-validations";

/// Functions of Kubernetes' CEL libraries that are not implemented.
const UNSUPPORTED: [&str; 30] = [
    "isSorted",
    "sum",
    "indexOf",
    "lastIndexOf",
    "find",
    "findAll",
    "url",
    "isURL",
    "getScheme",
    "getHost",
    "getHostname",
    "getPort",
    "getEscapedPath",
    "getQuery",
    "ip",
    "family",
    "isCanonical",
    "cidr",
    "containsIP",
    "containsCIDR",
    "prefixLength",
    "masked",
    "quantity",
    "isQuantity",
    "asInteger",
    "asApproximateFloat",
    "isGreaterThan",
    "isLessThan",
    "compareTo",
    "named",
];

static ENV: LazyLock<Arc<Env>> = LazyLock::new(|| {
    let mut env = Env::stdlib().with_optional_support(true);
    // The extensions do not clash with the standard library.
    for add in [extensions::strings, extensions::lists, extensions::math] {
        drop(env.add_extension(add));
    }
    Arc::new(env)
});

/// One rule, compiled.
#[derive(Debug)]
struct Rule {
    program: Program,
    transition: bool,
}

/// The compiled rules of a schema, by their text.
#[derive(Debug, Default)]
pub(super) struct Rules {
    compiled: HashMap<String, Rule>,
    unsupported: Vec<String>,
}

impl Rules {
    /// Compiles the rules of a schema.
    pub(super) fn of(schema: &Value) -> Self {
        let mut out = Rules::default();
        out.collect(schema);
        out
    }

    fn collect(&mut self, schema: &Value) {
        match schema {
            Value::Object(fields) => {
                for rule in list(schema, &[KEY]) {
                    for key in ["rule", "messageExpression"] {
                        self.compile(text(rule, &[key]), rule["optionalOldSelf"] == true);
                    }
                }
                fields.values().for_each(|v| self.collect(v));
            }
            Value::Array(items) => items.iter().for_each(|v| self.collect(v)),
            _ => {}
        }
    }

    fn compile(&mut self, source: &str, optional_old: bool) {
        if source.is_empty() || self.compiled.contains_key(source) {
            return;
        }
        let why = match ENV.compile(source) {
            Err(e) => e.to_string().lines().next().unwrap_or_default().to_owned(),
            Ok(program) => {
                let missing = UNSUPPORTED.iter().find(|f| program.references().has_function(f));
                match (missing, optional_old) {
                    (Some(name), _) => format!("the function {name} is not supported"),
                    (None, true) => "optionalOldSelf is not supported".to_owned(),
                    (None, false) => {
                        let transition = program.references().has_variable("oldSelf");
                        self.compiled.insert(source.to_owned(), Rule { program, transition });
                        return;
                    }
                }
            }
        };
        self.unsupported.push(format!("the CEL rule {source:?} is not evaluated: {why}"));
    }

    /// Rules that are not evaluated, with the reason.
    pub(super) fn unsupported(&self) -> &[String] {
        &self.unsupported
    }

    /// True when there is nothing to evaluate.
    pub(super) fn is_empty(&self) -> bool {
        self.compiled.is_empty()
    }

    /// Evaluates the rules over an object and the one it replaces.
    pub(super) fn check(&self, value: &Value, old: Option<&Value>, schema: &Value, out: &mut Vec<FieldError>) {
        if !self.is_empty() {
            self.walk(value, old, schema, "", out);
        }
    }

    fn walk(&self, value: &Value, old: Option<&Value>, schema: &Value, path: &str, out: &mut Vec<FieldError>) {
        if value.is_null() {
            return;
        }
        for rule in list(schema, &[KEY]) {
            out.extend(self.failure(rule, value, old, schema, path));
        }
        match value {
            Value::Object(fields) => {
                let (properties, additional) = (map(schema, &["properties"]), schema.get("additionalProperties"));
                for (key, child) in fields {
                    let at = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                    let before = old.and_then(|o| o.get(key));
                    match (properties.and_then(|p| p.get(key)), additional.filter(|a| a.is_object())) {
                        (Some(s), _) => self.walk(child, before, s, &at, out),
                        (None, Some(s)) => self.walk(child, before, s, &format!("{path}[{key}]"), out),
                        (None, None) => {}
                    }
                }
            }
            Value::Array(items) => {
                let Some(item_schema) = schema.get("items") else { return };
                let keys: Vec<&str> =
                    list(schema, &["x-kubernetes-list-map-keys"]).iter().filter_map(Value::as_str).collect();
                for (i, item) in items.iter().enumerate() {
                    // Only items that have a name of their own can be found in the old list.
                    let twin = |o: &&Value| keys.iter().all(|k| o.get(k) == item.get(k));
                    let olds = old.and_then(Value::as_array).filter(|_| !keys.is_empty());
                    let before = olds.and_then(|o| o.iter().find(twin));
                    self.walk(item, before, item_schema, &format!("{path}[{i}]"), out);
                }
            }
            _ => {}
        }
    }

    fn failure(
        &self,
        rule: &Value,
        value: &Value,
        old: Option<&Value>,
        schema: &Value,
        path: &str,
    ) -> Option<FieldError> {
        let source = text(rule, &["rule"]);
        let compiled = self.compiled.get(source)?;
        if compiled.transition && old.is_none() {
            return None;
        }
        let mut context = Context::with_env(ENV.clone());
        context.add_variable_from_value("self", to_cel(value, schema));
        if let Some(old) = old {
            context.add_variable_from_value("oldSelf", to_cel(old, schema));
        }
        let field = format!("{path}{}", text(rule, &["fieldPath"]));
        let field = field.trim_start_matches('.').to_owned();
        let shown = (!value.is_object() && !value.is_array()).then(|| value.clone());
        let error = |kind, detail: String| FieldError { kind, field: field.clone(), value: shown.clone(), detail };
        match compiled.program.execute(&context) {
            Ok(Cel::Bool(true)) => None,
            Ok(Cel::Bool(false)) => {
                let expression = self.compiled.get(text(rule, &["messageExpression"]));
                let made = expression.and_then(|e| match e.program.execute(&context) {
                    Ok(Cel::String(s)) if !s.trim().is_empty() && !s.contains('\n') => Some(s.to_string()),
                    _ => None,
                });
                let fixed = text(rule, &["message"]);
                let detail = made.unwrap_or_else(|| match fixed {
                    "" => format!("failed rule: {source}"),
                    words => words.to_owned(),
                });
                Some(error(kind(text(rule, &["reason"])), detail))
            }
            Ok(other) => Some(error(FieldErrorKind::Invalid, format!("rule {source:?} gave {other:?}, not a boolean"))),
            Err(e) => Some(error(FieldErrorKind::Invalid, format!("rule evaluation error: {e}: {source}"))),
        }
    }
}

fn kind(reason: &str) -> FieldErrorKind {
    match reason {
        "FieldValueForbidden" => FieldErrorKind::Forbidden,
        "FieldValueRequired" => FieldErrorKind::Required,
        "FieldValueDuplicate" => FieldErrorKind::Duplicate,
        _ => FieldErrorKind::Invalid,
    }
}

/// Words that CEL reserves: a property of that name is written between two underscores.
const RESERVED: [&str; 20] = [
    "true",
    "false",
    "null",
    "in",
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "let",
    "loop",
    "package",
    "namespace",
    "return",
    "void",
    "while",
];

/// The name of a property in CEL.
fn escape(name: &str) -> String {
    if RESERVED.contains(&name) {
        return format!("__{name}__");
    }
    let name = name.replace("__", "__underscores__");
    name.replace('.', "__dot__").replace('-', "__dash__").replace('/', "__slash__")
}

/// A value as its schema types it: numbers are doubles, names of properties are escaped.
fn to_cel(value: &Value, schema: &Value) -> Cel {
    match value {
        Value::Null => Cel::Null,
        Value::Bool(b) => Cel::Bool(*b),
        Value::Number(n) => {
            let double = text(schema, &["type"]) == "number" && !is_true(schema, INT_OR_STRING);
            match n.as_i64().filter(|_| !double) {
                Some(i) => Cel::Int(i),
                None => Cel::Float(n.as_f64().unwrap_or_default()),
            }
        }
        Value::String(s) => string(s, text(schema, &["format"])),
        Value::Array(items) => {
            let inner = &schema["items"];
            Cel::List(Arc::new(items.iter().map(|i| to_cel(i, inner)).collect()))
        }
        Value::Object(fields) => {
            let properties = map(schema, &["properties"]);
            let entries = fields.iter().map(|(key, v)| match properties.and_then(|p| p.get(key)) {
                Some(s) => (Key::String(Arc::new(escape(key))), to_cel(v, s)),
                None => (Key::String(Arc::new(key.clone())), to_cel(v, &schema["additionalProperties"])),
            });
            Cel::Map(CelMap { map: Arc::new(entries.collect()) })
        }
    }
}

/// Texts with a format are times and durations in CEL.
fn string(s: &str, format: &str) -> Cel {
    let call = match format {
        "date-time" | "date" => "timestamp",
        "duration" => "duration",
        _ => return Cel::from(s),
    };
    let literal = serde_json::Value::from(s).to_string();
    let made = ENV.compile(&format!("{call}({literal})")).ok();
    let made = made.and_then(|program| program.execute(&Context::with_env(ENV.clone())).ok());
    made.unwrap_or_else(|| Cel::from(s))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn failures(schema: &Value, value: &Value, old: Option<&Value>) -> Vec<String> {
        let mut out = Vec::new();
        Rules::of(schema).check(value, old, schema, &mut out);
        out.iter().map(|e| format!("{}: {}", e.field, e.body())).collect()
    }

    #[test]
    fn rules_hold_or_fail() {
        let rule = |rule: &str| json!([{"rule": rule}]);
        let schema = json!({"type": "object", "properties": {"spec": {"type": "object",
        KEY: [{"rule": "self.min <= self.max", "message": "min over max"}],
        "properties": {
            "min": {"type": "integer"}, "max": {"type": "integer"},
            "name": {"type": "string", KEY: [{"rule": "self == oldSelf", "messageExpression": "'was ' + oldSelf"}]},
            "namespace": {"type": "string"},
            "ratio": {"type": "number", KEY: rule("self > 0.5")},
            "list": {"type": "array", "x-kubernetes-list-map-keys": ["k"], "items": {"type": "object",
                KEY: rule("self.v >= oldSelf.v"), "properties": {"k": {"type": "string"}, "v": {"type": "integer"}}}},
            "labels": {"type": "object", "additionalProperties": {"type": "string", KEY: rule("self.startsWith('x')")}},
        }}}});
        let good = json!({"spec": {"min": 1, "max": 2, "name": "a", "ratio": 1, "list": [{"k": "a", "v": 3}], "labels": {"l": "xy"}}});
        assert_eq!(failures(&schema, &good, None), Vec::<String>::new());
        assert_eq!(failures(&schema, &good, Some(&good)), Vec::<String>::new());
        let bad = json!({"spec": {"min": 3, "max": 2, "name": "b", "ratio": 0, "list": [{"k": "a", "v": 2}], "labels": {"l": "y"}}});
        let found = failures(&schema, &bad, Some(&good));
        for expected in [
            "spec: Invalid value: min over max",
            "spec.name: Invalid value: \"b\": was a",
            "spec.ratio",
            "spec.list[0]",
            "spec.labels[l]",
        ] {
            assert!(found.iter().any(|f| f.starts_with(expected)), "{expected}: {found:?}");
        }
        assert_eq!(found.len(), 5, "{found:?}");
        let named = json!({"properties": {"namespace": {"type": "string"}, "a-b": {"type": "string"}},
            KEY: rule("self.__namespace__ == 'x' && has(self.a__dash__b)")});
        assert_eq!(failures(&named, &json!({"namespace": "x", "a-b": "y"}), None), Vec::<String>::new());
    }

    #[test]
    fn what_is_not_supported_is_said() {
        let schema = json!({KEY: [{"rule": "isURL(self)"}, {"rule": "self.size( > 1"}, {"rule": "self.size() > 1"}]});
        let rules = Rules::of(&schema);
        assert_eq!(rules.unsupported().len(), 2, "{:?}", rules.unsupported());
        assert!(rules.unsupported()[0].contains("isURL"));
    }
}
