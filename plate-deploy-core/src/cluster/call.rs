//! One HTTP request to an API server, as data: it can be sent again, and says what it was about when it fails.

use serde_json::Value;

use super::{ClusterError, ObjectRef, Result, WriteOptions};

/// One HTTP request, as data, so that it can be sent again.
pub(super) struct Call<'a> {
    pub(super) action: &'static str,
    pub(super) object: String,
    pub(super) method: http::Method,
    pub(super) path: String,
    pub(super) query: Vec<(&'static str, String)>,
    pub(super) content_type: &'static str,
    pub(super) accept: Option<&'static str>,
    pub(super) body: Option<&'a Value>,
    /// The object is a Secret: nothing the server says about it is repeated.
    pub(super) secret: bool,
}

impl<'a> Call<'a> {
    pub(super) fn get(action: &'static str, object: &str, path: String) -> Self {
        Self {
            action,
            object: object.into(),
            method: http::Method::GET,
            path,
            query: Vec::new(),
            content_type: "application/json",
            accept: None,
            body: None,
            secret: false,
        }
    }

    pub(super) fn write(
        action: &'static str,
        at: &ObjectRef,
        method: http::Method,
        path: String,
        options: &WriteOptions,
        body: &'a Value,
    ) -> Self {
        let mut query = vec![("fieldManager", options.field_manager.clone())];
        if options.dry_run {
            query.push(("dryRun", "All".into()));
        }
        query.push(("fieldValidation", if options.strict { "Strict" } else { "Ignore" }.into()));
        Self {
            action,
            object: at.key().to_string(),
            method,
            path,
            query,
            content_type: "application/json",
            accept: None,
            body: Some(body),
            secret: at.kind.kind == "Secret" && at.kind.group.is_empty(),
        }
    }

    /// Whether sending it twice has the effect of sending it once. A create whose answer was lost would fail with
    /// "already exists", and a JSON patch could apply twice.
    pub(super) fn repeatable(&self) -> bool {
        self.method != http::Method::POST && self.content_type != "application/json-patch+json"
    }

    pub(super) fn request(&self) -> Result<http::Request<Vec<u8>>> {
        let mut uri = self.path.clone();
        for (i, (name, value)) in self.query.iter().enumerate() {
            uri.push(if i == 0 { '?' } else { '&' });
            uri.push_str(name);
            uri.push('=');
            uri.extend(value.bytes().map(encode));
        }
        let mut builder = http::Request::builder().method(self.method.clone()).uri(uri);
        if let Some(accept) = self.accept {
            builder = builder.header(http::header::ACCEPT, accept);
        }
        let body = match self.body {
            Some(body) => {
                builder = builder.header(http::header::CONTENT_TYPE, self.content_type);
                body.to_string().into_bytes()
            }
            None => Vec::new(),
        };
        builder.body(body).map_err(|e| ClusterError::Api {
            action: self.action,
            object: self.object.clone(),
            code: 0,
            reason: "BadName".into(),
            message: format!("the name cannot stand in a URL ({e})"),
        })
    }
}

/// Percent-encodes one byte of a query value.
fn encode(byte: u8) -> String {
    if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
        char::from(byte).to_string()
    } else {
        format!("%{byte:02X}")
    }
}
