//! `.Files`: the chart's files that are neither templates nor charts.

use std::any::Any;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

use data_encoding::BASE64;

use super::{codecs, glob};
use crate::chart::File;
use crate::value::kind::type_name;
use crate::value::{FuncError, List, Map, MapKind, Object, Str, Value};

/// The names of files that templates read, shared by all charts of a render.
pub(super) type FilesRead = Rc<RefCell<BTreeSet<String>>>;

/// Helm's `engine.files`: a map of names to bytes, with methods.
pub(super) struct Files {
    files: BTreeMap<String, Arc<[u8]>>,
    /// Path of the chart, to tell its files from those of other charts.
    chart: Rc<str>,
    read: FilesRead,
}

impl Files {
    pub(super) fn new(files: &[File], chart: Rc<str>, read: FilesRead) -> Self {
        let files = files.iter().map(|file| (file.name.clone(), Arc::clone(&file.data))).collect();
        Self { files, chart, read }
    }

    fn note(&self, name: &str) {
        self.read.borrow_mut().insert(format!("{}/{name}", self.chart));
    }

    fn bytes(&self, name: &str) -> Option<&Arc<[u8]>> {
        let data = self.files.get(name)?;
        self.note(name);
        Some(data)
    }

    fn glob(&self, pattern: &str) -> Self {
        let glob = glob::compile(pattern);
        let matches = |name: &str| glob.as_ref().is_none_or(|glob| glob.is_match(name.as_bytes()));
        let files =
            self.files.iter().filter(|(name, _)| matches(name)).map(|(name, data)| (name.clone(), Arc::clone(data)));
        Self { files: files.collect(), chart: Rc::clone(&self.chart), read: Rc::clone(&self.read) }
    }

    /// A `map[string]string` of the files by base name, as YAML.
    fn flattened(&self, encode: impl Fn(&[u8]) -> Str) -> Value {
        let entries = self.files.iter().map(|(name, data)| {
            self.note(name);
            let base = name.rsplit('/').next().unwrap_or(name);
            (Str::from(base), Value::Str(encode(data)))
        });
        codecs::to_yaml_text(&Value::Map(Map::with_kind(entries.collect(), MapKind::String)))
    }

    fn lines(&self, name: &str) -> Value {
        let data = self.bytes(name).map(|data| &data[..]).unwrap_or_default();
        if data.is_empty() {
            return Value::strings::<Str>([]);
        }
        let data = data.strip_suffix(b"\n").unwrap_or(data);
        Value::strings(data.split(|byte| *byte == b'\n').map(Str::from))
    }
}

impl Object for Files {
    fn type_name(&self) -> &str {
        "engine.files"
    }

    fn kind_name(&self) -> &'static str {
        "map"
    }

    fn call(&self, name: &str, args: &[Value]) -> Option<Result<Value, FuncError>> {
        if matches!(name, "AsConfig" | "AsSecrets") {
            if !args.is_empty() {
                return Some(Err(FuncError::ArgCount { want: "0".into(), got: args.len() }));
            }
            return Some(Ok(match name {
                "AsConfig" => self.flattened(|data| Str::from(data)),
                _ => self.flattened(|data| Str::from(BASE64.encode(data))),
            }));
        }
        if !matches!(name, "Get" | "GetBytes" | "Glob" | "Lines") {
            return None;
        }
        Some(one_string(args).map(|arg| match name {
            "Get" => Value::Str(self.bytes(&arg).map_or_else(Str::default, |data| Str::from(&data[..]))),
            "GetBytes" => Value::List(List::from_bytes(self.bytes(&arg).cloned().unwrap_or_default())),
            "Glob" => Value::object(self.glob(&arg)),
            _ => self.lines(&arg),
        }))
    }

    fn as_map(&self) -> Option<Map> {
        let entries = self.files.iter().map(|(name, data)| {
            self.note(name);
            (Str::from(name.as_str()), Value::List(List::from_bytes(Arc::clone(data))))
        });
        Some(Map::with_kind(entries.collect(), MapKind::Bytes))
    }

    fn truth(&self) -> bool {
        !self.files.is_empty()
    }

    fn print(&self) -> String {
        self.as_map().map_or_else(String::new, |map| crate::value::print::to_string(&Value::Map(map)))
    }

    fn to_json(&self) -> Option<Value> {
        let entries = self.files.iter().map(|(name, data)| {
            self.note(name);
            (name.as_str(), Value::from(BASE64.encode(data)))
        });
        Some(entries.collect::<Map>().into())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

fn one_string(args: &[Value]) -> Result<String, FuncError> {
    match args {
        [Value::Str(text)] => Ok(text.text().into_owned()),
        [other] => {
            let got = if other.is_nil() { "interface {}".to_owned() } else { type_name(other).into_owned() };
            Err(FuncError::WrongType { expected: "string", got })
        }
        _ => Err(FuncError::ArgCount { want: "1".into(), got: args.len() }),
    }
}
