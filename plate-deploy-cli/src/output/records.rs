//! What was done before, as text for people: history and backups.

use comfy_table::{Cell, Table, presets};
use plate_deploy_core::backup::BackupInfo;
use plate_deploy_core::state::HistoryEntry;

fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(header.iter().map(|h| Cell::new(h.to_uppercase())));
    table
}

fn short(revision: &str) -> &str {
    revision.get(..10).unwrap_or(revision)
}

/// The history, latest last.
pub(crate) fn history_text(entries: &[HistoryEntry]) -> String {
    if entries.is_empty() {
        return "nothing was deployed from here yet\n".into();
    }
    let mut rows = table(&["when", "run", "what", "environment", "revision", "outcome", "who", "images"]);
    for entry in entries {
        rows.add_row([
            format!("{:.0}", entry.started),
            entry.id.clone(),
            entry.verb.clone(),
            entry.environment.clone(),
            short(&entry.revision).to_owned(),
            entry.outcome.clone(),
            entry.who.clone(),
            entry.images.join(", "),
        ]);
    }
    format!("{rows}\n")
}

/// Backups, latest last.
pub(crate) fn backups_text(backups: &[BackupInfo]) -> String {
    if backups.is_empty() {
        return "there is no backup\n".into();
    }
    let mut rows = table(&["backup", "before", "revision", "files", "secrets", "cluster"]);
    for backup in backups {
        let secrets = if backup.encrypted { "encrypted" } else { "left out" };
        rows.add_row([
            backup.name.as_str(),
            &backup.verb,
            short(&backup.revision),
            &backup.files.len().to_string(),
            secrets,
            &backup.cluster,
        ]);
    }
    format!("{rows}\n")
}
