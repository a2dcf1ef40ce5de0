//! The grammar of `--set`, `--set-string`, `--set-json`, `--set-file` and `--set-literal`: `a.b[0].c=value,…`.

use crate::value::quote::{quote, quote_rune};
use crate::value::{List, Map, Value, json, kind};

/// Greatest list index.
const MAX_INDEX: usize = 65_536;
/// Most names in one path.
const MAX_NESTING: usize = 30;

/// How values are read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// `true`, `false`, `null` and integers (as `int64`) have their types.
    Typed,
    /// All values are strings.
    Text,
    /// Values are JSON.
    Json,
    /// The rest of the line is one string, nothing is escaped.
    Literal,
    /// Values name files.
    File,
}

/// Reads the file that a `--set-file` value names.
pub(super) type FileReader<'f> = &'f dyn Fn(&str) -> Result<String, String>;

/// `--set`.
pub(super) fn parse_into(text: &str, dest: &Map) -> Result<(), String> {
    run(text, dest, Mode::Typed, &no_files)
}

/// `--set-string`.
pub(super) fn parse_string_into(text: &str, dest: &Map) -> Result<(), String> {
    run(text, dest, Mode::Text, &no_files)
}

/// `--set-json` with paths.
pub(super) fn parse_json_into(text: &str, dest: &Map) -> Result<(), String> {
    run(text, dest, Mode::Json, &no_files)
}

/// `--set-literal`.
pub(super) fn parse_literal_into(text: &str, dest: &Map) -> Result<(), String> {
    run(text, dest, Mode::Literal, &no_files)
}

/// `--set-file`.
pub(super) fn parse_file_into(text: &str, dest: &Map, files: FileReader<'_>) -> Result<(), String> {
    run(text, dest, Mode::File, files)
}

fn no_files(_: &str) -> Result<String, String> {
    Err("no files here".into())
}

fn run(text: &str, dest: &Map, mode: Mode, files: FileReader<'_>) -> Result<(), String> {
    let mut parser = Parser { text, pos: 0, mode, files };
    loop {
        match parser.key(dest, 0) {
            Ok(()) => {}
            Err(Stop::End) => return Ok(()),
            Err(Stop::Problem(problem)) => return Err(problem),
        }
    }
}

/// Why a part of the line ended early.
enum Stop {
    /// The end of the line (Go's `io.EOF`).
    End,
    Problem(String),
}

impl From<String> for Stop {
    fn from(problem: String) -> Self {
        Self::Problem(problem)
    }
}

fn problem<T>(text: impl Into<String>) -> Result<T, Stop> {
    Err(Stop::Problem(text.into()))
}

/// What Go's failed type assertion says.
fn not_a<T>(value: &Value, want: &str) -> Result<T, Stop> {
    let got = match value {
        Value::Nil => "nil".into(),
        other => kind::type_name(other),
    };
    problem(format!("unable to parse key: interface conversion: interface {{}} is {got}, not {want}"))
}

struct Parser<'t> {
    text: &'t str,
    pos: usize,
    mode: Mode,
    files: FileReader<'t>,
}

