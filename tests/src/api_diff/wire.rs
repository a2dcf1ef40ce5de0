//! Raw requests to both servers at once.

use anyhow::{Context, Result};
use http::{HeaderMap, Method};
use http_body_util::BodyExt;
use kube::Client;
use kube::client::Body;
use serde_json::Value;

use super::normalize;

/// One request, the same for both servers.
#[derive(Clone, Debug)]
pub struct Wire {
    /// Method.
    pub method: Method,
    /// Path with query.
    pub path: String,
    /// `Content-Type` of the body.
    pub content_type: &'static str,
    /// `Accept`.
    pub accept: &'static str,
    /// User to act as, by impersonation.
    pub user: Option<String>,
    /// Body; none when null.
    pub body: Value,
}

impl Wire {
    /// A request without body.
    #[must_use]
    pub fn new(method: Method, path: impl Into<String>) -> Self {
        Self {
            method,
            path: path.into(),
            content_type: "application/json",
            accept: "application/json",
            user: None,
            body: Value::Null,
        }
    }

    /// With a JSON body.
    #[must_use]
    pub fn body(mut self, body: Value) -> Self {
        self.body = body;
        self
    }

    /// With another content type.
    #[must_use]
    pub fn content_type(mut self, kind: &'static str) -> Self {
        self.content_type = kind;
        self
    }

    async fn send(&self, client: &Client) -> Result<Reply> {
        let mut builder = http::Request::builder()
            .method(self.method.clone())
            .uri(&self.path)
            .header(http::header::ACCEPT, self.accept)
            .header(http::header::USER_AGENT, "api-diff/1.0");
        let mut bytes = Vec::new();
        if !self.body.is_null() {
            builder = builder.header(http::header::CONTENT_TYPE, self.content_type);
            bytes = serde_json::to_vec(&self.body)?;
        }
        if let Some(user) = &self.user {
            builder = builder.header("Impersonate-User", user);
        }
        let response = client.send(builder.body(Body::from(bytes))?).await.with_context(|| self.path.clone())?;
        let (code, headers) = (response.status().as_u16(), response.headers().clone());
        let bytes = response.into_body().collect().await?.to_bytes();
        Ok(Reply { code, body: parse(&bytes), warnings: warnings(&headers) })
    }
}

/// JSON; JSON lines (of a watch) as a list; other text as a string.
fn parse(bytes: &[u8]) -> Value {
    if let Ok(value) = serde_json::from_slice(bytes) {
        return value;
    }
    let lines = serde_json::Deserializer::from_slice(bytes).into_iter::<Value>();
    match lines.collect::<Result<Vec<_>, _>>() {
        Ok(lines) => Value::Array(lines),
        Err(_) => Value::from(String::from_utf8_lossy(bytes).into_owned()),
    }
}

fn warnings(headers: &HeaderMap) -> Vec<String> {
    headers.get_all(http::header::WARNING).iter().filter_map(|v| v.to_str().ok().map(str::to_owned)).collect()
}

/// An answer.
#[derive(Clone, Debug, Default)]
pub struct Reply {
    /// HTTP status.
    pub code: u16,
    /// Body.
    pub body: Value,
    /// `Warning` headers.
    pub warnings: Vec<String>,
}

impl Reply {
    /// True for 2xx.
    #[must_use]
    pub fn ok(&self) -> bool {
        (200..300).contains(&self.code)
    }

    /// `reason` of a Status.
    #[must_use]
    pub fn reason(&self) -> &str {
        self.body.get("reason").and_then(Value::as_str).unwrap_or_default()
    }

    /// `message` of a Status.
    #[must_use]
    pub fn message(&self) -> &str {
        self.body.get("message").and_then(Value::as_str).unwrap_or_default()
    }
}

/// Both servers.
#[derive(Clone)]
pub struct Pair {
    /// The embedded API.
    pub embedded: Client,
    /// kube-apiserver.
    pub real: Client,
}

impl std::fmt::Debug for Pair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pair")
    }
}

impl Pair {
    /// Sends one request to both.
    ///
    /// # Errors
    /// When one cannot be reached.
    pub async fn both(&self, wire: &Wire) -> Result<(Reply, Reply)> {
        self.each(wire, wire).await
    }

    /// Sends a request to each: bodies differ when they hold what only that server knows, such as versions.
    ///
    /// # Errors
    /// When one cannot be reached.
    pub async fn each(&self, embedded: &Wire, real: &Wire) -> Result<(Reply, Reply)> {
        let (a, b) = tokio::join!(embedded.send(&self.embedded), real.send(&self.real));
        Ok((a?, b?))
    }

    /// The answers without what differs between any two servers.
    #[must_use]
    pub fn comparable(embedded: &Reply, real: &Reply) -> (Value, Value) {
        (normalize::answer(embedded), normalize::answer(real))
    }
}
