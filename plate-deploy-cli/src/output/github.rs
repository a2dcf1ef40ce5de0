//! Progress in GitHub Actions: stages as groups, findings as annotations at their file and line.

use std::io::Write;

use plate_deploy_core::report::{Diagnostic, Event, Reporter, Severity};

use super::progress::Lines;

/// Plain lines, and workflow commands beside them.
#[derive(Debug, Default)]
pub(crate) struct Annotations {
    lines: Lines,
}

impl Reporter for Annotations {
    fn report(&self, event: &Event) {
        let command = match event {
            Event::StageStarted { stage } => Some(format!("::group::{}", escape(stage, false))),
            Event::StageFinished { .. } => Some("::endgroup::".to_owned()),
            Event::Finding(finding) => Some(annotation(finding)),
            Event::Resource { application, key, message, ok: false } => {
                Some(format!("::error::{}", escape(&format!("{application}: {key}: {message}"), false)))
            }
            _ => None,
        };
        self.lines.report(event);
        if let Some(command) = command {
            // A log that is gone needs no annotations.
            let _ = writeln!(anstream::stderr(), "{command}");
        }
    }
}

/// A finding as a workflow command.
pub(super) fn annotation(finding: &Diagnostic) -> String {
    let kind = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "notice",
    };
    let mut place = Vec::new();
    if let Some(file) = &finding.file {
        place.push(format!("file={}", escape(file, true)));
    }
    place.extend(finding.line.map(|line| format!("line={line}")));
    place.extend(finding.column.map(|column| format!("col={column}")));
    place.push(format!("title={}", escape(&finding.code, true)));
    let remedy = if finding.remedy.is_empty() { String::new() } else { format!("\n{}", finding.remedy) };
    format!("::{kind} {}::{}", place.join(","), escape(&format!("{}{remedy}", finding.message), false))
}

/// Escapes data, and properties more, so that no text ends a command or begins another (the runner's own rules).
fn escape(text: &str, property: bool) -> String {
    let text = text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    if property { text.replace(':', "%3A").replace(',', "%2C") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_begins_a_command_of_its_own() {
        let finding = Diagnostic::new(Severity::Error, "x", "bad\n::set-env name=PATH::evil 100%")
            .at("a,b:c.yaml", Some(3))
            .remedy("fix it");
        let command = annotation(&finding);
        assert_eq!(
            command,
            "::error file=a%2Cb%3Ac.yaml,line=3,title=x::bad%0A::set-env name=PATH::evil 100%25%0Afix it"
        );
    }
}
