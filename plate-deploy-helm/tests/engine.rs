//! What the engine adds to Helm's: limits, repeatable renders, files read, values nobody reads, structured errors.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test")]

use std::time::Duration;

use plate_deploy_helm::chart::{Capabilities, Chart, ValueRules};
use plate_deploy_helm::engine::{
    Deterministic, Engine, HelmVersion, Lookup, NoLookup, Release, RenderError, RenderErrorKind, RenderInput,
    RenderLimits, RenderOptions, Rendered,
};
use plate_deploy_helm::value::Map;

fn render_with(files: &[(&str, &str)], options: &RenderOptions, lookup: &dyn Lookup) -> Result<Rendered, RenderError> {
    let mut all = vec![("Chart.yaml".to_owned(), b"apiVersion: v2\nname: c\nversion: 1.0.0\n".to_vec())];
    all.extend(files.iter().map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec())));
    let chart = Chart::from_dir_files(all).unwrap_or_else(|error| panic!("{error}"));
    let prepared = chart.prepare(&Map::new(), ValueRules::default()).unwrap_or_else(|error| panic!("{error}"));
    let release = Release { name: "r".into(), namespace: "n".into(), revision: 1, is_upgrade: false };
    let capabilities = Capabilities::default();
    let input = RenderInput {
        chart: &prepared.chart,
        values: &prepared.values,
        release: &release,
        capabilities: &capabilities,
        lookup,
    };
    Engine::default().render(input, options)
}

fn render(template: &str, options: &RenderOptions) -> Result<String, RenderError> {
    let rendered = render_with(&[("templates/x.yaml", template)], options, &NoLookup)?;
    Ok(rendered.files["c/templates/x.yaml"].clone())
}

#[test]
fn hostile_templates_meet_limits() {
    let limits = RenderLimits {
        steps: 200_000,
        depth: 500,
        output_bytes: 1 << 20,
        function_bytes: 1 << 24,
        time: Some(Duration::from_secs(20)),
    };
    let options = RenderOptions { limits, ..RenderOptions::default() };
    let table = [
        ("{{ range 1000000000 }}{{ end }}", "steps"),
        ("{{ define \"r\" }}{{ template \"r\" . }}{{ end }}{{ template \"r\" . }}", "template depth"),
        ("{{ define \"r\" }}{{ include \"r\" . }}{{ end }}{{ include \"r\" . }}", "template depth"),
        ("{{ $t := \"{{ tpl .t . }}\" }}{{ tpl $t (dict \"t\" $t) }}", "template depth"),
        ("{{ $x := \"aaaaaaaa\" }}{{ range 60 }}{{ $x = print $x $x }}{{ end }}", "bytes"),
        ("{{ $x := \"aaaaaaaa\" }}{{ range 60 }}{{ $x = cat $x $x }}{{ end }}", "bytes"),
        ("{{ repeat 1000000000 \"x\" }}", "bytes"),
        ("{{ until 1000000000 }}", "bytes"),
        ("{{ printf \"%999999d\" 1 | repeat 10000 }}", "bytes"),
    ];
    for (template, want) in table {
        let error = render(template, &options).unwrap_err();
        assert_eq!(error.kind(), RenderErrorKind::Limit, "{template}: {error}");
        assert!(error.to_string().contains(want), "{template}: {error}");
    }
}

#[test]
fn values_that_contain_themselves_end() {
    let options = RenderOptions::default();
    for template in [
        "{{ $d := dict }}{{ $_ := set $d \"d\" $d }}{{ $d }}",
        "{{ $d := dict }}{{ $_ := set $d \"d\" $d }}{{ toYaml $d }}",
        "{{ $d := dict }}{{ $_ := set $d \"d\" $d }}{{ toJson $d }}",
        "{{ $d := dict }}{{ range 100000 }}{{ $d = dict \"d\" $d }}{{ end }}{{ toYaml $d | len }}",
    ] {
        // What it prints does not matter: that it comes back does.
        let _ = render(template, &options);
    }
}

#[test]
fn include_recursion_stops_where_helm_stops_it() {
    let count = "{{ define \"r\" }}{{ if . }}x{{ include \"r\" (sub . 1) }}{{ end }}{{ end }}";
    let options = RenderOptions::default();
    let fits = render(&format!("{count}{{{{ include \"r\" 1000 }}}}"), &options).unwrap();
    assert_eq!(fits.len(), 1000);
    let error = render(&format!("{count}{{{{ include \"r\" 1001 }}}}"), &options).unwrap_err();
    assert!(error.to_string().contains("rendering template has a nested reference name: r"), "{error}");
}

