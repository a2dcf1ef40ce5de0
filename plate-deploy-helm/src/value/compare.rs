//! Go template comparison (`eq`, `lt` and their kin) and `reflect.DeepEqual`.

use std::cmp::Ordering;

use super::kind::type_name;
use super::{FuncError, Value};

/// How deep [`deep_equal`] follows nested values; deeper ones (only templates can build them) count as different.
const MAX_DEPTH: usize = 1000;
/// How many values [`deep_equal`] looks at: lists that hold the same list twice, many levels deep, have no end.
const MAX_STEPS: usize = 10_000_000;

/// The kinds Go's template comparisons know.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Basic {
    Bool,
    Int,
    Uint,
    Float,
    String,
    Other,
}

fn basic(value: &Value) -> Basic {
    match value {
        Value::Bool(_) => Basic::Bool,
        Value::Int(..) => Basic::Int,
        Value::Uint(_) => Basic::Uint,
        Value::Float(_) => Basic::Float,
        Value::Str(_) => Basic::String,
        Value::Object(object) if object.kind_name() == "string" => Basic::String,
        Value::Object(object) if object.as_int().is_some() => Basic::Int,
        _ => Basic::Other,
    }
}

/// Both values with a named integer (`time.Duration`) as a plain one; `None` when neither is one.
fn plain_integers(left: &Value, right: &Value) -> Option<(Value, Value)> {
    let plain = |value: &Value| match value {
        Value::Object(object) => object.as_int(),
        _ => None,
    };
    match (plain(left), plain(right)) {
        (None, None) => None,
        (a, b) => Some((a.unwrap_or_else(|| left.clone()), b.unwrap_or_else(|| right.clone()))),
    }
}

fn incompatible(left: &Value, right: &Value) -> FuncError {
    FuncError::msg(format!("incompatible types for comparison: {} and {}", type_name(left), type_name(right)))
}

fn bad_type() -> FuncError {
    FuncError::msg("invalid type for comparison")
}

/// Template `eq` of two values.
///
/// # Errors
/// Go's text when the values cannot be compared: different basic kinds, or lists and maps.
pub fn eq(left: &Value, right: &Value) -> Result<bool, FuncError> {
    if let Some((left, right)) = plain_integers(left, right) {
        return eq(&left, &right);
    }
    Ok(match (left, right) {
        (Value::Bool(a), Value::Bool(b)) => a == b,
        (Value::Int(a, _), Value::Int(b, _)) => a == b,
        (Value::Uint(a), Value::Uint(b)) => a == b,
        (Value::Int(a, _), Value::Uint(b)) | (Value::Uint(b), Value::Int(a, _)) => u64::try_from(*a) == Ok(*b),
        // Go compares floats exactly.
        (Value::Float(a), Value::Float(b)) => a == b,
        (Value::Str(a), Value::Str(b)) => a == b,
        (Value::Nil, Value::Nil) => true,
        (Value::Nil, other) | (other, Value::Nil) => is_nil(other),
        (Value::Object(a), Value::Object(b)) => {
            if a.kind_name() != b.kind_name() {
                return Err(incompatible(left, right));
            }
            a.type_name() == b.type_name() && a.print() == b.print()
        }
        _ if basic(left) != basic(right) => return Err(incompatible(left, right)),
        (Value::List(a), Value::List(b)) if a.is_nil() || b.is_nil() => a.is_nil() == b.is_nil(),
        (Value::Map(a), Value::Map(b)) if a.is_nil() || b.is_nil() => a.is_nil() == b.is_nil(),
        _ => return Err(non_comparable(left, right)),
    })
}

/// Whether it is a nil slice or map, which equals an untyped nil.
fn is_nil(value: &Value) -> bool {
    match value {
        Value::List(list) => list.is_nil(),
        Value::Map(map) => map.is_nil(),
        _ => false,
    }
}

fn non_comparable(left: &Value, right: &Value) -> FuncError {
    let shown = |value: &Value, verb: char| super::print::with_verb(value, verb);
    if std::mem::discriminant(left) == std::mem::discriminant(right) {
        return FuncError::msg(format!("non-comparable type {}: {}", shown(right, 's'), type_name(right)));
    }
    let (left_type, right_type) = (type_name(left), type_name(right));
    FuncError::msg(format!(
        "non-comparable types {}: {left_type}, {right_type}: {}",
        shown(left, 's'),
        shown(right, 'v')
    ))
}

