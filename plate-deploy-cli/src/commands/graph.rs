//! `graph`.

use plate_deploy_core::graph::{Node, NodeKind, TimelineStep, draw};
use plate_deploy_core::model::HealthCode;
use plate_deploy_core::report::html::Tone;
use serde_json::json;

use super::{Outcome, diff, open};
use crate::args::{Drawing, Format, Global, Graph};
use crate::output;

/// Draws the relations, coloured by live state, with the timeline of a commit.
pub(crate) async fn run(global: &Global, args: Graph) -> Outcome {
    let repo = open::repo(&args.repo, args.target.state_dir.as_ref(), true).await?;
    let related = repo.offline().relations(&args.repo.revision, None).await.map_err(open::engine_error)?;
    let mut states = draw::States::new();
    for (name, why) in &related.broken {
        let kind = related.graph.needs.get(name).map_or(NodeKind::Application, |needs| needs.kind);
        output::note(&format!("{name}: {why}"));
        states.insert(Node { kind, name: name.clone() }, (Tone::Bad, "cannot be rendered".into()));
    }
    if args.live {
        let deployer = open::deployer(&args.repo, &args.target).await?;
        for app in deployer.status(None).await.map_err(open::engine_error)? {
            let tone = match app.health.status {
                HealthCode::Healthy if app.ready() => Tone::Good,
                HealthCode::Degraded | HealthCode::Missing => Tone::Bad,
                _ => Tone::Warn,
            };
            let node = Node { kind: NodeKind::Application, name: app.name.clone() };
            states.insert(node, (tone, format!("{:?}, {:?}", app.sync, app.health.status)));
        }
    }
    let steps = match &args.timeline {
        Some(revision) => repo.propagation(revision).await.map_err(open::engine_error)?,
        None => Vec::new(),
    };
    let text = match (global.output, args.format) {
        (Format::Json, _) => serde_json::to_string_pretty(&json!({
            "version": 1, "graph": related.graph, "timeline": steps,
            "states": states.iter().map(|(node, (_, word))| json!({"kind": node.kind, "name": node.name, "state": word})).collect::<Vec<_>>(),
        }))
        .map_err(crate::command_error::CommandError::failed)? + "\n",
        (_, Drawing::Html) => draw::html(&related.graph, &states, &steps),
        (_, Drawing::Mermaid) if !steps.is_empty() => timeline_text(&steps),
        (_, Drawing::Mermaid) => draw::mermaid(&related.graph, &states),
        (_, Drawing::Dot) => draw::dot(&related.graph, &states),
        (_, Drawing::Svg) => draw::svg(&related.graph, &states, true),
    };
    match &args.out {
        Some(path) => diff::write(path, &text)?,
        None => output::raw(&text)?,
    }
    Ok(0)
}

/// The ten steps as a table.
fn timeline_text(steps: &[TimelineStep]) -> String {
    let mut rows = output::table(&["", "step", "time", "what"]);
    for step in steps {
        let time = step.milliseconds.map_or_else(|| "–".to_owned(), |ms| format!("{ms:.1} ms"));
        rows.add_row([&step.number.to_string(), &step.title, &time, &step.what]);
    }
    format!("{rows}\n")
}
