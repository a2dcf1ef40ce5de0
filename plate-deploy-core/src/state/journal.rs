//! The journal: what a run is about to do and what it has done, so that another process can go on where it was killed.

use std::fmt::Debug;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{RecordLog, StateError};

/// Records beyond this many are thinned out when a run begins: only those of unfinished runs stay.
const MANY: usize = 500;

/// One step of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[non_exhaustive]
pub enum JournalEvent {
    /// The run begins.
    Started {
        /// The environment, by its name.
        environment: String,
        /// The cluster's context, or `embedded`.
        cluster: String,
        /// The whole request, to ask it again.
        request: Value,
        /// The head of the branch.
        base: String,
    },
    /// A stage is about to run.
    Stage {
        /// Its name.
        stage: String,
    },
    /// A stage has run.
    StageDone {
        /// Its name.
        stage: String,
        /// What it says about itself.
        summary: String,
    },
    /// A stage has failed or refused.
    StageFailed {
        /// Its name.
        stage: String,
        /// Why.
        summary: String,
    },
    /// Somebody said yes to the plan.
    Approved {
        /// The plan's digest.
        digest: String,
        /// The commit it starts from.
        base: String,
        /// It changes files in Git.
        edits: bool,
    },
    /// A commit is about to be pushed.
    Pushing {
        /// The commit.
        commit: String,
        /// What it is built on.
        base: String,
        /// The branch.
        branch: String,
    },
    /// The commit is the head of the branch.
    Pushed {
        /// The commit.
        commit: String,
        /// The branch.
        branch: String,
    },
    /// The run failed and is being undone by another run.
    RollingBack {
        /// That run's id.
        by: String,
    },
    /// The run is over.
    Ended {
        /// How.
        outcome: String,
        /// One line.
        summary: String,
    },
}

/// One record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalRecord {
    /// The run's id.
    pub run: String,
    /// When.
    pub at: Timestamp,
    /// What.
    #[serde(flatten)]
    pub event: JournalEvent,
}

/// Where records go. A record that was appended survives a crash.
pub trait Journal: Debug + Send + Sync {
    /// Every record, in order.
    ///
    /// # Errors
    /// [`StateError`] when it cannot be read.
    fn read(&self) -> Result<Vec<JournalRecord>, StateError>;

    /// Adds a record; it is durable when the call returns.
    ///
    /// # Errors
    /// [`StateError`]; then the record is not there, and what it announces must not be done.
    fn append(&self, record: &JournalRecord) -> Result<(), StateError>;
}

/// A run that began and did not end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnfinishedRun {
    /// Its id.
    pub id: String,
    /// When it began.
    pub started: Timestamp,
    /// Its environment.
    pub environment: String,
    /// Its cluster.
    pub cluster: String,
    /// Its request.
    pub request: Value,
    /// Digest and base of the plan that was approved, and whether it edits files.
    pub approved: Option<(String, String, bool)>,
    /// The commit it was about to push, or pushed.
    pub commit: Option<String>,
    /// It is known to have been pushed.
    pub pushed: bool,
    /// The run that undoes it.
    pub rolling_back: Option<String>,
    /// The stage it was in, or finished last.
    pub stage: String,
}

/// The runs without an end, oldest first.
#[must_use]
pub fn unfinished(records: &[JournalRecord]) -> Vec<UnfinishedRun> {
    let mut runs: Vec<UnfinishedRun> = Vec::new();
    for record in records {
        if let JournalEvent::Started { environment, cluster, request, .. } = &record.event {
            // A resumed run begins again under its id; what it knew before stays.
            if runs.iter().any(|run| run.id == record.run) {
                continue;
            }
            runs.push(UnfinishedRun {
                id: record.run.clone(),
                started: record.at,
                environment: environment.clone(),
                cluster: cluster.clone(),
                request: request.clone(),
                approved: None,
                commit: None,
                pushed: false,
                rolling_back: None,
                stage: String::new(),
            });
            continue;
        }
        let Some(at) = runs.iter().position(|run| run.id == record.run) else { continue };
        if matches!(record.event, JournalEvent::Ended { .. }) {
            runs.remove(at);
        } else if let Some(run) = runs.get_mut(at) {
            run.note(&record.event);
        }
    }
    runs
}

impl UnfinishedRun {
    fn note(&mut self, event: &JournalEvent) {
        match event {
            JournalEvent::Stage { stage } => self.stage.clone_from(stage),
            JournalEvent::Approved { digest, base, edits } => {
                self.approved = Some((digest.clone(), base.clone(), *edits));
            }
            JournalEvent::Pushing { commit, .. } => self.commit = Some(commit.clone()),
            JournalEvent::Pushed { commit, .. } => {
                self.commit = Some(commit.clone());
                self.pushed = true;
            }
            JournalEvent::RollingBack { by } => self.rolling_back = Some(by.clone()),
            _ => {}
        }
    }
}

