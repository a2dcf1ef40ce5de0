//! `helm dependency build` and `helm dependency list`, without the network.

use std::path::Path;

use plate_deploy_helm::chart::{Chart, DependencyList};

use super::super::Outcome;
use crate::args::HelmDependency;
use crate::command_error::CommandError;
use crate::output;

/// Runs a `helm dependency` verb.
pub(super) fn run(args: HelmDependency) -> Outcome {
    match args {
        HelmDependency::Build { chart } => build(&chart),
        HelmDependency::List { chart, max_col_width } => list(&chart, max_col_width),
    }
}

fn build(path: &Path) -> Outcome {
    let chart = Chart::load_path(path).map_err(CommandError::failed)?;
    chart.check_lock().map_err(CommandError::failed)?;
    let count = chart.metadata.dependencies.len();
    let lock = if chart.lock.is_some() { "as its lock has them" } else { "and there is no lock to check" };
    output::raw(&format!("{count} dependencies of {} are in charts/, {lock}\n", chart.name()))?;
    Ok(0)
}

fn list(path: &Path, width: usize) -> Outcome {
    let list = DependencyList::of(&super::read_chart(path)?).map_err(CommandError::failed)?;
    let shown = |name: &str| path.join(name).components().collect::<std::path::PathBuf>().display().to_string();
    if list.rows.is_empty() {
        output::raw(&format!("WARNING: no dependencies at {}\n", shown("charts")))?;
        return Ok(0);
    }
    let mut rows = vec![["NAME", "VERSION", "REPOSITORY", "STATUS"]];
    rows.extend(list.rows.iter().map(|row| [row.name.as_str(), &row.version, &row.repository, row.status]));
    let mut text = table(&rows, width);
    text.push('\n');
    for path in &list.not_charts {
        text.push_str(&format!("WARNING: {:?} is not a chart.\n", shown(path)));
    }
    for path in &list.undeclared {
        text.push_str(&format!("WARNING: {:?} is not in Chart.yaml.\n", shown(path)));
    }
    output::raw(&text)?;
    Ok(0)
}

/// Helm's table: cells padded to the width of their column, with tabs between them. A column is at most `limit` wide
/// (0: as wide as it needs); a longer cell ends in dots.
fn table(rows: &[[&str; 4]], limit: usize) -> String {
    const DOTS: &str = "...";
    let limit = if limit == 0 { usize::MAX } else { limit };
    let widest = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0).min(limit);
    let widths = [0, 1, 2, 3].map(widest);
    let mut text = String::new();
    for row in rows {
        let cells: Vec<String> = row
            .iter()
            .zip(widths)
            .map(|(cell, width)| {
                if cell.chars().count() <= width {
                    return format!("{cell:width$}");
                }
                cell.chars().take(width.saturating_sub(DOTS.len())).chain(DOTS.chars()).take(width).collect()
            })
            .collect();
        text.push_str(&cells.join("\t"));
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_helms() {
        let rows =
            [["NAME", "VERSION", "REPOSITORY", "STATUS"], ["minio", "5.4.0", "https://charts.min.io/", "unpacked"]];
        assert_eq!(
            table(&rows, 80),
            "NAME \tVERSION\tREPOSITORY            \tSTATUS  \n\
             minio\t5.4.0  \thttps://charts.min.io/\tunpacked\n"
        );
        assert_eq!(table(&rows, 6), "NAME \tVER...\tREP...\tSTATUS\nminio\t5.4.0 \thtt...\tunp...\n");
    }
}
