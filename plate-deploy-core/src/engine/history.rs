//! Revision histories and holds in the state directory, for Applications that are no objects of the cluster.

use std::fs;
use std::path::PathBuf;

use async_trait::async_trait;

use super::folder::prepare_state;
use crate::driver::{ApplicationRecord, HistoryStore};

/// One file for each Application.
#[derive(Debug)]
pub(super) struct FolderHistory {
    state_dir: PathBuf,
    folder: PathBuf,
}

impl FolderHistory {
    /// Files of a cluster in a state directory, which is made when it is needed.
    pub(super) fn new(state_dir: PathBuf, cluster: &str) -> Self {
        let safe = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_') { c } else { '_' };
        let folder = state_dir.join("history").join(cluster.chars().map(safe).collect::<String>());
        Self { state_dir, folder }
    }

    /// Application names are DNS names; anything else is not let near a path.
    fn path(&self, application: &str) -> Result<PathBuf, String> {
        if crate::model::application::is_dns_subdomain(application) {
            Ok(self.folder.join(format!("{application}.json")))
        } else {
            Err(format!("{application:?} is no name of an Application"))
        }
    }
}

#[async_trait]
impl HistoryStore for FolderHistory {
    async fn load(&self, application: &str) -> Result<ApplicationRecord, String> {
        let path = self.path(application)?;
        match fs::read(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(ApplicationRecord::default()),
            Err(error) => Err(format!("{}: {error}", path.display())),
            Ok(text) => serde_json::from_slice(&text)
                .map_err(|error| format!("{}: {error}; remove the file to begin a new history", path.display())),
        }
    }

    async fn store(&self, application: &str, record: &ApplicationRecord) -> Result<(), String> {
        let path = self.path(application)?;
        let text = serde_json::to_vec_pretty(record).map_err(|error| error.to_string())?;
        let draft = path.with_extension("json.new");
        // Written beside and renamed, so that a killed run leaves no half of it.
        prepare_state(&self.state_dir).map_err(|error| error.to_string())?;
        fs::create_dir_all(&self.folder)
            .and_then(|()| fs::write(&draft, text))
            .and_then(|()| fs::rename(&draft, &path))
            .map_err(|error| format!("{}: {error}", path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driver::Hold;

    #[tokio::test]
    async fn records_survive_and_names_stay_inside() {
        let dir = tempfile::tempdir().unwrap();
        let store = || FolderHistory::new(dir.path().to_owned(), "../a");
        assert_eq!(store().load("shop").await.unwrap(), ApplicationRecord::default());
        let since = "2026-01-01T00:00:00Z".parse().unwrap();
        let hold = Hold { by: "kim".into(), why: "prices".into(), since, revision: String::new() };
        let record = ApplicationRecord { hold: Some(hold), ..ApplicationRecord::default() };
        store().store("shop", &record).await.unwrap();
        assert_eq!(store().load("shop").await.unwrap(), record);
        assert!(store().load("../shop").await.is_err() && store().store("", &record).await.is_err());
    }
}