/// The journal in a file.
#[derive(Debug)]
pub struct FileJournal {
    log: RecordLog,
}

impl FileJournal {
    /// The journal at this path.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self { log: RecordLog::new(path) }
    }
}

impl Journal for FileJournal {
    fn read(&self) -> Result<Vec<JournalRecord>, StateError> {
        self.log.read()
    }

    fn append(&self, record: &JournalRecord) -> Result<(), StateError> {
        if matches!(record.event, JournalEvent::Started { .. }) {
            let all = self.read()?;
            if all.len() > MANY {
                let open: Vec<String> = unfinished(&all).into_iter().map(|run| run.id).collect();
                let kept: Vec<JournalRecord> = all.into_iter().filter(|r| open.contains(&r.run)).collect();
                self.log.replace(&kept)?;
            }
        }
        self.log.append(record)
    }
}

/// A journal that lives as long as the process.
#[derive(Debug, Default)]
pub struct MemoryJournal {
    records: Mutex<Vec<JournalRecord>>,
}

impl Journal for MemoryJournal {
    fn read(&self) -> Result<Vec<JournalRecord>, StateError> {
        Ok(self.records.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    fn append(&self, record: &JournalRecord) -> Result<(), StateError> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner).push(record.clone());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn started(run: &str, environment: &str) -> JournalRecord {
        let event = JournalEvent::Started {
            environment: environment.into(),
            cluster: "embedded".into(),
            request: json!({"n": run}),
            base: "b".into(),
        };
        record(run, event)
    }

    fn record(run: &str, event: JournalEvent) -> JournalRecord {
        JournalRecord { run: run.into(), at: Timestamp::UNIX_EPOCH, event }
    }

    #[test]
    fn what_was_known_of_a_run_survives_its_second_start() {
        let ended = JournalEvent::Ended { outcome: "deployed".into(), summary: String::new() };
        let approved = JournalEvent::Approved { digest: "d".into(), base: "b".into(), edits: true };
        let pushed = JournalEvent::Pushed { commit: "c".into(), branch: "main".into() };
        let mut records = vec![
            started("1", "staging"),
            record("1", ended.clone()),
            started("2", "staging"),
            record("2", approved),
            started("3", "production"),
            started("2", "staging"),
            record("2", pushed),
            record("2", JournalEvent::Stage { stage: "sync".into() }),
        ];
        let open = unfinished(&records);
        assert_eq!(open.iter().map(|run| run.id.as_str()).collect::<Vec<_>>(), ["2", "3"]);
        assert_eq!((open[0].approved.is_some(), open[0].pushed, open[0].stage.as_str()), (true, true, "sync"));
        records.push(record("2", ended));
        assert_eq!(unfinished(&records).len(), 1);
    }

    #[test]
    fn every_kind_of_record_is_read_back() {
        let dir = tempfile::tempdir().unwrap();
        let journal = FileJournal::new(dir.path().join("j"));
        let text = || "x".to_owned();
        let events = [
            JournalEvent::Stage { stage: text() },
            JournalEvent::StageDone { stage: text(), summary: text() },
            JournalEvent::StageFailed { stage: text(), summary: text() },
            JournalEvent::Approved { digest: text(), base: text(), edits: true },
            JournalEvent::Pushing { commit: text(), base: text(), branch: text() },
            JournalEvent::Pushed { commit: text(), branch: text() },
            JournalEvent::RollingBack { by: text() },
            JournalEvent::Ended { outcome: text(), summary: text() },
        ];
        let mut records = vec![started("1", "staging")];
        records.extend(events.map(|event| record("1", event)));
        records.iter().for_each(|record| journal.append(record).unwrap());
        assert_eq!(journal.read().unwrap(), records);
    }

    #[test]
    fn a_long_file_is_thinned_out_but_keeps_what_is_unfinished() {
        let dir = tempfile::tempdir().unwrap();
        let journal = FileJournal::new(dir.path().join("j"));
        journal.append(&started("open", "staging")).unwrap();
        for n in 0..MANY {
            journal.append(&record("gone", JournalEvent::Stage { stage: n.to_string() })).unwrap();
        }
        journal.append(&started("next", "staging")).unwrap();
        assert_eq!(journal.read().unwrap().len(), 2);
        assert_eq!(unfinished(&journal.read().unwrap()).len(), 2);
    }
}
