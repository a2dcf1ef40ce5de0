//! Errors as Kubernetes `Status` objects: code, reason, message and details in the words of a kube-apiserver.

use serde_json::{Value, json};

/// A refused request.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct ApiError {
    /// HTTP status code.
    pub code: u16,
    /// Machine-readable reason, such as `NotFound`; empty when unknown.
    pub reason: &'static str,
    /// Text for people.
    pub message: String,
    /// `details` of the Status object.
    pub details: Option<Value>,
}

/// The result of an API operation.
pub type ApiResult<T> = Result<T, ApiError>;

/// A group and a resource (or kind), as messages and details name them.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// API group; empty for the core group.
    pub group: &'a str,
    /// Plural resource name, or kind in validation errors.
    pub resource: &'a str,
}

impl std::fmt::Display for Target<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.group.is_empty() { f.write_str(self.resource) } else { write!(f, "{}.{}", self.resource, self.group) }
    }
}

impl Target<'_> {
    fn details(&self, name: &str) -> Value {
        let mut d = serde_json::Map::new();
        for (key, value) in [("name", name), ("group", self.group), ("kind", self.resource)] {
            if !value.is_empty() {
                d.insert(key.to_owned(), value.into());
            }
        }
        Value::Object(d)
    }
}

impl ApiError {
    fn new(code: u16, reason: &'static str, message: impl Into<String>, details: Option<Value>) -> Self {
        ApiError { code, reason, message: message.into(), details }
    }

    /// 404 for an object.
    #[must_use]
    pub fn not_found(t: Target<'_>, name: &str) -> Self {
        Self::new(404, "NotFound", format!("{t} {name:?} not found"), Some(t.details(name)))
    }

    /// 404 for a path that is not served.
    #[must_use]
    pub fn no_such_path() -> Self {
        Self::new(404, "NotFound", "the server could not find the requested resource", Some(json!({})))
    }

    /// 409: the name is taken.
    #[must_use]
    pub fn already_exists(t: Target<'_>, name: &str) -> Self {
        Self::new(409, "AlreadyExists", format!("{t} {name:?} already exists"), Some(t.details(name)))
    }

    /// 409 with the reason of the conflict.
    #[must_use]
    pub fn conflict(t: Target<'_>, name: &str, why: &str) -> Self {
        let message = format!("Operation cannot be fulfilled on {t} {name:?}: {why}");
        Self::new(409, "Conflict", message, Some(t.details(name)))
    }

    /// 409: the object was changed since it was read.
    #[must_use]
    pub fn stale(t: Target<'_>, name: &str) -> Self {
        Self::conflict(
            t,
            name,
            "the object has been modified; please apply your changes to the latest version and try again",
        )
    }

    /// 409 of server-side apply; `causes` are `{reason, message, field}` objects.
    #[must_use]
    pub fn apply_conflict(message: String, causes: Vec<Value>) -> Self {
        Self::new(409, "Conflict", message, Some(json!({ "causes": causes })))
    }

