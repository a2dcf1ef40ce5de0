//! The graph as Mermaid, DOT, SVG and a page.

use std::collections::{BTreeMap, BTreeSet};

use super::{Graph, Node, NodeKind, TimelineStep};
use crate::report::html::{Tone, badge, contents, header, is_deceptive, page, section, table, text};

/// The state of nodes, by node: a colour and a word.
pub type States = BTreeMap<Node, (Tone, String)>;

const BOX_WIDTH: usize = 182;
const BOX_HEIGHT: usize = 34;
const COLUMN: usize = 218;
const ROW: usize = 46;
const TOP: usize = 40;
const LONGEST: usize = 25;

/// Heads of the columns of a drawing.
const COLUMNS: [&str; 5] = ["Git", "charts, values, app-of-apps", "Applications", "libraries", "the cluster offers"];

fn label(node: &Node) -> String {
    let name = if node.name.is_empty() { "(default)" } else { &node.name };
    name.chars().map(|c| if is_deceptive(c) { '\u{FFFD}' } else { c }).collect()
}

fn ids(graph: &Graph) -> BTreeMap<&Node, String> {
    graph.nodes.iter().enumerate().map(|(n, node)| (node, format!("n{n}"))).collect()
}

/// A Mermaid flowchart. Names cannot end their quotes.
#[must_use]
pub fn mermaid(graph: &Graph, states: &States) -> String {
    let ids = ids(graph);
    let quote = |text: &str| {
        let safe = |c: char| {
            if c.is_alphanumeric() || " -_./:()@,".contains(c) { c.to_string() } else { format!("#{};", u32::from(c)) }
        };
        text.chars().map(safe).collect::<String>()
    };
    let mut out = String::from("flowchart LR\n");
    for (node, id) in &ids {
        let state = states.get(*node).map(|(_, word)| format!("<br/>{}", quote(word))).unwrap_or_default();
        out.push_str(&format!("  {id}[\"{}: {}{state}\"]\n", node.kind.word(), quote(&label(node))));
        if let Some((tone, _)) = states.get(*node) {
            out.push_str(&format!("  class {id} {}\n", tone.class()));
        }
    }
    for edge in &graph.edges {
        let (Some(from), Some(to)) = (ids.get(&edge.from), ids.get(&edge.to)) else { continue };
        out.push_str(&format!("  {from} -->|{}| {to}\n", edge.relation.word()));
    }
    out.push_str("  classDef good fill:#dff5e8,stroke:#0f6b3d,color:#1a2130\n  classDef warn fill:#fdf0d2,stroke:#7d4b00,color:#1a2130\n");
    out.push_str("  classDef bad fill:#fde4e6,stroke:#a11224,color:#1a2130\n  classDef plain fill:#e9edf3,stroke:#3d4758,color:#1a2130\n");
    out
}

/// Graphviz DOT.
#[must_use]
pub fn dot(graph: &Graph, states: &States) -> String {
    let ids = ids(graph);
    let quote = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
    let mut out = String::from(
        "digraph relations {\n  rankdir=LR;\n  node [shape=box, style=\"rounded,filled\", fillcolor=white, fontname=\"sans-serif\"];\n",
    );
    for (node, id) in &ids {
        let colour = match states.get(*node).map(|(tone, _)| tone) {
            Some(Tone::Good) => "#dff5e8",
            Some(Tone::Warn) => "#fdf0d2",
            Some(Tone::Bad) => "#fde4e6",
            _ => "white",
        };
        let state = states.get(*node).map(|(_, word)| format!("\\n{}", quote(word))).unwrap_or_default();
        out.push_str(&format!(
            "  {id} [label=\"{}\\n{}{state}\", fillcolor=\"{colour}\"];\n",
            node.kind.word(),
            quote(&label(node))
        ));
    }
    for edge in &graph.edges {
        let (Some(from), Some(to)) = (ids.get(&edge.from), ids.get(&edge.to)) else { continue };
        out.push_str(&format!("  {from} -> {to} [label=\"{}\"];\n", edge.relation.word()));
    }
    out.push_str("}\n");
    out
}

