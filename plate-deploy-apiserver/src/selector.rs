//! Label and field selectors.

use serde_json::Value;

use crate::object::{at, map};

/// A selector that cannot be parsed; the text goes into a 400.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SelectorError(String);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Operator {
    In(Vec<String>),
    NotIn(Vec<String>),
    Exists,
    Absent,
    Greater(i64),
    Less(i64),
}

/// A label selector: all requirements must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LabelSelector {
    requirements: Vec<(String, Operator)>,
}

fn error(text: impl Into<String>) -> SelectorError {
    SelectorError(text.into())
}

/// Splits at commas that are not inside parentheses.
fn split_requirements(text: &str) -> Vec<&str> {
    let (mut depth, mut start, mut out) = (0i32, 0, Vec::new());
    for (i, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth <= 0 => {
                out.push(&text[start..i]);
                start = i + 1;
            }
            _ => {}
        }
    }
    out.push(&text[start..]);
    out
}

impl LabelSelector {
    /// Parses the text of a `labelSelector` parameter.
    ///
    /// # Errors
    /// When it is malformed.
    pub fn parse(text: &str) -> Result<Self, SelectorError> {
        if text.trim().is_empty() {
            return Ok(LabelSelector::default());
        }
        let requirements =
            split_requirements(text).into_iter().map(|r| requirement(r.trim())).collect::<Result<_, _>>()?;
        Ok(LabelSelector { requirements })
    }

    /// Reads a `metav1.LabelSelector` (`matchLabels`, `matchExpressions`); an empty one selects everything.
    #[must_use]
    pub fn from_object(selector: &Value) -> Self {
        let mut requirements = Vec::new();
        for (k, v) in map(selector, &["matchLabels"]).into_iter().flatten() {
            requirements.push((k.clone(), Operator::In(vec![v.as_str().unwrap_or_default().to_owned()])));
        }
        for e in crate::object::list(selector, &["matchExpressions"]) {
            let key = crate::object::text(e, &["key"]).to_owned();
            let values =
                crate::object::list(e, &["values"]).iter().filter_map(Value::as_str).map(str::to_owned).collect();
            let operator = match crate::object::text(e, &["operator"]) {
                "In" => Operator::In(values),
                "NotIn" => Operator::NotIn(values),
                "Exists" => Operator::Exists,
                _ => Operator::Absent,
            };
            requirements.push((key, operator));
        }
        LabelSelector { requirements }
    }

    /// True without requirements.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.requirements.is_empty()
    }

    /// True when the object's labels fulfil every requirement.
    #[must_use]
    pub fn matches(&self, object: &Value) -> bool {
        self.requirements.iter().all(|(key, operator)| {
            let label = at(object, &["metadata", "labels", key]).and_then(Value::as_str);
            let number = label.and_then(|l| l.parse::<i64>().ok());
            match operator {
                Operator::In(values) => label.is_some_and(|l| values.iter().any(|v| v == l)),
                Operator::NotIn(values) => label.is_none_or(|l| values.iter().all(|v| v != l)),
                Operator::Exists => label.is_some(),
                Operator::Absent => label.is_none(),
                Operator::Greater(n) => number.is_some_and(|l| l > *n),
                Operator::Less(n) => number.is_some_and(|l| l < *n),
            }
        })
    }
}

fn requirement(text: &str) -> Result<(String, Operator), SelectorError> {
    let (key, operator) = parse_requirement(text)?;
    let messages = crate::names::qualified_name(&key);
    if let Some(message) = messages.first() {
        return Err(error(format!("unable to parse requirement: <nil>: Invalid value: {key:?}: {message}")));
    }
    let values = match &operator {
        Operator::In(v) | Operator::NotIn(v) => v.as_slice(),
        _ => &[],
    };
    for v in values {
        if let Some(message) = crate::names::label_value(v).first() {
            return Err(error(format!(
                "unable to parse requirement: values[0][{key}]: Invalid value: {v:?}: {message}"
            )));
        }
    }
    Ok((key, operator))
}

fn parse_requirement(text: &str) -> Result<(String, Operator), SelectorError> {
    let unparsable = || error(format!("unable to parse requirement: found '{text}', expected: identifier"));
    if text.starts_with('=') {
        return Err(error("found '=', expected: !, identifier, or 'end of string'"));
    }
    if let Some(key) = text.strip_prefix('!') {
        return Ok((key.trim().to_owned(), Operator::Absent));
    }
    for (sign, make) in [
        ("!=", (|v| Operator::NotIn(vec![v])) as fn(String) -> Operator),
        ("==", |v| Operator::In(vec![v])),
        ("=", |v| Operator::In(vec![v])),
    ] {
        if let Some((key, value)) = text.split_once(sign) {
            return Ok((key.trim().to_owned(), make(value.trim().to_owned())));
        }
    }
    for (sign, make) in [(">", Operator::Greater as fn(i64) -> Operator), ("<", Operator::Less)] {
        if let Some((key, value)) = text.split_once(sign) {
            let n =
                value.trim().parse().map_err(|_| error("for 'Gt', 'Lt' operators, the value must be an integer"))?;
            return Ok((key.trim().to_owned(), make(n)));
        }
    }
    if let Some((head, values)) = text.split_once('(') {
        let values = values.strip_suffix(')').ok_or_else(unparsable)?;
        let values = values.split(',').map(|v| v.trim().to_owned()).collect();
        let words: Vec<&str> = head.split_whitespace().collect();
        return match words.as_slice() {
            [key, "in"] => Ok(((*key).to_owned(), Operator::In(values))),
            [key, "notin"] => Ok(((*key).to_owned(), Operator::NotIn(values))),
            _ => Err(unparsable()),
        };
    }
    if text.is_empty() || text.contains(char::is_whitespace) {
        return Err(unparsable());
    }
    Ok((text.to_owned(), Operator::Exists))
}

