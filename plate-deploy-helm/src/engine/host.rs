//! The functions that need the running render: `include`, `tpl`, `required`, `fail`, `lookup`.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use super::codecs;
use super::error::mark;
use super::functions::Table;
use super::options::Lookup;
use crate::template::{Entry, Error, ErrorKind, Exec, Host, Parsed, Scope, find, parse};
use crate::value::kind::type_name;
use crate::value::quote::quote;
use crate::value::{FuncError, Map, MapKind, Str, Value};

/// The name under which Helm runs texts given to `tpl`.
pub(super) const ROOT_NAME: &str = "gotpl";
/// How often a named template may be inside itself: Helm's limit.
const INCLUDE_RECURSION: usize = 1000;
/// Parsed `tpl` texts kept in one render.
const TPL_TEXTS: usize = 4096;

/// Numbers of the functions, as [`Table`] registers them.
pub(super) const INCLUDE: u16 = 0;
pub(super) const TPL: u16 = 1;
pub(super) const REQUIRED: u16 = 2;
pub(super) const FAIL: u16 = 3;
pub(super) const LOOKUP: u16 = 4;

/// What these functions share during a render.
pub(super) struct RenderHost<'a> {
    lookup: &'a dyn Lookup,
    lint: bool,
    /// How many times each named template is being included right now.
    included: RefCell<HashMap<Str, usize>>,
    texts: RefCell<HashMap<Str, Rc<Entry>>>,
    root: Rc<str>,
    warnings: RefCell<Vec<String>>,
}

impl<'a> RenderHost<'a> {
    pub(super) fn new(lookup: &'a dyn Lookup, lint: bool) -> Self {
        Self {
            lookup,
            lint,
            included: RefCell::default(),
            texts: RefCell::default(),
            root: Rc::from(ROOT_NAME),
            warnings: RefCell::default(),
        }
    }

    pub(super) fn into_warnings(self) -> Vec<String> {
        self.warnings.into_inner()
    }

    fn include(&self, exec: &mut Exec<'_>, name: &Str, data: &Value) -> Result<Value, Error> {
        {
            let mut included = self.included.borrow_mut();
            match included.get_mut(name) {
                Some(count) if *count > INCLUDE_RECURSION => {
                    return Err(Error::plain(format!(
                        "rendering template has a nested reference name: {name}: unable to execute template"
                    )));
                }
                Some(count) => *count += 1,
                None => {
                    included.insert(name.clone(), 1);
                }
            }
        }
        let result = match exec.scope().get(&name.text()) {
            Some(entry) => exec.render(&entry, data.clone()).map(Value::Str),
            None => Err(Error::plain(format!(
                "template: no template {} associated with template {}",
                quote(name.as_bytes()),
                quote(ROOT_NAME.as_bytes())
            ))),
        };
        if let Some(count) = self.included.borrow_mut().get_mut(name) {
            *count = count.saturating_sub(1);
        }
        result
    }

    fn tpl(&self, exec: &mut Exec<'_>, text: &Str, data: &Value) -> Result<Value, Error> {
        if find(text.as_bytes(), b"{{").is_none() {
            return Ok(Value::Str(without_no_value(text.clone())));
        }
        let entry = self.parsed_text(text)?;
        let result = if entry.parsed().has_definitions() {
            let scope = Rc::new(Scope::inside(exec.scope()));
            scope.add(&self.root, entry.parsed());
            exec.render_in(scope, &entry, data.clone())
        } else {
            exec.render(&entry, data.clone())
        };
        match result {
            Ok(out) => Ok(Value::Str(without_no_value(out))),
            Err(error) if error.kind() == ErrorKind::Limit => Err(error),
            Err(error) => {
                let shown = quote(text.as_bytes());
                Err(Error::wrap(format!("error during tpl function execution for {shown}: "), error))
            }
        }
    }

    fn parsed_text(&self, text: &Str) -> Result<Rc<Entry>, Error> {
        if let Some(entry) = self.texts.borrow().get(text) {
            return Ok(Rc::clone(entry));
        }
        let parsed: Arc<Parsed> = match parse(Arc::from(text.as_bytes()), &Table) {
            Ok(parsed) => Arc::new(parsed),
            Err(error) => {
                let (shown, message) = (quote(text.as_bytes()), error.message(ROOT_NAME));
                return Err(Error::plain(format!("cannot parse template {shown}: {message}")));
            }
        };
        let entry = Rc::new(Entry::body_of(Rc::clone(&self.root), parsed));
        let mut texts = self.texts.borrow_mut();
        if texts.len() >= TPL_TEXTS {
            texts.clear();
        }
        texts.insert(text.clone(), Rc::clone(&entry));
        Ok(entry)
    }

