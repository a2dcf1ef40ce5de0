//! Values to YAML text, byte for byte as `sigs.k8s.io/yaml`'s `Marshal`: Helm's `toYaml`.
//!
//! Go writes JSON, reads that JSON as YAML and writes the result with go-yaml's copy of libyaml's emitter. The detour
//! shows: what YAML's reader refuses cannot be written, and every number is printed as the reader took it.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::analyze::{Style, choose_style, is_multiline};
use super::error::YamlError;
use super::scanner::Scanner;
use super::sort::sort_keys;
use super::token::Kind;
use crate::value::float::format_float;
use crate::value::json;
use crate::value::{List, ListKind, Map, MapKind, Value};

/// Lines are folded at the first space after this column.
const WIDTH: usize = 80;
/// Columns per level.
const INDENT: usize = 2;
/// A key is written on one line up to this many bytes; longer ones get `?`.
const SIMPLE_KEY: usize = 128;
/// A JSON key of more characters is no key for the YAML reader.
const JSON_KEY: usize = 1024;

/// Writes a value as YAML.
///
/// # Errors
/// [`YamlError`] with Go's text for what cannot be written (NaN, infinities, cycles, control characters). Helm's
/// `toYaml` then gives an empty string.
pub fn to_yaml(value: &Value) -> Result<String, YamlError> {
    let mut emitter = Emitter::default();
    emitter.node(value, Place::Root, 0)?;
    emitter.end_line();
    Ok(emitter.out)
}

/// Writes a value as go-yaml v3 with an indent of two: Helm's `toYamlPretty`. Lists inside maps are indented,
/// nothing is folded, and there is no detour through JSON: floats print as Go prints them.
///
/// # Errors
/// Cycles only.
pub fn to_yaml_pretty(value: &Value) -> Result<String, YamlError> {
    let mut emitter = Emitter { pretty: true, ..Emitter::default() };
    emitter.node(value, Place::Root, 0)?;
    emitter.end_line();
    Ok(emitter.out)
}

/// Where a node stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Root,
    Item,
    MappingPart,
}

/// The text so far and libyaml's three words about where the pen is.
#[derive(Default)]
pub(super) struct Emitter {
    pub(super) out: String,
    pub(super) column: usize,
    /// Columns of the current collection; `None` outside of any.
    pub(super) indent: Option<usize>,
    /// Write as go-yaml v3.
    pretty: bool,
    /// The last character was white space (or an indicator that counts as it).
    pub(super) whitespace: bool,
    /// Only indentation and `-`, `?` stand on the line.
    pub(super) indention: bool,
}

impl Emitter {
    fn node(&mut self, value: &Value, place: Place, depth: usize) -> Result<(), YamlError> {
        if depth == 0 {
            (self.whitespace, self.indention) = (true, true);
        }
        if depth > json::MAX_DEPTH {
            return Err(YamlError::json("json: unsupported value: encountered a cycle"));
        }
        match value {
            Value::Nil => self.plain("null"),
            Value::List(list) if list.is_nil() => self.plain("null"),
            Value::Bool(b) => self.plain(if *b { "true" } else { "false" }),
            Value::Int(n, _) => self.plain(&n.to_string()),
            Value::Uint(n) => self.plain(&n.to_string()),
            Value::Float(n) if self.pretty => self.plain(&pretty_float(*n)),
            Value::Float(n) => self.plain(&float_text(*n)?),
            Value::Str(s) if self.pretty => self.string(&s.text(), false),
            Value::Str(s) => self.string(&readable(s.text())?, false),
            Value::List(list) if list.kind() == ListKind::Bytes => {
                self.string(&STANDARD.encode(json::bytes_of(list)), false);
            }
            Value::List(list) => self.sequence(list, place, depth)?,
            Value::Map(map) if map.is_nil() && !self.pretty => self.plain("null"),
            Value::Map(map) => self.mapping(map, depth)?,
            // go-yaml writes these by themselves; `toYaml` goes through their JSON form.
            Value::Object(object) if self.pretty && object.type_name() == "time.Duration" => {
                self.string(&object.print(), false);
            }
            Value::Object(object) if self.pretty && object.type_name() == "time.Time" => {
                let text = object.to_json().and_then(|json| json.as_str().map(|text| text.text().into_owned()));
                self.plain(&text.unwrap_or_default());
            }
            Value::Object(object) => {
                let Some(plain) = object.to_json() else {
                    return Err(YamlError::json(format!("json: unsupported type: {}", object.type_name())));
                };
                self.node(&plain, place, depth + 1)?;
            }
        }
        Ok(())
    }

    fn sequence(&mut self, list: &List, place: Place, depth: usize) -> Result<(), YamlError> {
        if list.is_empty() {
            self.empty("[]");
            return Ok(());
        }
        let outer = self.indent;
        let indentless = !self.pretty && place == Place::MappingPart && !self.indention;
        self.indent = Some(outer.map_or(0, |indent| if indentless { indent } else { indent + INDENT }));
        for item in list.items() {
            self.write_indent();
            self.indicator("-", true);
            self.node(item, Place::Item, depth + 1)?;
        }
        self.indent = outer;
        Ok(())
    }

