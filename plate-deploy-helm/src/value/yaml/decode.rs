//! Nodes to values: what `sigs.k8s.io/yaml` gives after its way through JSON.
//!
//! Keys become strings, numbers become `float64`, timestamps stay text, merge keys are merged in the order they are
//! written, and of a key given twice the last one wins (or it is an error, when strict).

use std::borrow::Cow;
use std::collections::HashSet;

use super::error::YamlError;
use super::node::{Content, Document, Node, NodeId};
use super::resolve::{Scalar, TAG_PREFIX, is_timestamp, resolve, resolve_number};
use super::scanner::MAX_DEPTH;
use crate::value::float::format_float;

/// What a document is decoded into.
pub(super) trait Build {
    /// A value.
    type Out: Default;
    /// A mapping under construction.
    type Entries: Default;

    fn bool(value: bool) -> Self::Out;
    /// A number; `text` gives the string Go makes of it where a string is wanted.
    fn number(value: f64, text: impl FnOnce() -> String) -> Self::Out;
    fn string(text: Cow<'_, str>) -> Self::Out;
    fn list(items: Vec<Self::Out>) -> Self::Out;
    fn insert(entries: &mut Self::Entries, key: Cow<'_, str>, value: Self::Out);
    fn map(entries: Self::Entries) -> Self::Out;
}

/// Reads and checks everything, keeps nothing.
pub(super) struct Check;

impl Build for Check {
    type Out = ();
    type Entries = ();

    fn bool(_: bool) {}
    fn number(_: f64, _: impl FnOnce() -> String) {}
    fn string(_: Cow<'_, str>) {}
    fn list(_: Vec<()>) {}
    fn insert((): &mut (), _: Cow<'_, str>, (): ()) {}
    fn map((): ()) {}
}

/// Takes one key and value of a mapping.
type Entry<'f, 'd, 'a> = &'f mut dyn FnMut(&mut Decoder<'d, 'a>, Cow<'d, str>, NodeId) -> Result<(), YamlError>;

/// The keys of a mapping, with the names of their types, to find duplicates.
type Keys<'d> = HashSet<(&'static str, Cow<'d, str>)>;

/// Decodes one document.
pub(super) struct Decoder<'d, 'a> {
    doc: &'d Document<'a>,
    strict: bool,
    decoded: u64,
    through_alias: u64,
    active: Vec<NodeId>,
    depth: usize,
    duplicates: Vec<String>,
    /// The first thing JSON has no words for; Go meets it only after the whole document is decoded.
    not_json: Option<String>,
}

impl<'d, 'a> Decoder<'d, 'a> {
    pub(super) fn new(doc: &'d Document<'a>, strict: bool) -> Self {
        Self {
            doc,
            strict,
            decoded: 0,
            through_alias: 0,
            active: Vec::new(),
            depth: 0,
            duplicates: Vec::new(),
            not_json: None,
        }
    }

    /// Decodes the whole document.
    pub(super) fn run<B: Build>(mut self) -> Result<B::Out, YamlError> {
        let out = match self.doc.root {
            Some(root) => self.value::<B>(root)?,
            None => B::Out::default(),
        };
        self.finish()?;
        Ok(out)
    }

    /// Reports what Go reports after decoding.
    pub(super) fn finish(self) -> Result<(), YamlError> {
        if !self.duplicates.is_empty() {
            return Err(YamlError::new(format!("unmarshal errors:\n  {}", self.duplicates.join("\n  "))));
        }
        self.not_json.map_or(Ok(()), |problem| Err(YamlError::json(problem)))
    }

    fn node(&self, id: NodeId) -> &'d Node<'a> {
        &self.doc.nodes[id as usize]
    }

    /// go-yaml's guard against alias bombs.
    fn count(&mut self) -> Result<(), YamlError> {
        self.decoded += 1;
        if self.active.is_empty() {
            return Ok(());
        }
        self.through_alias += 1;
        if self.through_alias > 100 && self.decoded > 1000 {
            #[allow(clippy::cast_precision_loss, reason = "a ratio of counts")]
            let (aliased, decoded) = (self.through_alias as f64, self.decoded as f64);
            let allowed = (0.99 - 0.89 * ((decoded - 400_000.0) / 3_600_000.0)).clamp(0.10, 0.99);
            if aliased / decoded > allowed {
                return Err(YamlError::new("document contains excessive aliasing"));
            }
        }
        Ok(())
    }

    /// The node behind an alias, decoded by `f` while the alias is marked as being in use.
    fn through<T>(
        &mut self,
        id: NodeId,
        name: &str,
        target: NodeId,
        f: impl FnOnce(&mut Self, NodeId) -> Result<T, YamlError>,
    ) -> Result<T, YamlError> {
        if self.active.contains(&id) {
            return Err(YamlError::new(format!("anchor '{name}' value contains itself")));
        }
        self.active.push(id);
        let out = f(self, target);
        self.active.pop();
        out
    }

    pub(super) fn value<B: Build>(&mut self, id: NodeId) -> Result<B::Out, YamlError> {
        self.count()?;
        if self.depth > MAX_DEPTH {
            return Err(YamlError::new(format!("exceeded max depth of {MAX_DEPTH}")));
        }
        let node = self.node(id);
        match &node.content {
            Content::Scalar { text, implicit } => self.scalar::<B>(node, text, *implicit),
            Content::Alias { name, target } => {
                self.depth += 1;
                let out = self.through(id, name, *target, Self::value::<B>);
                self.depth -= 1;
                out
            }
            Content::Sequence { first, len } => {
                self.depth += 1;
                let children = self.doc.slice(*first, *len);
                let items = children.iter().map(|&child| self.value::<B>(child)).collect::<Result<_, _>>()?;
                self.depth -= 1;
                Ok(B::list(items))
            }
            Content::Mapping { .. } => {
                let mut entries = B::Entries::default();
                self.entries(id, &mut |this, key, child| {
                    let value = this.value::<B>(child)?;
                    B::insert(&mut entries, key, value);
                    Ok(())
                })?;
                Ok(B::map(entries))
            }
        }
    }

    fn scalar<B: Build>(&mut self, node: &Node<'_>, text: &str, implicit: bool) -> Result<B::Out, YamlError> {
        let scalar = match node.tag.as_deref() {
            None if !implicit => Scalar::Str,
            None => resolve(text),
            Some(tag) => {
                if tag.strip_prefix(TAG_PREFIX) == Some("binary") {
                    return Ok(B::string(decode_binary(text)?.into()));
                }
                resolve_tagged(tag, text)?
            }
        };
        Ok(match scalar {
            Scalar::Null => B::Out::default(),
            Scalar::Bool(value) => B::bool(value),
            Scalar::Str | Scalar::Timestamp => B::string(Cow::Borrowed(text)),
            Scalar::Int(_) | Scalar::Uint(_) | Scalar::Float(_) => {
                let number = scalar.number().unwrap_or_default();
                if !number.is_finite() {
                    let text = format_float(number, 'g', None);
                    self.not_json.get_or_insert_with(|| format!("json: unsupported value: {text}"));
                }
                B::number(number, || number_text(scalar))
            }
        })
    }

    /// Calls `f` with each key and value of a mapping (or of an alias to one), in order, merges included.
    pub(super) fn entries(&mut self, id: NodeId, f: Entry<'_, 'd, 'a>) -> Result<(), YamlError> {
        let mut seen = HashSet::new();
        self.entries_into(id, &mut seen, f)
    }

    fn entries_into(&mut self, id: NodeId, seen: &mut Keys<'d>, f: Entry<'_, 'd, 'a>) -> Result<(), YamlError> {
        let Content::Mapping { first, len } = self.node(id).content else { return Ok(()) };
        if self.depth > MAX_DEPTH {
            return Err(YamlError::new(format!("exceeded max depth of {MAX_DEPTH}")));
        }
        self.depth += 1;
        let doc = self.doc;
        for pair in doc.slice(first, len).chunks_exact(2) {
            let (key, child) = (pair[0], pair[1]);
            if is_merge(self.node(key)) {
                self.merge(child, seen, f)?;
                continue;
            }
            let (kind, text) = self.key(key, child)?;
            if self.strict && !seen.insert((kind, text.clone())) {
                // Go decodes the value before it looks for the key.
                self.value::<Check>(child)?;
                let shown = if kind == "str" { format!("{text:?}") } else { text.into_owned() };
                self.duplicates.push(format!("line {}: key {shown} already set in map", self.node(child).line + 1));
                continue;
            }
            f(self, text, child)?;
        }
        self.depth -= 1;
        Ok(())
    }

    /// `<<`: a mapping, an alias to one, or a list of these where the first takes precedence.
    fn merge(&mut self, id: NodeId, seen: &mut Keys<'d>, f: Entry<'_, 'd, 'a>) -> Result<(), YamlError> {
        let doc = self.doc;
        match &self.node(id).content {
            Content::Sequence { first, len } => {
                for &item in doc.slice(*first, *len).iter().rev() {
                    self.merge_one(item, seen, f)?;
                }
                Ok(())
            }
            _ => self.merge_one(id, seen, f),
        }
    }

    fn merge_one(&mut self, id: NodeId, seen: &mut Keys<'d>, f: Entry<'_, 'd, 'a>) -> Result<(), YamlError> {
        let is_mapping = |id: NodeId| matches!(self.node(id).content, Content::Mapping { .. });
        match &self.node(id).content {
            Content::Mapping { .. } => {
                self.count()?;
                self.entries_into(id, seen, f)
            }
            Content::Alias { name, target } if is_mapping(*target) => {
                self.count()?;
                self.through(id, name, *target, |this, target| {
                    this.count()?;
                    this.entries_into(target, seen, f)
                })
            }
            _ => Err(YamlError::new("map merge requires map or sequence of maps as the value")),
        }
    }

    /// A key as text, with the name of its type.
    fn key(&mut self, id: NodeId, child: NodeId) -> Result<(&'static str, Cow<'d, str>), YamlError> {
        self.count()?;
        let node = self.node(id);
        match &node.content {
            Content::Alias { name, target } => {
                self.depth += 1;
                if self.depth > MAX_DEPTH {
                    return Err(YamlError::new(format!("exceeded max depth of {MAX_DEPTH}")));
                }
                let key = self.through(id, name, *target, |this, target| this.key(target, child));
                self.depth -= 1;
                key
            }
            Content::Scalar { text, implicit } => {
                if node.tag.is_none() && (!implicit || is_plain_word(text)) {
                    return Ok(("str", Cow::Borrowed(text.as_ref())));
                }
                self.typed_key(node, text, *implicit, child)
            }
            Content::Sequence { .. } | Content::Mapping { .. } => {
                self.value::<Check>(id)?;
                Err(YamlError::new(format!("invalid map key: {}", self.go_syntax(id))))
            }
        }
    }

    fn typed_key(
        &mut self,
        node: &'d Node<'a>,
        text: &'d str,
        implicit: bool,
        child: NodeId,
    ) -> Result<(&'static str, Cow<'d, str>), YamlError> {
        let scalar = match node.tag.as_deref() {
            None if !implicit => Scalar::Str,
            None => resolve(text),
            Some(tag) if tag.strip_prefix(TAG_PREFIX) == Some("binary") => {
                return Ok(("str", decode_binary(text)?.into()));
            }
            Some(tag) => resolve_tagged(tag, text)?,
        };
        Ok(match scalar {
            Scalar::Str | Scalar::Timestamp => ("str", Cow::Borrowed(text)),
            Scalar::Bool(value) => ("bool", value.to_string().into()),
            Scalar::Int(_) => ("int", number_text(scalar).into()),
            Scalar::Float(n) if n.is_infinite() => ("float", if n > 0.0 { ".inf" } else { "-.inf" }.into()),
            Scalar::Float(n) if n.is_nan() => ("float", ".nan".into()),
            Scalar::Float(_) => ("float", number_text(scalar).into()),
            Scalar::Uint(n) => {
                self.bad_key(&format!("uint64, key: {n:#x}"), child);
                ("uint", n.to_string().into())
            }
            Scalar::Null => {
                self.bad_key("%!s(<nil>), key: <nil>", child);
                ("null", Cow::Borrowed(""))
            }
        })
    }

    fn bad_key(&mut self, what: &str, child: NodeId) {
        let value = self.go_syntax(child);
        self.not_json.get_or_insert_with(|| format!("unsupported map key of type: {what}, value: {value}"));
    }

    /// Go's `%#v` of a decoded node, cut short when large.
    fn go_syntax(&self, id: NodeId) -> String {
        let mut out = String::new();
        self.write_go_syntax(id, 0, &mut out);
        out
    }

    fn write_go_syntax(&self, id: NodeId, depth: usize, out: &mut String) {
        if depth > 20 || out.len() > 1000 {
            out.push('…');
            return;
        }
        let node = self.node(id);
        match &node.content {
            Content::Alias { target, .. } => self.write_go_syntax(*target, depth + 1, out),
            Content::Scalar { text, implicit } => {
                let scalar = if *implicit && node.tag.is_none() { resolve(text) } else { Scalar::Str };
                match scalar {
                    Scalar::Null if depth > 0 => out.push_str("interface {}(nil)"),
                    Scalar::Null => out.push_str("<nil>"),
                    Scalar::Bool(value) => out.push_str(&value.to_string()),
                    Scalar::Str | Scalar::Timestamp => out.push_str(&crate::value::quote::quote(text.as_bytes())),
                    _ => out.push_str(&number_text(scalar)),
                }
            }
            Content::Sequence { first, len } => {
                out.push_str("[]interface {}{");
                for (i, &child) in self.doc.slice(*first, *len).iter().enumerate() {
                    out.push_str(if i > 0 { ", " } else { "" });
                    self.write_go_syntax(child, depth + 1, out);
                }
                out.push('}');
            }
            Content::Mapping { first, len } => {
                let mut entries: Vec<(String, String)> = Vec::new();
                for pair in self.doc.slice(*first, *len).chunks_exact(2).take(100) {
                    let mut text = [String::new(), String::new()];
                    self.write_go_syntax(pair[0], depth + 1, &mut text[0]);
                    self.write_go_syntax(pair[1], depth + 1, &mut text[1]);
                    let [key, value] = text;
                    entries.push((key, value));
                }
                entries.sort();
                let entries: Vec<_> = entries.iter().map(|(key, value)| format!("{key}:{value}")).collect();
                out.push_str(&format!("map[interface {{}}]interface {{}}{{{}}}", entries.join(", ")));
            }
        }
    }
}

/// Whether the text can only be a string: the usual key, told by its first character.
fn is_plain_word(text: &str) -> bool {
    match text.as_bytes().first() {
        None => false,
        Some(c) => !matches!(
            c,
            b'y' | b'Y' | b'n' | b'N' | b't' | b'T' | b'f' | b'F' | b'o' | b'O' | b'~' | b'.' | b'+' | b'-' | b'0'
                ..=b'9'
        ),
    }
}

fn is_merge(node: &Node<'_>) -> bool {
    match &node.content {
        Content::Scalar { text, implicit } if text == "<<" => {
            *implicit || node.tag.as_deref().and_then(|t| t.strip_prefix(TAG_PREFIX)) == Some("merge")
        }
        _ => false,
    }
}

/// A scalar with an explicit tag. Tags that are not YAML's own make it a string.
fn resolve_tagged(tag: &str, text: &str) -> Result<Scalar, YamlError> {
    let short = tag.strip_prefix(TAG_PREFIX).unwrap_or_default();
    if !matches!(short, "bool" | "int" | "float" | "null" | "timestamp") {
        return Ok(Scalar::Str);
    }
    let scalar = match text.as_bytes().first() {
        Some(b'0'..=b'9' | b'+' | b'-') => resolve_number(text, short == "timestamp"),
        _ => resolve(text),
    };
    match (short, scalar) {
        ("float", Scalar::Int(_)) => Ok(Scalar::Float(scalar.number().unwrap_or_default())),
        ("timestamp", _) if is_timestamp(text) => Ok(Scalar::Str),
        _ if short == scalar.tag() => Ok(scalar),
        _ => Err(YamlError::new(format!("cannot decode !!{} `{text}` as a !!{short}", scalar.tag()))),
    }
}

/// `!!binary`: base64; bytes that are not UTF-8 become U+FFFD, as in Go's JSON.
fn decode_binary(text: &str) -> Result<String, YamlError> {
    use base64::Engine as _;
    let clean: String = text.chars().filter(|c| !matches!(c, '\r' | '\n')).collect();
    let bytes = base64::engine::general_purpose::STANDARD.decode(clean);
    let bytes = bytes.map_err(|_| YamlError::new("!!binary value contains invalid base64 data"))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The string Go makes of a number where it wants a string: floats with 32 bits' precision.
fn number_text(scalar: Scalar) -> String {
    match scalar {
        Scalar::Int(n) => n.to_string(),
        Scalar::Uint(n) => n.to_string(),
        Scalar::Float(n) => {
            #[allow(clippy::cast_possible_truncation, reason = "sigs.k8s.io/yaml formats with bit size 32")]
            let short = n as f32;
            let digits: f64 = format!("{short:e}").parse().unwrap_or(n);
            format_float(digits, 'g', None)
        }
        _ => String::new(),
    }
}