    /// 400.
    #[must_use]
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message, None)
    }

    /// 403.
    #[must_use]
    pub fn forbidden(t: Target<'_>, name: &str, why: &str) -> Self {
        let message = if name.is_empty() {
            format!("{t} is forbidden: {why}")
        } else {
            format!("{t} {name:?} is forbidden: {why}")
        };
        Self::new(403, "Forbidden", message, Some(t.details(name)))
    }

    /// 401.
    #[must_use]
    pub fn unauthorized() -> Self {
        Self::new(401, "Unauthorized", "Unauthorized", None)
    }

    /// 405.
    #[must_use]
    pub fn method_not_allowed() -> Self {
        let message = "the server does not allow this method on the requested resource";
        Self::new(405, "MethodNotAllowed", message, Some(json!({})))
    }

    /// 405 for an action of a resource.
    #[must_use]
    pub fn not_supported(t: Target<'_>, action: &str) -> Self {
        let message = format!("{action} is not supported on resources of kind \"{t}\"");
        Self::new(405, "MethodNotAllowed", message, Some(t.details("")))
    }

    /// 406.
    #[must_use]
    pub fn not_acceptable(accepted: &str) -> Self {
        let message = format!("only the following media types are accepted: {accepted}");
        Self::new(406, "NotAcceptable", message, None)
    }

    /// 410: the version is older than the watch history.
    #[must_use]
    pub fn expired(message: impl Into<String>) -> Self {
        Self::new(410, "Expired", message, None)
    }

    /// 413.
    #[must_use]
    pub fn too_large(limit: usize) -> Self {
        let message = format!("Request entity too large: limit is {limit}");
        Self::new(413, "RequestEntityTooLarge", message, None)
    }

    /// 415 with the accepted media types.
    #[must_use]
    pub fn unsupported_media_type(accepted: &str) -> Self {
        let message =
            format!("the body of the request was in an unknown format - accepted media types include: {accepted}");
        Self::new(415, "UnsupportedMediaType", message, None)
    }

    /// 422 without field causes (a JSON patch that does not apply).
    #[must_use]
    pub fn unprocessable(message: &str) -> Self {
        let text = "the server rejected our request due to an error in our request";
        let details = json!({"causes": [{"reason": "UnexpectedServerResponse", "message": message}]});
        Self::new(422, "Invalid", text, Some(details))
    }

    /// 422 with a list of field errors; `t.resource` is the kind.
    #[must_use]
    pub fn invalid(t: Target<'_>, name: &str, errors: &[FieldError]) -> Self {
        let causes: Vec<Value> =
            errors.iter().map(|e| json!({"reason": e.kind.cause(), "message": e.body(), "field": e.field})).collect();
        let mut details = t.details(name);
        if let Value::Object(d) = &mut details {
            d.insert("causes".to_owned(), Value::Array(causes));
        }
        let subject =
            if t.resource.is_empty() { " ".to_owned() + &format!("{name:?}") } else { format!("{t} {name:?}") };
        Self::new(422, "Invalid", format!("{subject} is invalid: {}", aggregate(errors)), Some(details))
    }

    /// 500 with the text of an error that has no better form.
    #[must_use]
    pub fn plain(message: impl Into<String>) -> Self {
        Self::new(500, "", message, None)
    }

    /// The server cannot answer now.
    #[must_use]
    pub fn unavailable(message: &str) -> Self {
        ApiError::new(503, "ServiceUnavailable", message, None)
    }

    /// 500.
    #[must_use]
    pub fn internal(message: &str) -> Self {
        let details = json!({"causes": [{"message": message}]});
        Self::new(500, "InternalError", format!("Internal error occurred: {message}"), Some(details))
    }

    /// The Status object.
    #[must_use]
    pub fn to_status(&self) -> Value {
        let mut v = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": self.message, "code": self.code,
        });
        if !self.reason.is_empty() {
            v["reason"] = self.reason.into();
        }
        if let Some(d) = &self.details {
            v["details"] = d.clone();
        }
        v
    }
}

/// The sorts of field errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldErrorKind {
    /// A value is missing.
    Required,
    /// A value is malformed.
    Invalid,
    /// A value occurs twice.
    Duplicate,
    /// A value is not one of a set.
    NotSupported,
    /// A value is not allowed here.
    Forbidden,
    /// A text is too long.
    TooLong,
    /// A list has too many items.
    TooMany,
    /// A value has the wrong JSON type.
    TypeInvalid,
    /// A reference points to nothing.
    NotFound,
}

impl FieldErrorKind {
    fn cause(self) -> &'static str {
        match self {
            FieldErrorKind::Required => "FieldValueRequired",
            FieldErrorKind::Invalid => "FieldValueInvalid",
            FieldErrorKind::Duplicate => "FieldValueDuplicate",
            FieldErrorKind::NotSupported => "FieldValueNotSupported",
            FieldErrorKind::Forbidden => "FieldValueForbidden",
            FieldErrorKind::TooLong => "FieldValueTooLong",
            FieldErrorKind::TooMany => "FieldValueTooMany",
            FieldErrorKind::TypeInvalid => "FieldValueTypeInvalid",
            FieldErrorKind::NotFound => "FieldValueNotFound",
        }
    }

    fn words(self) -> &'static str {
        match self {
            FieldErrorKind::Required => "Required value",
            FieldErrorKind::Invalid | FieldErrorKind::TypeInvalid => "Invalid value",
            FieldErrorKind::Duplicate => "Duplicate value",
            FieldErrorKind::NotSupported => "Unsupported value",
            FieldErrorKind::Forbidden => "Forbidden",
            FieldErrorKind::TooLong => "Too long",
            FieldErrorKind::TooMany => "Too many",
            FieldErrorKind::NotFound => "Not found",
        }
    }
}

