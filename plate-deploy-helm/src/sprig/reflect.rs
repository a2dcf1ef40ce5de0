//! Sprig's `reflect.go`: types and kinds by Go's names.

use crate::value::compare::deep_equal;
use crate::value::kind::{kind_name, type_name};
use crate::value::{Function, Str, Value};

use super::args::{Args, Outcome, count, function};

pub(super) static FUNCTIONS: &[Function] = &[
    function!("typeOf", |v| type_name(v).into_owned(), (&Value)),
    function!("typeIs", |name: &Str, v| name.as_bytes() == type_name(v).as_bytes(), (&Str, &Value)),
    function!("typeIsLike", type_is_like, (&Str, &Value)),
    function!("kindOf", |v| kind_name(v).to_owned(), (&Value)),
    function!("kindIs", |name: &Str, v| name.as_bytes() == kind_name(v).as_bytes(), (&Str, &Value)),
    function!("deepEqual", deep_equal, (&Value, &Value)),
];

fn type_is_like(name: &Str, value: &Value) -> bool {
    let actual = type_name(value);
    let name = name.text();
    name == actual || actual.strip_prefix('*') == Some(&name)
}