    fn mapping(&mut self, map: &Map, depth: usize) -> Result<(), YamlError> {
        if map.is_empty() {
            self.empty("{}");
            return Ok(());
        }
        let mut entries = Vec::with_capacity(map.len());
        for (key, value) in map.borrow().iter() {
            let mut key = key.text();
            if !self.pretty {
                check_json_key(&key)?;
                key = readable(key)?;
            }
            let key = key.into_owned();
            entries.push((key, value.clone()));
        }
        let outer = self.indent;
        self.indent = Some(outer.map_or(0, |indent| indent + INDENT));
        for (key, value) in sort_keys(entries, self.pretty) {
            self.write_indent();
            if key.len() <= SIMPLE_KEY && !is_multiline(&key) {
                self.string(&key, true);
                self.out.push(':');
                self.column += 1;
                (self.whitespace, self.indention) = (false, false);
            } else {
                self.indicator("?", true);
                self.string(&key, false);
                self.write_indent();
                self.indicator(":", true);
            }
            match &value {
                Value::Str(bytes) if map.kind() == MapKind::Bytes => {
                    self.string(&STANDARD.encode(bytes.as_bytes()), false);
                }
                _ => self.node(&value, Place::MappingPart, depth + 1)?,
            }
        }
        self.indent = outer;
        Ok(())
    }

    fn string(&mut self, text: &str, simple_key: bool) {
        let outer = self.indent;
        self.indent = Some(outer.map_or(INDENT, |indent| indent + INDENT));
        match choose_style(text, simple_key, self.pretty) {
            Style::Plain => self.plain_text(text, !simple_key),
            Style::SingleQuoted => self.single_quoted(text, !simple_key),
            Style::DoubleQuoted => self.double_quoted(text, !simple_key),
            Style::Literal => self.literal(text),
        }
        self.indent = outer;
    }

    /// Text that needs no quotes and has no spaces.
    fn plain(&mut self, text: &str) {
        self.plain_text(text, false);
    }

    fn empty(&mut self, brackets: &str) {
        self.indicator(brackets, false);
    }

    /// Ends the document.
    fn end_line(&mut self) {
        self.indent = None;
        self.write_indent();
    }

    /// libyaml's `write_indent`: a new line unless the pen already stands where the node may start.
    pub(super) fn write_indent(&mut self) {
        let indent = self.indent.unwrap_or(0);
        if !self.indention || self.column > indent || (self.column == indent && !self.whitespace) {
            self.out.push('\n');
            self.column = 0;
        }
        while self.column < indent {
            self.out.push(' ');
            self.column += 1;
        }
        (self.whitespace, self.indention) = (true, true);
    }

    /// An indicator that wants white space before it.
    pub(super) fn indicator(&mut self, text: &str, keeps_indention: bool) {
        self.space();
        self.out.push_str(text);
        self.column += text.len();
        self.whitespace = false;
        self.indention &= keeps_indention;
    }

    pub(super) fn space(&mut self) {
        if !self.whitespace {
            self.out.push(' ');
            self.column += 1;
        }
    }

    /// Whether a line is folded at a space here.
    pub(super) fn too_wide(&self) -> bool {
        !self.pretty && self.column > WIDTH
    }

    /// Whether `text` fits the line without folding.
    pub(super) fn fits(&self, text: &str) -> bool {
        self.pretty || self.column + text.len() <= WIDTH
    }
}

/// A number after its way through JSON and YAML's reader.
fn float_text(n: f64) -> Result<String, YamlError> {
    let text = json::number_text(n).map_err(YamlError::json)?;
    let whole = !text.contains(['.', 'e']);
    if text == "-0" {
        return Ok("0".to_owned());
    }
    if whole && (text.parse::<i64>().is_ok() || text.parse::<u64>().is_ok()) {
        return Ok(text);
    }
    Ok(format_float(n, 'g', None))
}

/// A number as go-yaml v3 writes it.
fn pretty_float(n: f64) -> String {
    match format_float(n, 'g', None).as_str() {
        "+Inf" => ".inf".to_owned(),
        "-Inf" => "-.inf".to_owned(),
        "NaN" => ".nan".to_owned(),
        text => text.to_owned(),
    }
}

/// A string after its way through JSON and YAML's reader: the reader refuses control characters that JSON leaves as
/// they are, and folds at U+0085.
fn readable(text: Cow<'_, str>) -> Result<Cow<'_, str>, YamlError> {
    let odd = |b: &u8| *b == 0x7F || *b == 0xC2 || *b == 0xEF;
    if !text.as_bytes().iter().any(odd) {
        return Ok(text);
    }
    if text.chars().any(|c| matches!(c, '\x7F'..='\u{84}' | '\u{86}'..='\u{9F}' | '\u{FFFE}' | '\u{FFFF}')) {
        return Err(YamlError::new("control characters are not allowed"));
    }
    if !text.contains('\u{85}') {
        return Ok(text);
    }
    let mut quoted = String::new();
    json::write_string(&mut quoted, &text, true);
    match Scanner::new(&quoted).scan_flow_scalar(false)?.kind {
        Kind::Scalar { text, .. } => Ok(Cow::Owned(text.into_owned())),
        _ => Ok(text),
    }
}

/// A key must be short and on one line for the reader.
fn check_json_key(key: &str) -> Result<(), YamlError> {
    let mut too_long = key.contains('\u{85}');
    if key.len() * 6 + 2 > JSON_KEY {
        let mut quoted = String::new();
        json::write_string(&mut quoted, key, true);
        too_long |= quoted.chars().count() > JSON_KEY;
    }
    if too_long {
        return Err(YamlError::new("did not find expected ',' or '}'"));
    }
    Ok(())
}