#[test]
fn a_deterministic_render_repeats() {
    let fixed = Deterministic { now: "2024-02-29T12:30:00Z".parse().unwrap(), seed: [7; 32] };
    let options = RenderOptions { deterministic: Some(fixed), ..RenderOptions::default() };
    let template = "{{ now | date \"2006-01-02 15:04\" }} {{ randAlphaNum 20 }} {{ uuidv4 }}";
    let first = render(template, &options).unwrap();
    assert!(first.starts_with("2024-02-29 12:30 "), "{first}");
    assert_eq!(first, render(template, &options).unwrap());
    assert_ne!(
        render("{{ randAlphaNum 20 }}", &RenderOptions::default()).unwrap(),
        render("{{ randAlphaNum 20 }}", &RenderOptions::default()).unwrap()
    );
}

#[test]
fn tells_files_read_and_values_unread() {
    let files = [
        ("values.yaml", "used: 1\nunused: 2\nmap: {a: 1, b: 2}\nwhole: {x: 1}\nlooked: {k: 1, l: 2}\n"),
        ("conf/a.txt", "A"),
        ("conf/b.txt", "B"),
        (
            "templates/x.yaml",
            "{{ .Values.used }}{{ .Values.map.a }}{{ toYaml .Values.whole }}{{ get .Values.looked \"k\" }}{{ .Files.Get \"conf/a.txt\" }}",
        ),
    ];
    let options = RenderOptions { unused_values: true, ..RenderOptions::default() };
    let rendered = render_with(&files, &options, &NoLookup).unwrap();
    assert_eq!(rendered.files_read, ["c/conf/a.txt"]);
    let unused: Vec<&str> =
        rendered.unused_values.iter().map(String::as_str).filter(|path| *path != "global").collect();
    assert_eq!(unused, ["looked.l", "map.b", "unused"]);
}

#[test]
fn errors_tell_place_and_path() {
    let files = [
        ("templates/_h.tpl", "{{ define \"inner\" }}\n  {{ .a.b.c }}\n{{ end }}"),
        ("templates/x.yaml", "kind: X\nv: {{ include \"inner\" (dict \"a\" .Values) }}\n"),
    ];
    let error = render_with(&files, &RenderOptions::default(), &NoLookup).unwrap_err();
    assert_eq!(error.kind(), RenderErrorKind::Exec);
    assert_eq!(error.template(), "c/templates/x.yaml");
    let place = error.location().unwrap();
    assert_eq!((place.file.as_str(), place.line, place.node.as_str()), ("c/templates/_h.tpl", 2, ".a.b.c"));
    assert_eq!(error.chain().len(), 2);
    let long = format!("{error:#}");
    assert!(long.contains("  {{ .a.b.c }}") && long.contains("called from c/templates/x.yaml:2:6"), "{long}");

    let refused = render("{{ fail \"no: way\" }}", &RenderOptions::default()).unwrap_err();
    assert_eq!(refused.kind(), RenderErrorKind::Refused);
    assert_eq!(refused.to_string(), "execution error at (c/templates/x.yaml:1:3): no: way");
    let parse = render("a\n{{ if }}", &RenderOptions::default()).unwrap_err();
    assert_eq!((parse.kind(), parse.location().unwrap().line), (RenderErrorKind::Parse, 2));
    assert_eq!(parse.to_string(), "parse error at (c/templates/x.yaml:2): missing value for if");
}

#[derive(Debug)]
struct OneSecret;

impl Lookup for OneSecret {
    fn lookup(&self, _: &str, kind: &str, _: &str, name: &str) -> Result<Option<serde_json::Value>, String> {
        match (kind, name) {
            ("Secret", "s") => Ok(Some(serde_json::json!({"data": {"k": "dg=="}}))),
            ("Broken", _) => Err("no such kind".into()),
            _ => Ok(None),
        }
    }
}

#[test]
fn lookup_asks_its_owner() {
    let look = |template: &str| {
        let files = [("templates/x.yaml", template)];
        render_with(&files, &RenderOptions::default(), &OneSecret)
            .map(|rendered| rendered.files["c/templates/x.yaml"].clone())
            .map_err(|error| error.to_string())
    };
    let found =
        look("{{ (lookup \"v1\" \"Secret\" \"n\" \"s\").data.k | b64dec }}|{{ lookup \"v1\" \"Pod\" \"n\" \"\" }}");
    assert_eq!(found.as_deref(), Ok("v|map[]"));
    assert!(
        look("{{ lookup \"v1\" \"Broken\" \"n\" \"\" }}").unwrap_err().contains("error calling lookup: no such kind")
    );
}

#[test]
fn helm_3_has_a_chart_struct() {
    let helm3 = RenderOptions { helm: HelmVersion::V3, ..RenderOptions::default() };
    let template = "{{ .Chart.Name }} {{ toJson .Chart }}";
    assert_eq!(
        render(template, &helm3).unwrap(),
        "c {\"IsRoot\":true,\"apiVersion\":\"v2\",\"name\":\"c\",\"version\":\"1.0.0\"}"
    );
    assert!(render("{{ .Chart.Nope }}", &helm3).is_err());
    assert_eq!(render("{{ .Chart.Nope }}", &RenderOptions::default()).unwrap(), "");
}