/// Places of the nodes: a column each kind, ordered so that edges cross little (by the mean place of their neighbours).
fn places(graph: &Graph) -> BTreeMap<&Node, (usize, usize)> {
    let mut columns: Vec<Vec<&Node>> = vec![Vec::new(); COLUMNS.len()];
    for node in &graph.nodes {
        if let Some(column) = columns.get_mut(node.kind.column()) {
            column.push(node);
        }
    }
    let mut rows: BTreeMap<&Node, usize> = BTreeMap::new();
    for column in &columns {
        rows.extend(column.iter().enumerate().map(|(row, node)| (*node, row)));
    }
    for _ in 0..4 {
        for column in &mut columns {
            let mean = |node: &Node| {
                let near = graph.edges.iter().filter_map(|edge| match () {
                    () if edge.from == *node => rows.get(&edge.to),
                    () if edge.to == *node => rows.get(&edge.from),
                    () => None,
                });
                let (sum, count) = near.fold((0, 0), |(sum, count), row| (sum + row, count + 1));
                if count == 0 { rows.get(node).copied().unwrap_or(0) * 1000 } else { sum * 1000 / count }
            };
            column.sort_by_cached_key(|node| (mean(node), (*node).clone()));
            let ordered: Vec<_> = column.iter().enumerate().map(|(row, node)| (*node, row)).collect();
            rows.extend(ordered);
        }
    }
    rows.into_iter().map(|(node, row)| (node, (node.kind.column(), row))).collect()
}

/// An SVG drawing. Inside a page it takes the page's colours; a file of its own has none but its own.
#[must_use]
pub fn svg(graph: &Graph, states: &States, standalone: bool) -> String {
    let places = places(graph);
    let height = places.values().map(|(_, row)| row + 1).max().unwrap_or(1) * ROW + TOP + 10;
    let width = (COLUMNS.len() - 1) * COLUMN + BOX_WIDTH + 20;
    let style = if standalone { STANDALONE } else { "" };
    let mut out = format!(
        "<svg class=\"graph\" xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" aria-label=\"Relations\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\">{style}\n<title>Relations of the repository</title>\n"
    );
    for (column, head) in COLUMNS.iter().enumerate() {
        out.push_str(&format!("<text class=\"head\" x=\"{}\" y=\"20\">{head}</text>\n", column * COLUMN + 10));
    }
    let corner = |(column, row): (usize, usize)| (column * COLUMN + 10, row * ROW + TOP);
    for edge in &graph.edges {
        let (Some(from), Some(to)) = (places.get(&edge.from), places.get(&edge.to)) else { continue };
        let ((fx, fy), (tx, ty)) = (corner(*from), corner(*to));
        let (fy, ty) = (fy + BOX_HEIGHT / 2, ty + BOX_HEIGHT / 2);
        // Edges leave on the side that faces the other end; within a column they bow to the right.
        let (x1, x2, bow) = match from.0.cmp(&to.0) {
            std::cmp::Ordering::Less => (fx + BOX_WIDTH, tx, (fx + BOX_WIDTH + tx) / 2),
            std::cmp::Ordering::Greater => (fx, tx + BOX_WIDTH, (fx + tx + BOX_WIDTH) / 2),
            std::cmp::Ordering::Equal => (fx + BOX_WIDTH, tx + BOX_WIDTH, fx + BOX_WIDTH + 40),
        };
        out.push_str(&format!(
            "<path class=\"edge\" d=\"M{x1} {fy} C{bow} {fy} {bow} {ty} {x2} {ty}\"><title>{} {} {}</title></path>\n",
            text(&label(&edge.from)),
            edge.relation.word(),
            text(&label(&edge.to))
        ));
    }
    for (node, place) in &places {
        let (x, y) = corner(*place);
        let state = states.get(*node);
        let class = state.map_or("", |(tone, _)| tone.class());
        let word = state.map_or(String::new(), |(_, word)| format!(": {word}"));
        let full = label(node);
        let shown: String = if full.chars().count() > LONGEST {
            // The end of a path or URL tells more than its beginning.
            format!("…{}", full.chars().skip(full.chars().count() - LONGEST + 1).collect::<String>())
        } else {
            full.clone()
        };
        out.push_str(&format!(
            "<g><title>{} {}{}</title><rect class=\"box {class}\" x=\"{x}\" y=\"{y}\" width=\"{BOX_WIDTH}\" height=\"{BOX_HEIGHT}\" rx=\"7\"/><text x=\"{}\" y=\"{}\">{}</text></g>\n",
            node.kind.word(),
            text(&full),
            text(&word),
            x + 9,
            y + BOX_HEIGHT / 2 + 4,
            text(&shown)
        ));
    }
    out.push_str("</svg>\n");
    out
}

