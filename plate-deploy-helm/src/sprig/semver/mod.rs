//! Sprig's `semver.go` over a port of `Masterminds/semver` 3.5: [`Version`] and [`Constraint`].

mod constraint;
mod plain;
mod version;

use std::any::Any;

use crate::value::{FuncError, Function, Object, Str, Value};

use super::args::{Args, FromArg, Outcome, count, function};
use super::go_time::value_as;

pub use constraint::Constraint;
pub use version::Version;

pub(super) static FUNCTIONS: &[Function] =
    &[function!("semver", semver, (&Str)), function!("semverCompare", semver_compare, (&Str, &Str))];

fn semver(text: &Str) -> Result<Value, FuncError> {
    Version::parse(&text.text()).map(Value::object).map_err(FuncError::Message)
}

fn semver_compare(constraint: &Str, version: &Str) -> Result<bool, FuncError> {
    let constraint = Constraint::parse(&constraint.text()).map_err(FuncError::Message)?;
    let version = Version::parse(&version.text()).map_err(FuncError::Message)?;
    Ok(constraint.check(&version))
}

impl<'a> FromArg<'a> for &'a Version {
    fn from_arg(value: &'a Value) -> Result<Self, FuncError> {
        value_as(value).ok_or_else(|| FuncError::WrongType {
            expected: "*semver.Version",
            got: crate::value::kind::type_name(value).into_owned(),
        })
    }
}

impl Version {
    fn with(&self, name: &str, text: &Value) -> Result<Value, FuncError> {
        let text = <&Str>::from_arg(text)?.text();
        let changed = if name == "SetMetadata" { self.set_metadata(&text) } else { self.set_prerelease(&text) };
        changed.map(Value::object).map_err(FuncError::Message)
    }

    fn against(&self, name: &str, other: &Value) -> Result<Value, FuncError> {
        let order = self.compare(<&Self>::from_arg(other)?);
        Ok(match name {
            "Compare" => Value::int(order as i64),
            "Equal" => Value::Bool(order.is_eq()),
            "LessThan" => Value::Bool(order.is_lt()),
            "LessThanEqual" => Value::Bool(order.is_le()),
            "GreaterThan" => Value::Bool(order.is_gt()),
            _ => Value::Bool(order.is_ge()),
        })
    }
}

impl Object for Version {
    fn type_name(&self) -> &str {
        "*semver.Version"
    }

    fn call(&self, name: &str, args: &[Value]) -> Option<Result<Value, FuncError>> {
        let value = match (name, args) {
            ("Major", []) => Value::Uint(self.major()),
            ("Minor", []) => Value::Uint(self.minor()),
            ("Patch", []) => Value::Uint(self.patch()),
            ("Prerelease", []) => Value::str(self.prerelease()),
            ("Metadata", []) => Value::str(self.metadata()),
            ("Original", []) => Value::str(self.original()),
            ("String", []) => Value::str(self.to_string()),
            ("IncMajor" | "IncMinor" | "IncPatch", []) => {
                return Some(self.increment(name).map(Value::object).map_err(FuncError::Message));
            }
            ("SetPrerelease" | "SetMetadata", [text]) => return Some(self.with(name, text)),
            ("Compare" | "Equal" | "LessThan" | "LessThanEqual" | "GreaterThan" | "GreaterThanEqual", [other]) => {
                return Some(self.against(name, other));
            }
            _ => return None,
        };
        Some(Ok(value))
    }

    fn print(&self) -> String {
        self.to_string()
    }

    fn to_json(&self) -> Option<Value> {
        Some(Value::str(self.to_string()))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