/// A field selector: all terms must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FieldSelector {
    terms: Vec<(String, bool, String)>,
}

impl FieldSelector {
    /// Parses `a=b,c!=d`; `supported` are the fields of the kind besides name and namespace.
    ///
    /// # Errors
    /// When it is malformed or names another field.
    pub fn parse(text: &str, supported: &[&str]) -> Result<Self, SelectorError> {
        let mut terms = Vec::new();
        for term in text.split(',').filter(|t| !t.is_empty()) {
            let (key, equal, value) = if let Some((k, v)) = term.split_once("!=") {
                (k, false, v)
            } else if let Some((k, v)) = term.split_once("==").or_else(|| term.split_once('=')) {
                (k, true, v)
            } else {
                return Err(error(format!("invalid selector: '{text}'; can't understand '{term}'")));
            };
            if !matches!(key, "metadata.name" | "metadata.namespace") && !supported.contains(&key) {
                return Err(error(if supported.is_empty() {
                    format!("{key:?} is not a known field selector: only \"metadata.name\", \"metadata.namespace\"")
                } else {
                    format!("field label not supported: {key}")
                }));
            }
            terms.push((key.to_owned(), equal, value.to_owned()));
        }
        Ok(FieldSelector { terms })
    }

    /// The value that a field must have, when the selector fixes it.
    #[must_use]
    pub fn exact(&self, field: &str) -> Option<&str> {
        self.terms.iter().find(|(k, equal, _)| k == field && *equal).map(|(_, _, v)| v.as_str())
    }

    /// True without terms.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// True when the object fulfils every term; absent fields are `""` (booleans `false`, numbers `0`).
    #[must_use]
    pub fn matches(&self, object: &Value) -> bool {
        self.terms.iter().all(|(key, equal, want)| {
            let path: Vec<&str> = key.split('.').collect();
            let have = match at(object, &path) {
                Some(Value::String(s)) => s.clone(),
                Some(Value::Null) | None => match key.as_str() {
                    "spec.unschedulable" | "spec.hostNetwork" => "false".to_owned(),
                    "status.replicas" | "status.successful" => "0".to_owned(),
                    _ => String::new(),
                },
                Some(v) => v.to_string(),
            };
            (have == *want) == *equal
        })
    }
}

/// The fields that selectors of a built-in resource may name besides name and namespace.
#[must_use]
pub fn selectable_fields(resource: &str) -> &'static [&'static str] {
    match resource {
        "pods" => &[
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "spec.hostNetwork",
            "status.phase",
            "status.podIP",
            "status.podIPs",
            "status.nominatedNodeName",
        ],
        "events" => &[
            "involvedObject.kind",
            "involvedObject.namespace",
            "involvedObject.name",
            "involvedObject.uid",
            "involvedObject.apiVersion",
            "involvedObject.resourceVersion",
            "involvedObject.fieldPath",
            "reason",
            "reportingComponent",
            "source",
            "type",
            "regarding.kind",
            "regarding.namespace",
            "regarding.name",
            "regarding.uid",
            "regarding.apiVersion",
            "regarding.resourceVersion",
            "regarding.fieldPath",
            "reportingController",
        ],
        "secrets" => &["type"],
        "namespaces" => &["status.phase", "name"],
        "nodes" => &["spec.unschedulable"],
        "services" => &["spec.clusterIP", "spec.type"],
        "replicationcontrollers" | "replicasets.apps" => &["status.replicas"],
        "jobs.batch" => &["status.successful"],
        "certificatesigningrequests.certificates.k8s.io" => &["spec.signerName"],
        "resourceslices.resource.k8s.io" => &["spec.nodeName", "spec.driver"],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn labels() {
        let obj = json!({"metadata": {"labels": {"a": "1", "tier": "web", "n": "5"}}});
        for (text, want) in [
            ("", true),
            ("a=1", true),
            ("a==2", false),
            ("a!=2", true),
            ("missing!=x", true),
            ("a", true),
            ("!a", false),
            ("!b", true),
            ("tier in (web, db)", true),
            ("tier notin (web)", false),
            ("b notin (x)", true),
            ("a=1,tier in (x,y)", false),
            ("n>4", true),
            ("n<5", false),
        ] {
            assert_eq!(LabelSelector::parse(text).unwrap().matches(&obj), want, "{text}");
        }
        for bad in ["a in 1", "a b", "=", "a in (x", ",", "a=b c"] {
            assert!(LabelSelector::parse(bad).is_err(), "{bad}");
        }
        let typed = json!({"matchLabels": {"a": "1"}, "matchExpressions": [{"key": "tier", "operator": "NotIn", "values": ["db"]}]});
        assert!(LabelSelector::from_object(&typed).matches(&obj));
    }

    #[test]
    fn fields() {
        let obj = json!({"metadata": {"name": "x"}, "status": {"phase": "Running"}});
        let parse = |t| FieldSelector::parse(t, selectable_fields("pods"));
        assert!(parse("metadata.name=x,status.phase!=Failed").unwrap().matches(&obj));
        assert!(parse("spec.nodeName=").unwrap().matches(&obj));
        assert!(parse("spec.bogus=1").is_err());
        assert!(parse("nonsense").is_err());
    }
}
