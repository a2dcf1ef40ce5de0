//! Helm's YAML, JSON and TOML functions. Those without `must` put errors into their result.

use crate::value::{Env, FuncError, Function, Map, Str, Value, json, toml, yaml};

/// The functions, by name.
pub(super) const FUNCTIONS: &[Function] = &[
    one("toYaml", |_, args| Ok(to_yaml_text(arg(args)))),
    one("mustToYaml", |_, args| must(yaml::to_yaml(arg(args)).map(trim))),
    one("fromYaml", |_, args| {
        let text = bytes(args);
        // An empty text leaves the map as it was made; `null` makes it nil.
        let empty = text.as_bytes().iter().all(u8::is_ascii_whitespace);
        Ok(if empty { Map::new().into() } else { map_or_error(yaml::unmarshal_map(text.as_bytes())) })
    }),
    one("fromYamlArray", |_, args| match yaml::unmarshal_list(bytes(args).as_bytes()) {
        Ok(list) => Ok(Value::List(list)),
        Err(error) => Ok(Value::list(vec![Value::from(error.to_string())])),
    }),
    one("toJson", |_, args| Ok(lenient(json::encode(arg(args))))),
    one("mustToJson", |_, args| must(json::encode(arg(args)))),
    one("fromJson", |_, args| Ok(map_or_error(json::decode_map(bytes(args).as_bytes())))),
    one("fromJsonArray", |_, args| match json::decode_list(bytes(args).as_bytes()) {
        Ok(list) => Ok(Value::List(list)),
        Err(error) => Ok(Value::list(vec![Value::from(error.to_string())])),
    }),
    one("toYamlPretty", |_, args| Ok(lenient(yaml::to_yaml_pretty(arg(args)).map(trim)))),
    one("toToml", |_, args| Ok(Value::from(toml::encode(arg(args)).unwrap_or_else(|error| error)))),
    one("mustToToml", |_, args| must(toml::encode(arg(args)))),
    one("fromToml", |_, args| Ok(map_or_error(toml::decode(&bytes(args).text())))),
];

const fn one(name: &'static str, call: fn(&dyn Env, &[Value]) -> Result<Value, FuncError>) -> Function {
    Function { name, arity: (1, Some(1)), call }
}

/// `toYaml`: without the last newline; nothing for what YAML cannot hold.
pub(super) fn to_yaml_text(value: &Value) -> Value {
    lenient(yaml::to_yaml(value).map(trim))
}

fn arg(args: &[Value]) -> &Value {
    args.first().unwrap_or(&Value::Nil)
}

fn bytes(args: &[Value]) -> Str {
    args.first().and_then(Value::as_str).cloned().unwrap_or_default()
}

fn trim(mut text: String) -> String {
    if text.ends_with('\n') {
        text.pop();
    }
    text
}

fn lenient<E>(text: Result<String, E>) -> Value {
    Value::from(text.unwrap_or_default())
}

fn must<E: ToString>(text: Result<String, E>) -> Result<Value, FuncError> {
    text.map(Value::from).map_err(|error| FuncError::msg(error.to_string()))
}

fn map_or_error<E: ToString>(map: Result<Map, E>) -> Value {
    Value::Map(map.unwrap_or_else(|error| Map::from_iter([("Error", Value::from(error.to_string()))])))
}
