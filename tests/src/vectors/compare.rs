//! Comparison of JSON answers that says where they differ.

use serde_json::Value;

/// `Ok` when both are the same JSON (1 equals 1.0), else the first difference, with `what` in front.
///
/// # Errors
/// The difference, for people.
pub fn same(what: &str, actual: &Value, expected: &Value) -> Result<(), String> {
    match difference(actual, expected) {
        None => Ok(()),
        Some(text) => Err(format!("{what}{text}")),
    }
}

/// The first difference as `path: got …, want …`; `None` when there is none.
#[must_use]
pub fn difference(actual: &Value, expected: &Value) -> Option<String> {
    match (actual, expected) {
        (Value::Object(a), Value::Object(e)) => {
            for (key, want) in e {
                let Some(got) = a.get(key) else { return Some(format!(".{key}: missing, want {}", short(want))) };
                if let Some(text) = difference(got, want) {
                    return Some(format!(".{key}{text}"));
                }
            }
            let extra = a.iter().find(|(key, _)| !e.contains_key(*key))?;
            Some(format!(".{}: got {}, want nothing", extra.0, short(extra.1)))
        }
        (Value::Array(a), Value::Array(e)) => {
            let inner = a.iter().zip(e).enumerate().find_map(|(i, (got, want))| Some((i, difference(got, want)?)));
            if let Some((index, text)) = inner {
                return Some(format!("[{index}]{text}"));
            }
            let longer = a.len().max(e.len()) > a.len().min(e.len());
            longer.then(|| format!(": got {} items {}, want {} {}", a.len(), short(actual), e.len(), short(expected)))
        }
        (Value::Number(a), Value::Number(e)) if a == e || a.as_f64() == e.as_f64() => None,
        _ if actual == expected => None,
        _ => Some(format!(": got {}, want {}", short(actual), short(expected))),
    }
}

fn short(value: &Value) -> String {
    const MOST: usize = 400;
    let text = value.to_string();
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::difference;

    #[test]
    fn names_the_place() {
        let cases = [
            (json!({"a": [1, 2]}), json!({"a": [1, 2.0]}), None),
            (json!({"a": [1, 2]}), json!({"a": [1, 3]}), Some(".a[1]: got 2, want 3")),
            (json!({"a": 1, "b": 2}), json!({"a": 1}), Some(".b: got 2, want nothing")),
            (json!({}), json!({"a": null}), Some(".a: missing, want null")),
            (json!([1]), json!([]), Some(": got 1 items [1], want 0 []")),
        ];
        for (actual, expected, want) in cases {
            assert_eq!(difference(&actual, &expected).as_deref(), want);
        }
    }
}