impl Parser<'_> {
    fn next(&mut self) -> Option<char> {
        let c = self.text[self.pos..].chars().next()?;
        self.pos += c.len_utf8();
        Some(c)
    }

    /// Text up to one of the stop characters, which is taken, too; `None` for the end of the line. `\` escapes.
    fn until(&mut self, stop: &[char]) -> (String, Option<char>) {
        let mut text = String::new();
        while let Some(c) = self.next() {
            if stop.contains(&c) {
                return (text, Some(c));
            }
            if c == '\\' && self.mode != Mode::Literal {
                match self.next() {
                    Some(escaped) => text.push(escaped),
                    None => break,
                }
            } else {
                text.push(c);
            }
        }
        (text, None)
    }

    fn key(&mut self, data: &Map, level: usize) -> Result<(), Stop> {
        let stops: &[char] = if self.mode == Mode::Literal { &['=', '[', '.'] } else { &['=', '[', ',', '.'] };
        let (name, last) = self.until(stops);
        match last {
            None if name.is_empty() => Err(Stop::End),
            None => problem(format!("key {} has no value", quote(name.as_bytes()))),
            Some('[') => {
                let index = self.index()?;
                let list = match data.get(&name) {
                    None => Vec::new(),
                    Some(Value::List(list)) => list.items().to_vec(),
                    Some(other) => return not_a(&other, "[]interface {}"),
                };
                let (list, outcome) = self.item(list, index, level);
                set(data, &name, Value::list(list));
                outcome
            }
            Some('=') => self.value(|value| set(data, &name, value)),
            Some(',') => {
                set(data, &name, Value::str(""));
                problem(format!("key {} has no value (cannot end with ,)", quote(name.as_bytes())))
            }
            Some(_) => self.nested(data, &name, level + 1),
        }
    }

    /// What follows `name.`.
    fn nested(&mut self, data: &Map, name: &str, level: usize) -> Result<(), Stop> {
        if level > MAX_NESTING {
            return problem(format!(
                "value name nested level is greater than maximum supported nested level of {MAX_NESTING}"
            ));
        }
        let inner = match data.get(name) {
            None => Map::new(),
            Some(Value::Map(map)) => map,
            Some(other) => return not_a(&other, "map[string]interface {}"),
        };
        let outcome = self.key(&inner, level);
        if inner.is_empty() {
            outcome?;
            return problem(format!("key map {} has no value", quote(name.as_bytes())));
        }
        set(data, name, Value::Map(inner));
        outcome
    }

    fn index(&mut self) -> Result<i64, Stop> {
        let (text, last) = self.until(&[']']);
        if last.is_none() {
            // Helm takes an index without end for the end of the line.
            return Err(Stop::End);
        }
        let digits = text.strip_prefix(['+', '-']).unwrap_or(&text);
        let valid = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        let number = text.parse::<i64>().ok().filter(|_| valid);
        number.ok_or_else(|| {
            let why = if valid { "value out of range" } else { "invalid syntax" };
            let text = quote(text.as_bytes());
            Stop::Problem(format!("error parsing index: strconv.Atoi: parsing {text}: {why}"))
        })
    }

    /// What follows `[index]`. The list comes back even when it fails, as far as it got.
    fn item(&mut self, list: Vec<Value>, index: i64, level: usize) -> (Vec<Value>, Result<(), Stop>) {
        let index = match usize::try_from(index) {
            Ok(index) if index <= MAX_INDEX => index,
            Ok(index) => {
                let text = format!("index of {index} is greater than maximum supported index of {MAX_INDEX}");
                return (list, problem(text));
            }
            Err(_) => return (list, problem(format!("negative {index} index not allowed"))),
        };
        let (text, last) = self.until(&['[', '.', '=']);
        if !text.is_empty() {
            let runes: Vec<String> = text.chars().map(|c| quote_rune(c, false)).collect();
            let text = format!("unexpected data at end of array index: [{}]", runes.join(" "));
            return (list, problem(text));
        }
        match last {
            None => (list, Err(Stop::End)),
            Some('=') => {
                let mut found = None;
                let outcome = self.value(|value| found = Some(value));
                match found {
                    Some(value) => (set_index(list, index, value), outcome.or_else(end_is_fine)),
                    None => (list, outcome),
                }
            }
            Some('[') => self.nested_list(list, index, level),
            Some(_) => {
                let inner = match list.get(index) {
                    Some(Value::Map(map)) => map.clone(),
                    _ => Map::new(),
                };
                match self.key(&inner, level) {
                    Ok(()) => (set_index(list, index, Value::Map(inner)), Ok(())),
                    // Helm forgets `a[0].b=` at the end of the line, unless the list has that item already.
                    Err(stop) if index < list.len() => (set_index(list, index, Value::Map(inner)), Err(stop)),
                    Err(stop) => (list, Err(stop)),
                }
            }
        }
    }

    fn nested_list(&mut self, list: Vec<Value>, index: usize, level: usize) -> (Vec<Value>, Result<(), Stop>) {
        if level >= MAX_NESTING {
            let text = format!("lists nested deeper than {MAX_NESTING} levels are not supported");
            return (list, problem(text));
        }
        let inner_index = match self.index() {
            Ok(inner_index) => inner_index,
            Err(stop) => return (list, Err(stop)),
        };
        let inner = match list.get(index) {
            None | Some(Value::Nil) => Vec::new(),
            Some(Value::List(inner)) => inner.items().to_vec(),
            Some(other) => return (list.clone(), not_a(other, "[]interface {}")),
        };
        match self.item(inner, inner_index, level + 1) {
            (inner, Ok(())) => (set_index(list, index, Value::list(inner)), Ok(())),
            (_, stop) => (list, stop),
        }
    }

    /// What follows `=`: hands the value to `set`.
    fn value(&mut self, mut set: impl FnMut(Value)) -> Result<(), Stop> {
        match self.mode {
            Mode::Json => return self.json_value(set),
            Mode::Literal => {
                set(Value::str(&self.text[self.pos..]));
                self.pos = self.text.len();
                return Ok(());
            }
            _ => {}
        }
        let Some(first) = self.text[self.pos..].chars().next() else {
            set(Value::str(""));
            return Err(Stop::End);
        };
        if first == '{' {
            self.pos += 1;
            set(Value::List(self.list()?));
            return Ok(());
        }
        let (text, _) = self.until(&[',']);
        set(self.convert(text)?);
        Ok(())
    }

    /// `{a,b,c}`, from behind the brace.
    fn list(&mut self) -> Result<List, Stop> {
        let mut items = Vec::new();
        loop {
            let (text, last) = self.until(&[',', '}']);
            if last.is_none() {
                return problem("list must terminate with '}'");
            }
            items.push(self.convert(text)?);
            if last == Some('}') {
                if self.text[self.pos..].starts_with(',') {
                    self.pos += 1;
                }
                return Ok(items.into_iter().collect());
            }
        }
    }

    fn json_value(&mut self, mut set: impl FnMut(Value)) -> Result<(), Stop> {
        if self.skip_to_value() {
            set(Value::Nil);
            return Ok(());
        }
        let (value, used) = json::decode_first(&self.text.as_bytes()[self.pos..]).map_err(|error| error.to_string())?;
        set(value);
        self.pos += used;
        self.skip_to_value();
        Ok(())
    }

    /// Skips white space and one comma. True when there was a comma or the end: no value.
    fn skip_to_value(&mut self) -> bool {
        let rest = self.text[self.pos..].trim_start();
        self.pos = self.text.len() - rest.len();
        if rest.starts_with(',') {
            self.pos += 1;
            return true;
        }
        rest.is_empty()
    }

    fn convert(&self, text: String) -> Result<Value, Stop> {
        Ok(match self.mode {
            Mode::Typed => typed(text),
            Mode::File => Value::from((self.files)(&text)?),
            _ => Value::from(text),
        })
    }
}

fn end_is_fine(stop: Stop) -> Result<(), Stop> {
    match stop {
        Stop::End => Ok(()),
        stop => Err(stop),
    }
}

/// An empty name sets nothing.
fn set(data: &Map, name: &str, value: Value) {
    if !name.is_empty() {
        data.insert(name, value);
    }
}

fn set_index(mut list: Vec<Value>, index: usize, value: Value) -> Vec<Value> {
    if list.len() <= index {
        list.resize(index + 1, Value::Nil);
    }
    list[index] = value;
    list
}

/// What `--set` makes of a text. A leading zero keeps a number a string.
fn typed(text: String) -> Value {
    if text.eq_ignore_ascii_case("true") {
        Value::Bool(true)
    } else if text.eq_ignore_ascii_case("false") {
        Value::Bool(false)
    } else if text.eq_ignore_ascii_case("null") {
        Value::Nil
    } else if text == "0" {
        Value::int64(0)
    } else if !text.starts_with('0')
        && let Ok(number) = text.parse()
    {
        Value::int64(number)
    } else {
        Value::from(text)
    }
}
