//! `values.schema.json`: checking of values against the JSON schemas of a chart and its subcharts.

use std::error::Error;

use boon::{Compiler, ErrorKind, Schemas, UrlLoader, ValidationError};
use serde_json::{Number, Value as Json};

use super::{ChartError, RenderChart};
use crate::value::quote::quote as go_quote;
use crate::value::{Map, Value, json, kind};

/// The name Helm gives a schema; a `$ref` to any other document leaves the chart.
const LOCATION: &str = "file:///values.schema.json";

/// Most references in one schema: a chain of them is followed by recursion.
const MAX_REFERENCES: usize = 20_000;
/// Stack for one reference.
const STACK_PER_REFERENCE: usize = 8 * 1024;

/// Checks the values of a chart and of its subcharts.
pub(super) fn validate(chart: &RenderChart<'_>, values: &Map) -> Result<(), ChartError> {
    let mut problems = String::new();
    collect(chart, values, &mut problems);
    if problems.is_empty() { Ok(()) } else { Err(ChartError::Schema(problems)) }
}

fn collect(chart: &RenderChart<'_>, values: &Map, problems: &mut String) {
    if let Some(schema) = &chart.chart.schema
        && let Err(problem) = check(schema, values)
    {
        problems.push_str(&format!("{}:\n{problem}", chart.name()));
    }
    for subchart in &chart.dependencies {
        match values.get(subchart.name()) {
            None | Some(Value::Nil) => {}
            Some(Value::Map(scoped)) => collect(subchart, &scoped, problems),
            Some(other) => problems.push_str(&format!(
                "{}:\ninvalid type for values: expected object (map), got {}\n",
                subchart.name(),
                kind::type_name(&other)
            )),
        }
    }
}

/// Checks values against one schema. The problem is Helm's text.
pub(crate) fn check(schema: &[u8], values: &Map) -> Result<(), String> {
    let text = String::from_utf8_lossy(schema);
    let references = text.matches("\"$ref\"").count();
    if references > MAX_REFERENCES {
        return Err(format!("values.schema.json has {references} references; the limit is {MAX_REFERENCES}\n"));
    }
    let document: Json = serde_json::from_slice(schema).map_err(|error| match json::decode(schema) {
        Err(problem) => problem.to_string(),
        Ok(_) => error.to_string(),
    })?;
    let instance = to_json(&Value::Map(values.clone()));
    let stack = 256 * 1024 + references * STACK_PER_REFERENCE;
    stacker::maybe_grow(stack, stack.max(2 * 1024 * 1024), || run(document, &instance))
}

fn run(document: Json, instance: &Json) -> Result<(), String> {
    let mut schemas = Schemas::new();
    let mut compiler = Compiler::new();
    compiler.use_loader(Box::new(NothingOutside));
    compiler.add_resource(LOCATION, document).map_err(|error| error.to_string())?;
    let index = compiler.compile(LOCATION, &mut schemas).map_err(|error| format!("{error:#}"))?;
    schemas.validate(instance, index).map_err(|error| {
        let mut text = String::new();
        for cause in &error.causes {
            display(cause, 1, &mut text);
        }
        format!("{}\n", text.trim_start_matches('\n'))
    })
}

/// Refuses every document but the schema itself; an unknown `urn:` allows everything, as in Helm.
struct NothingOutside;

impl UrlLoader for NothingOutside {
    fn load(&self, url: &str) -> Result<Json, Box<dyn Error>> {
        if url.starts_with("urn:") {
            return Ok(Json::Bool(true));
        }
        Err(format!("references out of values.schema.json are not supported: {url}").into())
    }
}

/// Values as the validator wants them: whole numbers as integers.
fn to_json(value: &Value) -> Json {
    match value {
        Value::Bool(b) => Json::Bool(*b),
        Value::Int(n, _) => Json::Number((*n).into()),
        Value::Uint(n) => Json::Number((*n).into()),
        Value::Float(n) => number(*n),
        Value::Str(s) => Json::String(s.text().into_owned()),
        Value::List(list) => Json::Array(list.items().iter().map(to_json).collect()),
        Value::Map(map) => {
            Json::Object(map.borrow().iter().map(|(k, v)| (k.text().into_owned(), to_json(v))).collect())
        }
        Value::Nil | Value::Object(_) => Json::Null,
    }
}

fn number(n: f64) -> Json {
    #[allow(clippy::cast_possible_truncation, reason = "in the range where float64 holds every integer")]
    if n.fract() == 0.0 && n.abs() < 9e15 {
        return Json::Number((n as i64).into());
    }
    Number::from_f64(n).map_or(Json::Null, Json::Number)
}

/// Helm's list of problems, one line each, indented under what they belong to.
fn display(error: &ValidationError<'_, '_>, indent: usize, out: &mut String) {
    let skip = error.causes.len() == 1 && matches!(error.kind, ErrorKind::Reference { .. });
    let mut inner = indent;
    if !skip {
        out.push('\n');
        out.push_str(&"  ".repeat(indent - 1));
        out.push_str(&format!("- at {}: {}", quote(&error.instance_location.to_string()), message(&error.kind)));
        inner += 1;
    }
    // Nesting of problems follows the schema, whose depth is bounded by the JSON reader.
    for cause in &error.causes {
        display(cause, inner, out);
    }
}

