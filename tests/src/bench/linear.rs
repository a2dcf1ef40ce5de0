//! How the cost of a render grows with the number of includes, of `tpl` calls and of subcharts. Linear growth shows as
//! a constant price of one unit.

use std::fmt::Write as _;
use std::time::Duration;

use plate_deploy_helm::chart::Chart;
use plate_deploy_helm::engine::{Engine, NoLookup};
use plate_deploy_helm::{TemplateOptions, template_with};

use super::in_process::fastest;

/// What grows: its name, the sizes, and the chart of a size.
type Kind = (&'static str, [usize; 4], fn(usize) -> Vec<File>);

/// Sizes of the charts that differ in the number of calls.
const CALLS: [usize; 4] = [1_000, 2_000, 4_000, 8_000];
/// Sizes of the umbrella charts, in subcharts.
const SUBCHARTS: [usize; 4] = [10, 20, 40, 80];
/// Includes in each subchart of an umbrella.
const INCLUDES_PER_SUBCHART: usize = 50;

/// A kind of chart, measured at growing sizes.
#[derive(Clone, Debug)]
pub struct Growth {
    /// What is counted.
    pub unit: &'static str,
    /// Size, and the fastest render with a new engine.
    pub points: Vec<(usize, Duration)>,
}

impl Growth {
    /// The price of one unit at each size, in nanoseconds.
    #[must_use]
    pub fn per_unit(&self) -> Vec<f64> {
        self.points.iter().map(|(size, took)| took.as_secs_f64() * 1e9 / *size as f64).collect()
    }

    /// The price at the largest size divided by that at the smallest: near 1, or below it, is linear; quadratic cost
    /// shows as the ratio of the sizes.
    #[must_use]
    pub fn rise(&self) -> f64 {
        let prices = self.per_unit();
        prices.last().unwrap_or(&f64::NAN) / prices.first().unwrap_or(&f64::NAN)
    }
}

/// Measures every kind of chart; a new engine for each render, so that parsing counts.
///
/// # Errors
/// A chart does not render.
pub fn measure(runs: usize) -> anyhow::Result<Vec<Growth>> {
    let kinds: [Kind; 6] = [
        ("include of one template", CALLS, one_template),
        ("include of a template of its own", CALLS, own_templates),
        ("tpl of one text", CALLS, one_tpl),
        ("tpl of a text of its own", CALLS, own_tpl),
        ("include below tpl below include", CALLS, nested),
        ("subchart of an umbrella, 50 includes each", SUBCHARTS, umbrella),
    ];
    kinds.into_iter().map(|(unit, sizes, chart)| grow(unit, sizes, chart, runs)).collect()
}

type File = (String, Vec<u8>);

fn grow(unit: &'static str, sizes: [usize; 4], files: fn(usize) -> Vec<File>, runs: usize) -> anyhow::Result<Growth> {
    let options = TemplateOptions { release_name: "demo".into(), ..TemplateOptions::default() };
    let mut points = Vec::new();
    for size in sizes {
        let chart = Chart::from_dir_files(files(size))?;
        let took = fastest(runs, || Ok(template_with(&Engine::default(), &chart, &options, &NoLookup)?.text.len()))?;
        points.push((size, took));
    }
    Ok(Growth { unit, points })
}

const LABELS: &str =
    "{{- define \"labels\" }}\napp: {{ .Chart.Name }}\nrelease: {{ .Release.Name | quote }}\n{{- end }}\n";

fn chart(name: &str, helpers: &str, body: &str) -> Vec<File> {
    let head = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: bench\ndata:\n";
    let file = |path: &str, text: String| (path.to_owned(), text.into_bytes());
    vec![
        file("Chart.yaml", format!("apiVersion: v2\nname: {name}\nversion: 1.0.0\n")),
        file("values.yaml", "image: {repository: web, tag: v1}\n".into()),
        file("templates/_helpers.tpl", helpers.to_owned()),
        file("templates/cm.yaml", format!("{head}{body}")),
    ]
}

/// `body` within a loop that counts to `size`.
fn repeated(size: usize, body: &str) -> String {
    format!("{{{{- range $i := until {size} }}}}\n  k{{{{ $i }}}}: {body}\n{{{{- end }}}}\n")
}

fn one_template(size: usize) -> Vec<File> {
    chart("bench", LABELS, &repeated(size, "{{ include \"labels\" $ | nindent 4 }}"))
}

fn own_templates(size: usize) -> Vec<File> {
    let (mut helpers, mut body) = (String::new(), String::new());
    for i in 0..size {
        let _ = writeln!(helpers, "{{{{- define \"t{i}\" }}}}{{{{ .Release.Name }}}}-{i}{{{{ end }}}}");
        let _ = writeln!(body, "  k{i}: {{{{ include \"t{i}\" . }}}}");
    }
    chart("bench", &helpers, &body)
}

fn one_tpl(size: usize) -> Vec<File> {
    chart("bench", LABELS, &repeated(size, "{{ tpl \"{{ .Release.Name }}-{{ .Values.image.tag }}\" $ }}"))
}

fn own_tpl(size: usize) -> Vec<File> {
    chart("bench", LABELS, &repeated(size, "{{ tpl (printf \"%d-{{ .Release.Name }}\" $i) $ }}"))
}

fn nested(size: usize) -> Vec<File> {
    let outer = "{{- define \"outer\" }}{{ tpl \"{{ include \\\"labels\\\" . }}\" . }}{{ end }}\n";
    chart("bench", &format!("{LABELS}{outer}"), &repeated(size, "{{ include \"outer\" $ | nindent 4 }}"))
}

fn umbrella(size: usize) -> Vec<File> {
    let mut files = chart("umbrella", LABELS, "  a: b\n");
    let body = repeated(INCLUDES_PER_SUBCHART, "{{ include \"labels\" $ | nindent 4 }}");
    for i in 0..size {
        let sub = chart(&format!("sub{i}"), LABELS, &body);
        files.extend(sub.into_iter().map(|(path, data)| (format!("charts/sub{i}/{path}"), data)));
    }
    files
}