    fn required(&self, message: &Str, value: &Value) -> Result<Value, Error> {
        let missing = match value {
            Value::Nil => true,
            Value::Str(text) => text.is_empty(),
            _ => false,
        };
        if !missing {
            return Ok(value.clone());
        }
        if self.lint {
            self.warnings.borrow_mut().push(format!("missing required value: {message}"));
            return Ok(Value::str(""));
        }
        Err(Error::plain(mark(&message.text())))
    }

    fn fail(&self, message: &Str) -> Result<Value, Error> {
        if self.lint {
            self.warnings.borrow_mut().push(format!("fail: {message}"));
            return Ok(Value::str(""));
        }
        Err(Error::plain(mark(&message.text())))
    }

    fn look_up(&self, args: &[Value]) -> Result<Value, Error> {
        let text = |index: usize| args.get(index).and_then(Value::as_str).map(Str::text).unwrap_or_default();
        if self.lint {
            return Ok(Map::new().into());
        }
        match self.lookup.lookup(&text(0), &text(1), &text(2), &text(3)) {
            Ok(Some(object)) => Ok(Value::from(&object)),
            Ok(None) => Ok(Map::new().into()),
            Err(message) => Err(Error::plain(message)),
        }
    }
}

impl Host for RenderHost<'_> {
    fn call(&self, exec: &mut Exec<'_>, number: u16, args: &[Value]) -> Result<Value, Error> {
        match (number, args) {
            (INCLUDE, [Value::Str(name), data]) => self.include(exec, name, data),
            (TPL, [Value::Str(text), data]) => self.tpl(exec, text, data),
            (REQUIRED, [Value::Str(message), value]) => self.required(message, value),
            (FAIL, [Value::Str(message)]) => self.fail(message),
            (LOOKUP, args) => self.look_up(args),
            _ => Err(Error::plain("a function of the engine was called with arguments it does not have")),
        }
    }

    /// The methods of Helm's `common.Values`.
    fn map_method(&self, map: &Map, name: &str, args: &[Value]) -> Option<Result<Value, FuncError>> {
        let plain = || Value::Map(map.alias_as(MapKind::Any));
        Some(match (name, args) {
            ("AsMap", []) => Ok(plain()),
            ("YAML", []) => match codecs::to_yaml_text(&plain()) {
                Value::Str(text) => Ok(Value::from(format!("{text}\n"))),
                other => Ok(other),
            },
            ("Table", [Value::Str(path)]) => table(map, &path.text()).map(Value::Map),
            ("PathValue", [Value::Str(path)]) => path_value(map, &path.text()),
            ("Encode", [_]) => Err(FuncError::msg("writing to an io.Writer is not supported: templates have none")),
            ("AsMap" | "YAML", _) => Err(FuncError::ArgCount { want: "0".into(), got: args.len() }),
            ("Table" | "PathValue", [other]) => {
                Err(FuncError::WrongType { expected: "string", got: type_name(other).into_owned() })
            }
            ("Table" | "PathValue" | "Encode", _) => Err(FuncError::ArgCount { want: "1".into(), got: args.len() }),
            _ => return None,
        })
    }
}

/// Helm's `Values.Table`.
fn table(map: &Map, path: &str) -> Result<Map, FuncError> {
    path.split('.').try_fold(map.clone(), |map, key| match map.get(key) {
        Some(Value::Map(inner)) => Ok(inner.alias_as(MapKind::Values)),
        _ => Err(FuncError::msg(format!("{} is not a table", quote(key.as_bytes())))),
    })
}

/// Helm's `Values.PathValue`: a value that is no map.
fn path_value(map: &Map, path: &str) -> Result<Value, FuncError> {
    if path.is_empty() {
        return Err(FuncError::msg("YAML path cannot be empty"));
    }
    let (parent, key) = path.rsplit_once('.').map_or((None, path), |(parent, key)| (Some(parent), key));
    let missing = || FuncError::msg(format!("{} is not a value", quote(key.as_bytes())));
    let parent = parent.map_or_else(|| Ok(map.clone()), |parent| table(map, parent)).map_err(|_| missing())?;
    parent.get(key).filter(|value| value.as_map().is_none()).ok_or_else(missing)
}

/// Helm deletes Go's `<no value>` from all output, even where a template spells it out.
pub(super) fn without_no_value(text: Str) -> Str {
    match cut_no_value(text.as_bytes()) {
        Some(cut) => Str::from(cut),
        None => text,
    }
}

/// The bytes without `<no value>`; `None` when it is not there.
pub(super) fn cut_no_value(bytes: &[u8]) -> Option<Vec<u8>> {
    const MARK: &[u8] = b"<no value>";
    let mut at = find(bytes, MARK)?;
    let (mut out, mut rest) = (Vec::with_capacity(bytes.len()), bytes);
    loop {
        out.extend_from_slice(rest.get(..at).unwrap_or_default());
        rest = rest.get(at + MARK.len()..).unwrap_or_default();
        match find(rest, MARK) {
            Some(next) => at = next,
            None => break,
        }
    }
    out.extend_from_slice(rest);
    Some(out)
}
