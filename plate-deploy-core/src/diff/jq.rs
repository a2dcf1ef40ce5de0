//! jq path expressions: what they select is removed, as by jq's `del(…)`.
//!
//! The expressions come from Git. Only what looks at the document is allowed: no definitions, no loops, nothing that
//! reads the environment, the clock or input, or that ends the process. The evaluation runs in a thread of its own with
//! a deadline, as there is nothing in the interpreter that could be counted.

use std::sync::mpsc;
use std::time::Duration;

use jaq_core::load::lex::StrPart;
use jaq_core::load::parse::{BinaryOp, Term};
use jaq_core::load::{Arena, File, Loader};
use jaq_core::path::Part;
use jaq_core::{Compiler, Ctx, Vars, data, unwrap_valr};
use jaq_json::Val;
use serde_json::Value;

use super::DiffError;

/// Longest expression, in bytes; the parser and the compiler recurse on it.
const MAX_LENGTH: usize = 1000;
/// Deepest nesting of brackets, which cost them most.
const MAX_NESTING: usize = 50;
/// Most places one expression may select.
const MAX_PATHS: usize = 100_000;
/// Argo CD's own limit.
const TIME: Duration = Duration::from_secs(1);
/// The interpreter recurses on the document.
const STACK: usize = 64 << 20;

/// Calls that are refused: they may never end, cost without bound, or see more than the document.
const REFUSED: &[&str] = &[
    "repeat",
    "while",
    "until",
    "range",
    "limit",
    "combinations",
    "walk",
    "halt",
    "halt_error",
    "env",
    "now",
    "input",
    "inputs",
    "input_line_number",
    "debug",
    "stderr",
    "localtime",
    "strflocaltime",
    "todate",
    "date",
    "dateadd",
    "datesub",
    "setpath",
    "delpaths",
    "fromjson",
    "transpose",
];
/// Of these only the form without arguments, which is bounded by the document.
const REFUSED_WITH_ARGUMENTS: &[&str] = &["recurse"];

/// How many constructs that multiply work one alternative of an expression may have: each can double what the ones
/// before it made.
const MAX_COST: u32 = 16;
/// What a walk over the whole document counts.
const WALK_COST: u32 = 6;

/// Checks that an expression parses and holds nothing that is refused.
///
/// # Errors
/// [`DiffError::Jq`].
pub(super) fn check(expression: &str) -> Result<(), DiffError> {
    let error = |reason: String| DiffError::Jq { expression: expression.into(), reason };
    if expression.len() > MAX_LENGTH {
        return Err(error(format!("longer than {MAX_LENGTH} bytes")));
    }
    if nesting(expression) > MAX_NESTING {
        return Err(error(format!("nested more than {MAX_NESTING} levels deep")));
    }
    // The parser recurses on the expression: it needs the large stack too.
    let code = expression.to_owned();
    let worker = std::thread::Builder::new().name("jq".into()).stack_size(STACK).spawn(move || inspect(&code));
    let verdict = worker.map_err(|e| error(format!("cannot start a thread: {e}")))?.join();
    verdict.unwrap_or_else(|_| Err("does not parse".into())).map_err(error)
}

