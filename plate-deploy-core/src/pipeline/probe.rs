//! HTTP from here: probes of what was deployed, and messages to webhooks.

use std::time::Duration;

use tokio::time::Instant;

use crate::git::redact_url;

/// Longest single request.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Wait between two tries.
const PAUSE: Duration = Duration::from_millis(500);

/// A client that follows no redirects: what it is told to ask is what it asks.
pub(super) fn client() -> Result<reqwest::Client, String> {
    // Only the first installation of a provider counts; a host program may have chosen its own.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = reqwest::Client::builder().timeout(TIMEOUT).redirect(reqwest::redirect::Policy::none());
    builder.build().map_err(|error| describe(&error))
}

/// An error without the address, which may hold credentials.
pub(super) fn describe(error: &reqwest::Error) -> String {
    let mut text = if error.is_timeout() {
        "no answer in time".to_owned()
    } else if error.is_connect() {
        "cannot connect".to_owned()
    } else {
        "the request failed".to_owned()
    };
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !cause_text.contains("://") && !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}

/// The address for messages: without credentials and without its query, which may hold a token.
pub(super) fn shown(url: &str) -> String {
    let url = redact_url(url);
    url.split(['?', '#']).next().unwrap_or_default().to_owned()
}

/// Asks until the answer is 2xx or 3xx.
pub(super) async fn until_good(url: &str, wait: Duration) -> Result<(), String> {
    let client = client()?;
    let deadline = Instant::now() + wait;
    loop {
        let problem = match client.get(url).send().await {
            Ok(answer) if answer.status().is_success() || answer.status().is_redirection() => return Ok(()),
            Ok(answer) => format!("answers {}", answer.status()),
            Err(error) => describe(&error),
        };
        if Instant::now() >= deadline {
            return Err(format!("{}: {problem}", shown(url)));
        }
        tokio::time::sleep(PAUSE).await;
    }
}
