//! The rule language of the tables: a rule is a list of steps, the first step with an answer decides.
//!
//! Answers are a code and a message template. In a template `{message}` is a field of the condition at hand,
//! `{.status.phase}` a field of the object; `{a|text}` falls back to `text` when `a` is absent, `{a|=b}` to the field
//! `b`, `{a?text}` to `text` also when `a` is empty. Numbers are written as Lua writes them.

use crate::health::node::Node;
use crate::health::status;
use crate::model::{HealthCode, HealthStatus};

pub(super) const H: HealthCode = HealthCode::Healthy;
pub(super) const P: HealthCode = HealthCode::Progressing;
pub(super) const D: HealthCode = HealthCode::Degraded;
pub(super) const S: HealthCode = HealthCode::Suspended;
pub(super) const U: HealthCode = HealthCode::Unknown;
pub(super) const M: HealthCode = HealthCode::Missing;

/// A code and a message template.
pub(super) type Answer = (HealthCode, &'static str);

/// What to look at, in order, and what to say when nothing answered.
pub(super) struct Rule {
    /// The kinds: `group/Kind|OtherKind group2/Kind`.
    pub(super) kinds: &'static str,
    pub(super) steps: &'static [Step],
    pub(super) otherwise: Answer,
}

/// One look at the object.
pub(super) enum Step {
    /// The first of `status.conditions` that one of the clauses fits.
    First(&'static [Clause]),
    /// The last of `status.conditions` that one of the clauses fits.
    Last(&'static [Clause]),
    /// By the text at a pointer; a pattern ending in `*` fits every text that starts so, `*` every value.
    By(&'static str, &'static [(&'static str, HealthCode, &'static str)]),
    /// The field is absent or null.
    Missing(&'static str, Answer),
    /// The field is `true`.
    True(&'static str, Answer),
    /// The field is `false`.
    False(&'static str, Answer),
    /// `status.observedGeneration` and `metadata.generation` are there and differ.
    Stale(Answer),
    /// `status.observedGeneration` is not `metadata.generation`, be it by absence.
    Unobserved(Answer),
    /// Code, for what the table cannot say.
    Run(fn(Node<'_>) -> Option<HealthStatus>),
}

/// A fit for one condition.
pub(super) struct Clause {
    kind: &'static str,
    status: Status,
    reason: Reason,
    answer: Answer,
}

enum Status {
    Any,
    Is(&'static str),
    Not(&'static str),
}

enum Reason {
    Any,
    Is(&'static str),
    Not(&'static str),
}

const fn clause(kind: &'static str, status: Status, code: HealthCode, message: &'static str) -> Clause {
    Clause { kind, status, reason: Reason::Any, answer: (code, message) }
}

/// Conditions of this type (`""`: any) with status True.
pub(super) const fn t(kind: &'static str, code: HealthCode, message: &'static str) -> Clause {
    clause(kind, Status::Is("True"), code, message)
}

/// Conditions of this type with status False.
pub(super) const fn f(kind: &'static str, code: HealthCode, message: &'static str) -> Clause {
    clause(kind, Status::Is("False"), code, message)
}

/// Conditions of this type with status Unknown.
pub(super) const fn u(kind: &'static str, code: HealthCode, message: &'static str) -> Clause {
    clause(kind, Status::Is("Unknown"), code, message)
}

/// Conditions of this type with any status but True.
pub(super) const fn not(kind: &'static str, code: HealthCode, message: &'static str) -> Clause {
    clause(kind, Status::Not("True"), code, message)
}

/// Conditions of this type, whatever their status.
pub(super) const fn any(kind: &'static str, code: HealthCode, message: &'static str) -> Clause {
    clause(kind, Status::Any, code, message)
}

impl Clause {
    /// Only with this reason.
    pub(super) const fn because(mut self, reason: &'static str) -> Self {
        self.reason = Reason::Is(reason);
        self
    }

    /// Not with this reason.
    pub(super) const fn unless(mut self, reason: &'static str) -> Self {
        self.reason = Reason::Not(reason);
        self
    }

    fn fits(&self, condition: Node<'_>) -> bool {
        let (kind, status, reason) = (condition.entry("type"), condition.entry("status"), condition.entry("reason"));
        (self.kind.is_empty() || kind.str() == self.kind)
            && match self.status {
                Status::Any => true,
                Status::Is(wanted) => status.str() == wanted,
                Status::Not(unwanted) => status.str() != unwanted,
            }
            && match self.reason {
                Reason::Any => true,
                Reason::Is(wanted) => reason.str() == wanted,
                Reason::Not(unwanted) => reason.str() != unwanted,
            }
    }
}

impl Rule {
    pub(super) fn assess(&self, object: Node<'_>) -> HealthStatus {
        let answer = self.steps.iter().find_map(|step| step.answer(object));
        answer.unwrap_or_else(|| render(self.otherwise, object, object))
    }
}

impl Step {
    fn answer(&self, object: Node<'_>) -> Option<HealthStatus> {
        let say = |condition: bool, answer: Answer| condition.then(|| render(answer, object, object));
        let (seen, current) = (object.at("/status/observedGeneration"), object.at("/metadata/generation"));
        match self {
            Self::First(clauses) => fitting(object, object.at("/status/conditions").items(), clauses),
            Self::Last(clauses) => fitting(object, object.at("/status/conditions").items().rev(), clauses),
            Self::By(pointer, choices) => by(object, object.at(pointer), choices),
            Self::Missing(pointer, answer) => say(object.at(pointer).is_null(), *answer),
            Self::True(pointer, answer) => say(object.at(pointer).is_true(), *answer),
            Self::False(pointer, answer) => say(object.at(pointer).is_false(), *answer),
            Self::Stale(answer) => say(seen.exists() && current.exists() && !seen.same(current), *answer),
            Self::Unobserved(answer) => say(!seen.same(current), *answer),
            Self::Run(code) => code(object),
        }
    }
}

fn fitting<'a>(
    object: Node<'_>,
    mut conditions: impl Iterator<Item = Node<'a>>,
    clauses: &[Clause],
) -> Option<HealthStatus> {
    conditions.find_map(|condition| {
        let clause = clauses.iter().find(|clause| clause.fits(condition))?;
        Some(render(clause.answer, condition, object))
    })
}

fn by(object: Node<'_>, value: Node<'_>, choices: &[(&str, HealthCode, &'static str)]) -> Option<HealthStatus> {
    if value.is_null() {
        return None;
    }
    let text = value.lua();
    let fits = |pattern: &str| match pattern.strip_suffix('*') {
        Some(start) => text.starts_with(start),
        None => text == pattern,
    };
    let (_, code, message) = choices.iter().find(|(pattern, ..)| fits(pattern))?;
    Some(render((*code, message), object, object))
}

/// Fills a template in.
fn render((code, template): Answer, local: Node<'_>, object: Node<'_>) -> HealthStatus {
    let mut message = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        message.push_str(before);
        let (hole, after) = after.split_once('}').unwrap_or((after, ""));
        message.push_str(&fill(hole, local, object));
        rest = after;
    }
    message.push_str(rest);
    status(code, message)
}

fn fill(hole: &str, local: Node<'_>, object: Node<'_>) -> String {
    let field = |name: &str| match name.strip_prefix('.') {
        Some(path) => path.split('.').fold(object, Node::entry),
        None => local.entry(name),
    };
    let text = |node: Node<'_>| if node.exists() { node.lua() } else { String::new() };
    let Some(at) = hole.find(['|', '?']) else { return text(field(hole)) };
    let (name, default) = hole.split_at(at);
    let found = text(field(name));
    let absent = if default.starts_with('?') { found.is_empty() } else { field(name).is_null() };
    match default.get(1..).unwrap_or_default() {
        _ if !absent => found,
        other if other.starts_with('=') => text(field(other.trim_start_matches('='))),
        other => other.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn templates() {
        let object = json!({"kind": "Widget", "status": {"phase": "", "ready": 3.0}});
        let condition = json!({"reason": "Because", "message": null});
        let cases = [
            ("{.kind} has {.status.ready}", "Widget has 3"),
            ("{message|none}", "none"),
            ("{message|=reason}!", "Because!"),
            ("{.status.phase|x}{.status.phase?empty}", "empty"),
            ("{message}", ""),
        ];
        for (template, want) in cases {
            let got = render((H, template), Node::new(&condition), Node::new(&object));
            assert_eq!(got.message, want, "{template}");
        }
    }
}