/// How deep brackets are nested, at most: those in strings count too.
fn nesting(expression: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    for c in expression.chars() {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

fn inspect(expression: &str) -> Result<(), String> {
    let term = jaq_core::load::parse(expression, |p| p.term()).ok_or_else(|| "does not parse".to_owned())?;
    let refused = |what| format!("{what} is not supported: it may never end or see more than the object");
    alternatives(&term).into_iter().try_for_each(check_alternative).map_err(refused)?;
    compile(expression, |_| ())
}

/// The parts of the outermost `a, b, c`: they add work, they do not multiply it.
fn alternatives<'a, 'b>(term: &'b Term<&'a str>) -> Vec<&'b Term<&'a str>> {
    let (mut parts, mut open) = (Vec::new(), vec![term]);
    while let Some(term) = open.pop() {
        match term {
            Term::BinOp(left, BinaryOp::Comma, right) => open.extend([right.as_ref(), left.as_ref()]),
            term => parts.push(term),
        }
    }
    parts
}

fn check_alternative(term: &Term<&str>) -> Result<(), String> {
    let (mut cost, mut open) = (0_u32, vec![term]);
    while let Some(term) = open.pop() {
        cost = cost.saturating_add(check_term(term, &mut open)?);
        if cost > MAX_COST {
            return Err(format!("more than {MAX_COST} operations that multiply work"));
        }
    }
    Ok(())
}

/// Checks one term, puts its parts on the list, and says what it costs.
fn check_term<'a, 'b>(term: &'b Term<&'a str>, open: &mut Vec<&'b Term<&'a str>>) -> Result<u32, String> {
    match term {
        Term::Id | Term::Num(_) => return Ok(0),
        Term::Recurse => return Ok(WALK_COST),
        Term::Var(_) => return Ok(2),
        Term::Str(_, parts) => {
            let inner = parts.iter().filter_map(|part| match part {
                StrPart::Term(term) => Some(term),
                _ => None,
            });
            let before = open.len();
            open.extend(inner);
            return Ok(u32::try_from(open.len() - before).unwrap_or(u32::MAX));
        }
        Term::Arr(inner) => {
            open.extend(inner.iter().map(AsRef::as_ref));
            return Ok(1);
        }
        Term::Obj(entries) => {
            open.extend(entries.iter().flat_map(|(key, value)| std::iter::once(key).chain(value)));
            return Ok(1);
        }
        Term::Neg(inner) => open.push(inner),
        Term::BinOp(left, op, right) => {
            open.extend([left.as_ref(), right.as_ref()]);
            return match op {
                BinaryOp::Pipe(_) | BinaryOp::Alt | BinaryOp::Or | BinaryOp::And | BinaryOp::Cmp(_) => Ok(0),
                BinaryOp::Comma | BinaryOp::Math(jaq_core::ops::Math::Add | jaq_core::ops::Math::Sub) => Ok(1),
                _ => Err("an assignment or arithmetic operator".into()),
            };
        }
        Term::TryCatch(inner, catch) => {
            open.push(inner);
            open.extend(catch.iter().map(AsRef::as_ref));
        }
        Term::IfThenElse(branches, otherwise) => {
            open.extend(branches.iter().flat_map(|(condition, then)| [condition, then]));
            open.extend(otherwise.iter().map(AsRef::as_ref));
        }
        Term::Call(name, arguments) => return check_call(name, arguments, open),
        Term::Path(inner, path) => {
            open.push(inner);
            for (part, _) in &path.0 {
                match part {
                    Part::Index(index) => open.push(index),
                    Part::Range(from, to) => open.extend(from.iter().chain(to)),
                }
            }
        }
        Term::Def(..) => return Err("def".into()),
        Term::Fold(name, ..) => return Err((*name).to_owned()),
        Term::Label(..) | Term::Break(_) => return Err("label".into()),
    }
    Ok(0)
}

fn check_call<'a, 'b>(
    name: &str,
    arguments: &'b [Term<&'a str>],
    open: &mut Vec<&'b Term<&'a str>>,
) -> Result<u32, String> {
    let with_arguments = REFUSED_WITH_ARGUMENTS.contains(&name) && !arguments.is_empty();
    if REFUSED.contains(&name) || with_arguments || name.contains("::") {
        return Err(format!("{name}/{}", arguments.len()));
    }
    open.extend(arguments);
    Ok(match name {
        "recurse" | "paths" | "leaf_paths" | "tostream" | "flatten" => WALK_COST,
        "select" | "not" | "test" | "has" | "length" | "startswith" | "endswith" | "contains" | "empty" => 0,
        _ => 1,
    })
}

type Filter = jaq_core::compile::Filter<jaq_core::Native<data::JustLut<Val>>>;

/// Compiles `path(expression)` and hands it to `use_it`.
fn compile<T>(expression: &str, use_it: impl FnOnce(&Filter) -> T) -> Result<T, String> {
    let code = format!("path({expression}\n)");
    let dangerous = |name: &str| {
        matches!(
            name,
            "halt"
                | "halt_error"
                | "env"
                | "now"
                | "input"
                | "inputs"
                | "debug"
                | "stderr"
                | "debug_empty"
                | "stderr_empty"
                | "localtime"
                | "strflocaltime"
                | "input_line_number"
        )
    };
    let defs = jaq_core::defs().chain(jaq_std::defs()).chain(jaq_json::defs()).filter(|d| !dangerous(d.name));
    let funs = jaq_core::funs().chain(jaq_std::funs()).chain(jaq_json::funs()).filter(|(name, ..)| !dangerous(name));
    let arena = Arena::default();
    let file = File { code: code.as_str(), path: () };
    let modules = Loader::new(defs).load(&arena, file).map_err(|_| "does not parse".to_owned())?;
    let filter = Compiler::default().with_funs(funs).compile(modules);
    let filter = filter.map_err(|errors| match errors.first().and_then(|(_, undefined)| undefined.first()) {
        Some((name, _)) => format!("{name} is not defined"),
        None => "does not compile".to_owned(),
    })?;
    Ok(use_it(&filter))
}

/// The document without what the expression selects.
///
/// # Errors
/// What jq would fail with (then nothing is removed), or that the time was up.
pub(super) fn delete(document: &Value, expression: &str) -> Result<Value, String> {
    let (sender, receiver) = mpsc::channel();
    let (input, code) = (document.clone(), expression.to_owned());
    let worker = std::thread::Builder::new().name("jq".into()).stack_size(STACK);
    let evaluation = move || {
        // The receiver is gone when the time was up.
        let _ = sender.send(paths(&input, &code));
    };
    worker.spawn(evaluation).map_err(|e| format!("cannot start a thread: {e}"))?;
    let paths = receiver.recv_timeout(TIME).map_err(|_| format!("JQ patch execution timed out ({TIME:?})"))??;
    let mut out = document.clone();
    remove_paths(&mut out, paths)?;
    Ok(out)
}

/// The paths an expression selects, as jq writes them.
fn paths(document: &Value, expression: &str) -> Result<Vec<Value>, String> {
    let input: Val = serde_json::from_value(document.clone()).map_err(|e| e.to_string())?;
    compile(expression, |filter| {
        let context = Ctx::<data::JustLut<Val>>::new(&filter.lut, Vars::new([]));
        let mut out = Vec::new();
        for path in filter.id.run((context, input)).map(unwrap_valr).take(MAX_PATHS + 1) {
            let path = path.map_err(|_| "JQ patch returned error".to_owned())?;
            out.push(serde_json::from_str(&path.to_string()).map_err(|e| e.to_string())?);
        }
        if out.len() > MAX_PATHS { Err(format!("selects more than {MAX_PATHS} places")) } else { Ok(out) }
    })?
}

/// Removes the paths, last ones first, so that earlier removals do not shift later ones.
fn remove_paths(document: &mut Value, mut paths: Vec<Value>) -> Result<(), String> {
    paths.sort_by(|a, b| compare(b, a));
    paths.dedup();
    for path in paths {
        let steps = path.as_array().map(Vec::as_slice).unwrap_or_default();
        let Some((last, parents)) = steps.split_last() else {
            *document = Value::Null;
            return Err("selects the whole object".into());
        };
        let parent = parents.iter().try_fold(&mut *document, |value, step| child(value, step));
        match (parent, last) {
            (Some(Value::Object(map)), Value::String(key)) => {
                map.remove(key);
            }
            (Some(Value::Array(items)), Value::Number(number)) => {
                if let Some(i) = place(items.len(), number.as_f64()) {
                    items.remove(i);
                }
            }
            (Some(Value::Array(items)), Value::Object(range)) => {
                let bound = |name: &str, default| match range.get(name).and_then(Value::as_f64) {
                    None => default,
                    Some(n) if n < 0.0 => items.len().saturating_sub(to_index(-n)),
                    Some(n) => to_index(n).min(items.len()),
                };
                let (start, end) = (bound("start", 0), bound("end", items.len()));
                if start < end {
                    items.drain(start..end);
                }
            }
            _ => {}
        }
    }
    Ok(())
}

fn child<'a>(value: &'a mut Value, step: &Value) -> Option<&'a mut Value> {
    match (value, step) {
        (Value::Object(map), Value::String(key)) => map.get_mut(key),
        (Value::Array(items), Value::Number(number)) => {
            let i = place(items.len(), number.as_f64())?;
            items.get_mut(i)
        }
        _ => None,
    }
}

fn place(len: usize, number: Option<f64>) -> Option<usize> {
    let number = number?;
    let at = if number < 0.0 { len.checked_sub(to_index(-number))? } else { to_index(number) };
    (at < len).then_some(at)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "not negative; beyond the list is harmless"
)]
fn to_index(number: f64) -> usize {
    number as usize
}

/// jq's order of paths, as far as their steps can be compared.
fn compare(a: &Value, b: &Value) -> std::cmp::Ordering {
    use std::cmp::Ordering;
    match (a, b) {
        (Value::Array(a), Value::Array(b)) => a
            .iter()
            .zip(b)
            .map(|(a, b)| compare(a, b))
            .find(|order| order.is_ne())
            .unwrap_or_else(|| a.len().cmp(&b.len())),
        (Value::Number(a), Value::Number(b)) => a.as_f64().partial_cmp(&b.as_f64()).unwrap_or(Ordering::Equal),
        (Value::String(a), Value::String(b)) => a.cmp(b),
        (a, b) => a.to_string().cmp(&b.to_string()),
    }
}