/// Template `lt` of two values.
///
/// # Errors
/// Go's text when the values have no order or are of different basic kinds.
pub fn lt(left: &Value, right: &Value) -> Result<bool, FuncError> {
    if let Some((left, right)) = plain_integers(left, right) {
        return lt(&left, &right);
    }
    if basic(left) == Basic::Other || basic(right) == Basic::Other {
        return Err(bad_type());
    }
    let order = match (left, right) {
        (Value::Bool(_), Value::Bool(_)) => return Err(bad_type()),
        (Value::Int(a, _), Value::Int(b, _)) => a.cmp(b),
        (Value::Uint(a), Value::Uint(b)) => a.cmp(b),
        (Value::Int(a, _), Value::Uint(b)) => u64::try_from(*a).map_or(Ordering::Less, |a| a.cmp(b)),
        (Value::Uint(a), Value::Int(b, _)) => u64::try_from(*b).map_or(Ordering::Greater, |b| a.cmp(&b)),
        (Value::Float(a), Value::Float(b)) => return Ok(a < b),
        (Value::Str(a), Value::Str(b)) => a.cmp(b),
        _ => return Err(incompatible(left, right)),
    };
    Ok(order == Ordering::Less)
}

/// Template `le` of two values.
///
/// # Errors
/// As [`lt`] and [`eq`].
pub fn le(left: &Value, right: &Value) -> Result<bool, FuncError> {
    Ok(lt(left, right)? || eq(left, right)?)
}

/// Go's `reflect.DeepEqual`, as Sprig's `deepEqual`, `has` and `without` use it: types count, so the `int` 1 and the
/// `float64` 1 differ.
#[must_use]
pub fn deep_equal(left: &Value, right: &Value) -> bool {
    deep_equal_at(left, right, 0, &mut 0)
}

fn deep_equal_at(left: &Value, right: &Value, depth: usize, steps: &mut usize) -> bool {
    *steps += 1;
    if depth > MAX_DEPTH || *steps > MAX_STEPS {
        return false;
    }
    match (left, right) {
        (Value::Nil, Value::Nil) => true,
        (Value::Bool(a), Value::Bool(b)) => a == b,
        (Value::Int(a, ka), Value::Int(b, kb)) => a == b && ka == kb,
        (Value::Uint(a), Value::Uint(b)) => a == b,
        // Go compares floats exactly.
        (Value::Float(a), Value::Float(b)) => a == b,
        (Value::Str(a), Value::Str(b)) => a == b,
        (Value::List(a), Value::List(b)) => {
            a.kind() == b.kind()
                && a.is_nil() == b.is_nil()
                && a.len() == b.len()
                && a.items().iter().zip(b.items()).all(|(a, b)| deep_equal_at(a, b, depth + 1, steps))
        }
        (Value::Map(a), Value::Map(b)) => {
            a.kind() == b.kind()
                && (a.ptr_eq(b) || {
                    let (a, b) = (a.borrow(), b.borrow());
                    a.len() == b.len()
                        && a.iter()
                            .zip(b.iter())
                            .all(|((ka, va), (kb, vb))| ka == kb && deep_equal_at(va, vb, depth + 1, steps))
                })
        }
        (Value::Object(a), Value::Object(b)) => a.type_name() == b.type_name() && a.print() == b.print(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Map;

    #[test]
    fn compares_as_go_templates_do() {
        let map = || Value::Map(Map::from_iter([("a", Value::int(1))]));
        let table = [
            (Value::int(1), Value::int64(1), Ok(true)),
            (Value::int(-1), Value::Uint(u64::MAX), Ok(false)),
            (Value::Nil, Value::str("x"), Ok(false)),
            (Value::Nil, Value::Nil, Ok(true)),
            (Value::Float(3.0), Value::int(3), Err("incompatible types for comparison: float64 and int")),
            (Value::str("a"), Value::Bool(true), Err("incompatible types for comparison: string and bool")),
            (map(), map(), Err("non-comparable type map[a:%!s(int=1)]: map[string]interface {}")),
            (map(), Value::str(""), Err("incompatible types for comparison: map[string]interface {} and string")),
        ];
        for (left, right, want) in table {
            let got = eq(&left, &right).map_err(|error| error.to_string());
            assert_eq!(got, want.map_err(str::to_owned));
        }
        assert_eq!(lt(&Value::str("a"), &Value::str("b")), Ok(true));
        assert_eq!(lt(&Value::Bool(true), &Value::Bool(false)), Err(bad_type()));
        assert_eq!(lt(&Value::int(1), &map()), Err(bad_type()));
        assert!(!deep_equal(&Value::int(1), &Value::Float(1.0)));
        assert!(deep_equal(&map(), &map()));
    }
}