/// One invalid field.
#[derive(Debug, Clone, PartialEq)]
pub struct FieldError {
    /// What is wrong.
    pub kind: FieldErrorKind,
    /// Path of the field, such as `spec.ports[0].port`.
    pub field: String,
    /// The value, when the message shows one.
    pub value: Option<Value>,
    /// More words; may be empty.
    pub detail: String,
}

impl FieldError {
    /// `Required value: detail`.
    #[must_use]
    pub fn required(field: impl Into<String>, detail: impl Into<String>) -> Self {
        FieldError { kind: FieldErrorKind::Required, field: field.into(), value: None, detail: detail.into() }
    }

    /// `Invalid value: value: detail`.
    #[must_use]
    pub fn invalid(field: impl Into<String>, value: impl Into<Value>, detail: impl Into<String>) -> Self {
        let value = Some(value.into());
        FieldError { kind: FieldErrorKind::Invalid, field: field.into(), value, detail: detail.into() }
    }

    /// `Invalid value: type: detail` for a wrong JSON type.
    #[must_use]
    pub fn type_invalid(field: impl Into<String>, value: impl Into<Value>, detail: impl Into<String>) -> Self {
        FieldError { kind: FieldErrorKind::TypeInvalid, ..FieldError::invalid(field, value, detail) }
    }

    /// `Duplicate value: value`.
    #[must_use]
    pub fn duplicate(field: impl Into<String>, value: impl Into<Value>) -> Self {
        FieldError { kind: FieldErrorKind::Duplicate, ..FieldError::invalid(field, value, "") }
    }

    /// `Unsupported value: value: supported values: …`.
    #[must_use]
    pub fn not_supported(field: impl Into<String>, value: impl Into<Value>, supported: &[&str]) -> Self {
        let supported: Vec<String> = supported.iter().map(|s| format!("{s:?}")).collect();
        let detail = format!("supported values: {}", supported.join(", "));
        FieldError { kind: FieldErrorKind::NotSupported, ..FieldError::invalid(field, value, detail) }
    }

    /// `Forbidden: detail`.
    #[must_use]
    pub fn forbidden(field: impl Into<String>, detail: impl Into<String>) -> Self {
        FieldError { kind: FieldErrorKind::Forbidden, ..FieldError::required(field, detail) }
    }

    /// `Too long: may not be more than max bytes`.
    #[must_use]
    pub fn too_long(field: impl Into<String>, max: usize) -> Self {
        let detail = format!("may not be more than {max} bytes");
        FieldError { kind: FieldErrorKind::TooLong, ..FieldError::required(field, detail) }
    }

    /// `Too many: n: must have at most max items`.
    #[must_use]
    pub fn too_many(field: impl Into<String>, actual: usize, max: usize) -> Self {
        let detail = format!("must have at most {max} items");
        FieldError { kind: FieldErrorKind::TooMany, ..FieldError::invalid(field, actual, detail) }
    }

    /// `Not found: value`.
    #[must_use]
    pub fn not_found(field: impl Into<String>, value: impl Into<Value>) -> Self {
        FieldError { kind: FieldErrorKind::NotFound, ..FieldError::invalid(field, value, "") }
    }

    /// The message without the field.
    #[must_use]
    pub fn body(&self) -> String {
        let mut s = self.kind.words().to_owned();
        if let Some(v) = &self.value {
            s.push_str(": ");
            s.push_str(&v.to_string());
        }
        if !self.detail.is_empty() {
            s.push_str(": ");
            s.push_str(&self.detail);
        }
        s
    }
}

impl std::fmt::Display for FieldError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.field, self.body())
    }
}

/// `ErrorList.ToAggregate`: equal messages once, several in brackets.
fn aggregate(errors: &[FieldError]) -> String {
    let mut texts: Vec<String> = Vec::new();
    for e in errors {
        let t = e.to_string();
        if !texts.contains(&t) {
            texts.push(t);
        }
    }
    match texts.as_slice() {
        [one] => one.clone(),
        _ => format!("[{}]", texts.join(", ")),
    }
}
