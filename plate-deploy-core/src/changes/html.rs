//! The same as a page.

use super::{ApplicationDiff, Fate, RepositoryDiff, SubjectKind};
use crate::report::html::{Tone, badge, changes_html, contents, header, page, section, table, text};

/// The page, as one HTML file.
#[must_use]
pub fn html(diff: &RepositoryDiff) -> String {
    let changed: Vec<_> = diff.changed().collect();
    let title = format!("{}..{}", diff.from.name, diff.to.name);
    let (tone, word) = match (diff.is_broken(), changed.is_empty()) {
        (true, _) => (Tone::Bad, "cannot be rendered"),
        (_, true) => (Tone::Good, "nothing changes"),
        _ => (Tone::Warn, "changes"),
    };
    let facts = [
        ("Result", diff.summary()),
        ("Environment", diff.environment.clone().unwrap_or_else(|| "all".into())),
        ("From", diff.from.commit.chars().take(10).collect()),
        ("To", diff.to.commit.chars().take(10).collect()),
        ("Time", format!("{:.3} s", diff.seconds)),
    ];
    let mut links = vec![("overview", "Overview")];
    let mut body = section("overview", "Overview", &overview(&changed));
    let ids: Vec<String> = (0..changed.len()).map(|n| format!("app-{n}")).collect();
    for (app, id) in changed.iter().zip(&ids) {
        body.push_str(&section(id, &app.name, &application(app)));
    }
    if changed.len() <= 12 {
        links.extend(changed.iter().zip(&ids).map(|(app, id)| (id.as_str(), app.name.as_str())));
    }
    let files: String = diff.files.iter().map(|file| format!("<li><code>{}</code></li>\n", text(file))).collect();
    let files = format!("<details><summary>{} files</summary><ul>{files}</ul></details>\n", diff.files.len());
    body.push_str(&section("files", "Changed files", &files));
    links.push(("files", "Changed files"));
    let body = format!(
        "{}{}<main id=\"main\">\n{body}</main>\n<footer>{} Applications and libraries read none of the changed files and \
         were not rendered. Values of Secrets are masked.</footer>\n",
        header(&title, &badge(tone, word), &facts),
        contents(&links),
        diff.unaffected
    );
    page(&format!("Diff {title}"), "en", &body)
}

fn fate(app: &ApplicationDiff) -> String {
    match app.fate {
        _ if !app.problems.is_empty() => badge(Tone::Bad, "cannot be rendered"),
        Fate::Added => badge(Tone::Good, "new"),
        Fate::Removed => badge(Tone::Bad, "removed"),
        Fate::Changed => badge(Tone::Warn, "changed"),
        Fate::Same => badge(Tone::Plain, "same"),
    }
}

fn overview(changed: &[&ApplicationDiff]) -> String {
    if changed.is_empty() {
        return "<p>Nothing would change in any cluster.</p>\n".into();
    }
    let rows: Vec<_> = changed
        .iter()
        .enumerate()
        .map(|(n, app)| {
            let [created, updated, deleted] = app.counts();
            let kind = match app.kind {
                SubjectKind::Application => "Application",
                SubjectKind::AppOfApps => "app-of-apps",
                SubjectKind::Library => "library",
            };
            vec![
                format!("<a href=\"#app-{n}\">{}</a>", text(&app.name)),
                kind.to_owned(),
                text(app.environment.as_deref().unwrap_or("all")),
                fate(app),
                created.to_string(),
                updated.to_string(),
                deleted.to_string(),
            ]
        })
        .collect();
    table("What changes", &["name", "kind", "environment", "", "created", "changed", "deleted"], &rows)
}

fn application(app: &ApplicationDiff) -> String {
    let causes: Vec<String> = app.causes.iter().map(|cause| format!("<code>{}</code>", text(cause))).collect();
    let mut out = format!("<p>{} in {} because of {}</p>\n", fate(app), text(&app.namespace), causes.join(", "));
    for problem in &app.problems {
        out.push_str(&format!("<p class=\"message bad\">{}</p>\n", text(&problem.to_string())));
    }
    out.push_str(&changes_html(&app.changes));
    out
}

#[cfg(test)]
mod tests {
    use super::super::tests::diff_of;
    use super::html;

    #[test]
    fn hostile_names_and_contents_stay_text() {
        let page = html(&diff_of("<img src=x onerror=alert(1)>", "", "a: </pre><script>alert(1)</script>\n"));
        assert!(!page.contains("<img") && !page.contains("<script") && page.contains("&lt;script&gt;"), "{page}");
    }
}