const STANDALONE: &str = "<style>svg{background:#fff}text{fill:#1a2130;font:12px sans-serif}.head{font-weight:600;fill:#5a6475}.edge{fill:none;stroke:#8994a6}.box{fill:#fff;stroke:#b9c2d0;stroke-width:1.5}.box.good{fill:#dff5e8;stroke:#0f6b3d}.box.warn{fill:#fdf0d2;stroke:#7d4b00}.box.bad{fill:#fde4e6;stroke:#a11224}.box.plain{fill:#e9edf3}</style>";

/// A page with the drawing, the same as a table (for those who do not see a drawing), and a timeline when there is one.
#[must_use]
pub fn html(graph: &Graph, states: &States, timeline: &[TimelineStep]) -> String {
    let drawing = format!(
        "<div class=\"scroll\" role=\"region\" aria-label=\"Drawing of the relations\" tabindex=\"0\">{}</div>\n",
        svg(graph, states, false)
    );
    let mut sections = vec![("drawing", "Relations", drawing)];
    if !timeline.is_empty() {
        sections.push(("timeline", "Ten steps of a change", timeline_html(timeline)));
    }
    let members: BTreeSet<&Node> = graph
        .nodes
        .iter()
        .filter(|n| matches!(n.kind, NodeKind::Application | NodeKind::Library | NodeKind::AppOfApps))
        .collect();
    let rows: Vec<_> = members.iter().map(|node| row(graph, states, node)).collect();
    sections.push(("table", "The same as a table", table("Relations", &["name", "kind", "state", "needs"], &rows)));
    let links: Vec<_> = sections.iter().map(|(id, title, _)| (*id, *title)).collect();
    let body: String = sections.iter().map(|(id, title, body)| section(id, title, body)).collect();
    let facts = [
        ("Repository", graph.home.clone()),
        ("Nodes", graph.nodes.len().to_string()),
        ("Relations", graph.edges.len().to_string()),
    ];
    let body = format!("{}{}<main id=\"main\">\n{body}</main>\n", header("Relations", "", &facts), contents(&links));
    page("Relations", "en", &body)
}

fn row(graph: &Graph, states: &States, node: &Node) -> Vec<String> {
    let needs = graph.edges.iter().filter(|edge| edge.from == *node);
    let needs: Vec<String> = needs.map(|edge| format!("{} {}", edge.relation.word(), text(&label(&edge.to)))).collect();
    let state = states.get(node).map_or(String::new(), |(tone, word)| badge(*tone, word));
    vec![format!("<b>{}</b>", text(&label(node))), node.kind.word().to_owned(), state, needs.join(", ")]
}

fn timeline_html(steps: &[TimelineStep]) -> String {
    let rows: Vec<_> = steps
        .iter()
        .map(|step| {
            vec![
                step.number.to_string(),
                format!("<b>{}</b>", text(&step.title)),
                step.milliseconds.map_or_else(|| "not measured".to_owned(), |ms| format!("{ms:.1} ms")),
                text(&step.what),
            ]
        })
        .collect();
    table("Ten steps of a change", &["", "step", "time", "what happens"], &rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{Edge, Relation};

    #[test]
    fn no_name_gets_out_of_any_format() {
        let hostile = "a\"]; n0-->n1\n<script>\\\u{202e}";
        let from = Node { kind: NodeKind::Application, name: hostile.into() };
        let to = Node { kind: NodeKind::Chart, name: "chart".into() };
        let edge = Edge { from: from.clone(), to: to.clone(), relation: Relation::RendersFrom };
        let graph = Graph { nodes: [from.clone(), to].into(), edges: [edge].into(), ..Graph::default() };
        let states = States::from([(from, (Tone::Bad, "Degraded".to_owned()))]);
        let mermaid = mermaid(&graph, &states);
        assert_eq!(mermaid.lines().filter(|line| line.contains("-->")).count(), 1, "{mermaid}");
        assert!(!mermaid.contains("<script") && mermaid.contains("class n1 bad"), "{mermaid}");
        let dot = dot(&graph, &states);
        assert_eq!(dot.lines().filter(|line| line.contains("->") && !line.contains("label=\"app")).count(), 1, "{dot}");
        for drawn in [svg(&graph, &states, true), html(&graph, &states, &[])] {
            assert!(!drawn.contains("<script") && !drawn.contains('\u{202e}'), "{drawn}");
        }
    }
}