/// The words of Go's jsonschema.
fn message(kind: &ErrorKind<'_, '_>) -> String {
    let quoted = |items: &mut dyn Iterator<Item = &str>| items.map(quote).collect::<Vec<_>>().join(", ");
    match kind {
        ErrorKind::Type { got, want } => {
            let want: Vec<String> = want.iter().map(|t| t.to_string()).collect();
            format!("got {got}, want {}", want.join(" or "))
        }
        ErrorKind::Enum { want } if want.iter().any(|w| w.is_array() || w.is_object()) => "'enum' failed".into(),
        ErrorKind::Enum { want } => {
            let shown: Vec<String> = want.iter().map(show).collect();
            let one_of = if shown.len() == 1 { "" } else { "one of " };
            format!("value must be {one_of}{}", shown.join(", "))
        }
        ErrorKind::Const { want } if want.is_array() || want.is_object() => "'const' failed".into(),
        ErrorKind::Const { want } => format!("value must be {}", show(want)),
        ErrorKind::Format { got, want, err } => format!("{} is not valid {want}: {err}", show(got)),
        ErrorKind::MinProperties { got, want } => format!("minProperties: got {}, want {}", count(*got), count(*want)),
        ErrorKind::MaxProperties { got, want } => format!("maxProperties: got {}, want {}", count(*got), count(*want)),
        ErrorKind::MinItems { got, want } => format!("minItems: got {}, want {}", count(*got), count(*want)),
        ErrorKind::MaxItems { got, want } => format!("maxItems: got {}, want {}", count(*got), count(*want)),
        ErrorKind::MinLength { got, want } => format!("minLength: got {}, want {}", count(*got), count(*want)),
        ErrorKind::MaxLength { got, want } => format!("maxLength: got {}, want {}", count(*got), count(*want)),
        ErrorKind::AdditionalProperties { got } => {
            format!("additional properties {} not allowed", quoted(&mut got.iter().map(AsRef::as_ref)))
        }
        ErrorKind::AdditionalItems { got } => format!("last {} additionalItem(s) not allowed", count(*got)),
        ErrorKind::Required { want } => {
            let noun = if want.len() == 1 { "property" } else { "properties" };
            format!("missing {noun} {}", quoted(&mut want.iter().copied()))
        }
        ErrorKind::Dependency { prop, missing } | ErrorKind::DependentRequired { prop, missing } => {
            format!("properties {} required, if {} exists", quoted(&mut missing.iter().copied()), quote(prop))
        }
        ErrorKind::PropertyName { prop } => format!("invalid propertyName {}", quote(prop)),
        ErrorKind::Pattern { got, want } => format!("{} does not match pattern {}", quote(got), quote(want)),
        ErrorKind::Minimum { got, want } => format!("minimum: got {}, want {}", amount(got), amount(want)),
        ErrorKind::Maximum { got, want } => format!("maximum: got {}, want {}", amount(got), amount(want)),
        ErrorKind::ExclusiveMinimum { got, want } => {
            format!("exclusiveMinimum: got {}, want {}", amount(got), amount(want))
        }
        ErrorKind::ExclusiveMaximum { got, want } => {
            format!("exclusiveMaximum: got {}, want {}", amount(got), amount(want))
        }
        ErrorKind::MultipleOf { got, want } => format!("multipleOf: got {}, want {}", amount(got), amount(want)),
        ErrorKind::ContentEncoding { want, err } => format!("value is not {} encoded: {err}", quote(want)),
        ErrorKind::ContentMediaType { want, err, .. } => format!("value is not of mediatype {}: {err}", quote(want)),
        ErrorKind::ContentSchema => "'contentSchema' failed".into(),
        ErrorKind::Not => "'not' failed".into(),
        ErrorKind::AllOf => "'allOf' failed".into(),
        ErrorKind::AnyOf => "'anyOf' failed".into(),
        ErrorKind::OneOf(None) => "'oneOf' failed, none matched".into(),
        ErrorKind::OneOf(Some((i, j))) => format!("'oneOf' failed, subschemas {i}, {j} matched"),
        other => other.to_string(),
    }
}

/// Single quotes around Go's escapes.
fn quote(text: &str) -> String {
    let quoted = go_quote(text.as_bytes());
    let inner = quoted.get(1..quoted.len() - 1).unwrap_or_default();
    format!("'{}'", inner.replace("\\\"", "\"").replace('\'', "\\'"))
}

fn show(value: &Json) -> String {
    match value {
        Json::String(text) => quote(text),
        Json::Array(_) | Json::Object(_) => "value".into(),
        Json::Null => "<nil>".into(),
        other => other.to_string(),
    }
}

fn amount(number: &Number) -> String {
    match number.as_i64() {
        Some(n) if n < 0 => format!("-{}", group(&n.unsigned_abs().to_string())),
        Some(n) => group(&n.to_string()),
        None => number.to_string(),
    }
}

fn count(n: usize) -> String {
    group(&n.to_string())
}

/// `65536` as `65,536`: Go's validator prints numbers in English.
fn group(digits: &str) -> String {
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}
