//! Tells others how a run goes: [`Notifier`], and [`Webhook`], which posts JSON.

use std::fmt::{self, Debug};
use std::time::Duration;

use async_trait::async_trait;
use serde::Serialize;

use super::probe::{client, describe, shown};
use super::{Run, StageError};
use crate::report::{Diagnostic, Severity};

/// How often a message is sent in all.
const TRIES: u32 = 4;
/// First wait between two tries; it doubles.
const FIRST_WAIT: Duration = Duration::from_millis(250);

/// When in a run others are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum Moment {
    /// It begins: preflight was passed.
    Started,
    /// Its plan was approved.
    Approved,
    /// It ended well.
    Succeeded,
    /// It ended otherwise.
    Failed,
}

/// What others are told. Names, numbers and sentences of ours only: no manifest, no value, no log line.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Notification {
    /// Version of this format.
    pub version: u32,
    /// When in the run.
    pub moment: Moment,
    /// The run's id.
    pub run: String,
    /// `deploy`, `rollback` …
    pub verb: String,
    /// The environment.
    pub environment: String,
    /// The cluster's context.
    pub cluster: String,
    /// The commit.
    pub revision: String,
    /// Who runs it.
    pub who: String,
    /// The plan's digest, once there is a plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// How it ended, once it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
    /// One line for people; also the message's text in Slack, Mattermost and Teams.
    pub text: String,
}

/// Takes notifications.
#[async_trait]
pub trait Notifier: Debug + Send + Sync {
    /// Delivers one.
    ///
    /// # Errors
    /// Why it could not be delivered; the run goes on, and its report says so.
    async fn notify(&self, notification: &Notification) -> Result<(), String>;
}

/// Posts notifications as JSON to a URL, again when there is no good answer. `Debug` and errors do not show the URL's
/// credentials or query.
#[derive(Clone)]
pub struct Webhook {
    url: String,
}

impl Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Webhook({})", self.host())
    }
}

impl Webhook {
    /// To this `http://` or `https://` URL.
    ///
    /// # Errors
    /// A sentence for anything else.
    pub fn new(url: impl Into<String>) -> Result<Self, String> {
        let url = url.into();
        if url.starts_with("https://") || url.starts_with("http://") {
            return Ok(Self { url });
        }
        Err("a webhook is an http:// or https:// URL".into())
    }

    /// Scheme and host: paths of chat services are secrets, too.
    fn host(&self) -> String {
        shown(&self.url).splitn(4, '/').take(3).collect::<Vec<_>>().join("/")
    }
}

#[async_trait]
impl Notifier for Webhook {
    async fn notify(&self, notification: &Notification) -> Result<(), String> {
        let client = client()?;
        let body = serde_json::to_vec(notification).map_err(|e| e.to_string())?;
        let mut wait = FIRST_WAIT;
        let mut problem = String::new();
        for attempt in 0..TRIES {
            if attempt > 0 {
                tokio::time::sleep(wait).await;
                wait *= 2;
            }
            let request = client.post(&self.url).header("content-type", "application/json").body(body.clone());
            problem = match request.send().await {
                Ok(answer) if answer.status().is_success() => return Ok(()),
                // The receiver will not like it the next time either.
                Ok(answer) if answer.status().is_client_error() && answer.status().as_u16() != 429 => {
                    return Err(format!("{}: answers {}", self.host(), answer.status()));
                }
                Ok(answer) => format!("answers {}", answer.status()),
                Err(error) => describe(&error),
            };
        }
        Err(format!("{}: {problem}, after {TRIES} tries", self.host()))
    }
}

impl Run {
    /// Tells every notifier; what cannot be delivered becomes a finding.
    pub(super) async fn notify(&mut self, moment: Moment) {
        if self.services.safety.notifiers.is_empty() || self.request.dry_run {
            return;
        }
        let notification = self.notification(moment);
        for notifier in self.services.safety.notifiers.clone() {
            if let Err(problem) = notifier.notify(&notification).await {
                let message = format!("somebody was not told that the run {}: {problem}", notification.text);
                self.findings.push(Diagnostic::new(Severity::Warning, "not-notified", message));
            }
        }
    }

    fn notification(&self, moment: Moment) -> Notification {
        let environment = self.environment().to_owned();
        let verb = self.request.verb.word().to_owned();
        let ended = matches!(moment, Moment::Succeeded | Moment::Failed).then(|| self.outcome());
        let text = match (&ended, moment) {
            (Some((_, summary)), _) => format!("{verb} {environment}: {}", first_sentence(summary, self.stopped())),
            (None, Moment::Started) => format!("{verb} {environment} has begun"),
            (None, _) => format!("{verb} {environment} was approved"),
        };
        Notification {
            version: 1,
            moment,
            run: self.request.id.clone(),
            verb,
            environment,
            cluster: self.services.cluster.name().into(),
            revision: self.revision.clone(),
            who: self.services.safety.who.clone(),
            digest: self.plan.as_ref().map(crate::report::DeployPlan::digest),
            outcome: ended.map(|(outcome, _)| format!("{outcome:?}")),
            text,
        }
    }
}

/// An error's text may quote what the cluster said: only its kind goes out.
fn first_sentence(summary: &str, stopped: Option<&StageError>) -> String {
    match stopped {
        None => summary.to_owned(),
        Some(error) if error.refused => "refused (see the report)".into(),
        Some(_) => "failed (see the report)".into(),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use super::*;

    fn notification() -> Notification {
        Notification {
            version: 1,
            moment: Moment::Started,
            run: "r".into(),
            verb: "deploy".into(),
            environment: "staging".into(),
            cluster: "embedded".into(),
            revision: String::new(),
            who: "kim".into(),
            digest: None,
            outcome: None,
            text: "deploy staging has begun".into(),
        }
    }

    /// Answers each connection with the next status; gives the bodies.
    fn server(statuses: &'static [u16]) -> (String, std::thread::JoinHandle<Vec<String>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://user:planted@{}/services/planted?token=planted", listener.local_addr().unwrap());
        let served = std::thread::spawn(move || {
            let mut bodies = Vec::new();
            for status in statuses {
                let (mut stream, _) = listener.accept().unwrap();
                let mut bytes = Vec::new();
                let mut part = [0; 4096];
                while !String::from_utf8_lossy(&bytes).contains("}") {
                    let n = stream.read(&mut part).unwrap();
                    bytes.extend_from_slice(&part[..n]);
                }
                bodies.push(String::from_utf8_lossy(&bytes).into_owned());
                write!(stream, "HTTP/1.1 {status} x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").unwrap();
            }
            bodies
        });
        (url, served)
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_webhook_is_tried_again_and_keeps_its_secrets() {
        let (url, served) = server(&[503, 429, 200]);
        let webhook = Webhook::new(url).unwrap();
        webhook.notify(&notification()).await.unwrap();
        let bodies = served.join().unwrap();
        assert!(bodies.len() == 3 && bodies[2].contains("\"moment\":\"started\""), "{bodies:?}");
        assert!(!format!("{webhook:?}").contains("planted"));

        let (url, served) = server(&[404]);
        let refused = Webhook::new(url).unwrap().notify(&notification()).await.unwrap_err();
        served.join().unwrap();
        assert!(refused.contains("404") && !refused.contains("planted"), "{refused}");
        assert!(Webhook::new("file:///etc/passwd").is_err());
    }
}
