//! Renders of small repositories: hostile inputs named by their advisory, and what no vector covers.

use serde_json::{Value, json};

use super::{NativeRenderer, RenderError, RenderRequest, Rendered, Repository};
use crate::files::{File, RepoFiles};
use crate::model::application::ApplicationSource;

const URL: &str = "https://git.example.com/team/deploy";
const CHART: &str = "apiVersion: v2\nname: web\nversion: 1.0.0\n";
const TEMPLATE: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\ndata: {a: {{ quote .Values.a }}}\n";
const OBJECT: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n";

fn repository(url: &str, files: &[(&str, &str)]) -> Repository {
    let file = |content: &str| match content.strip_prefix("symlink:") {
        Some(target) => File::Symlink(target.into()),
        None => File::Blob(content.to_owned().into()),
    };
    let files = RepoFiles::new(files.iter().map(|(path, content)| ((*path).to_owned(), file(content))));
    Repository { url: url.into(), files, revision: "0123456789abcdef".into() }
}

fn request(files: &[(&str, &str)], source: Value) -> RenderRequest {
    let source: ApplicationSource = serde_json::from_value(source).unwrap();
    RenderRequest {
        app_name: "shop".into(),
        namespace: "prod".into(),
        sources: vec![(source, repository(URL, files))],
        ..RenderRequest::default()
    }
}

fn render(files: &[(&str, &str)], source: Value) -> Result<Rendered, RenderError> {
    NativeRenderer::default().render_blocking(&request(files, source))
}

fn chart<'a>(more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut files =
        vec![("chart/Chart.yaml", CHART), ("chart/templates/cm.yaml", TEMPLATE), ("chart/values.yaml", "a: chart\n")];
    files.extend_from_slice(more);
    files
}

fn data(rendered: &Rendered) -> &Value {
    &rendered.manifests[0].value()["data"]
}

/// Every attack ends in an error that names the path, and nothing of the file in question is shown.
#[test]
fn published_attacks_are_refused() {
    let values = |file: &str| json!({"path": "chart", "helm": {"valueFiles": [file]}});
    let parameter = |file: &str| json!({"path": "chart", "helm": {"fileParameters": [{"name": "a", "path": file}]}});
    let directory = || json!({"path": "app"});
    let link = |path: &'static str, target: &'static str| chart(&[(path, target)]);
    let cases = [
        // Values files outside of the repository, by path and by link.
        ("CVE-2022-24348", chart(&[]), values("../../../minio/values.yaml"), "../../../minio/values.yaml"),
        ("CVE-2022-24348", chart(&[]), values("/../../../x.yaml"), "/../../../x.yaml"),
        ("CVE-2022-24348", chart(&[]), values("file://../../x.yaml"), "scheme 'file'"),
        ("CVE-2022-24348", link("chart/l.yaml", "symlink:l.yaml"), values("l.yaml"), "'l.yaml'"),
        ("CVE-2022-24348", link("chart/d", "symlink:/"), values("d/etc/passwd"), "'d/etc/passwd'"),
        ("CVE-2022-31036", link("chart/v.yaml", "symlink:/var/run/secrets/token"), values("v.yaml"), "v.yaml"),
        ("CVE-2022-31036", link("chart/v.yaml", "symlink:/var/run/secrets/token"), values("*.yaml"), "chart/v.yaml"),
        ("CVE-2023-40026", chart(&[]), parameter("/../etc/passwd"), "/../etc/passwd"),
        ("CVE-2023-40026", link("chart/p", "symlink:../../etc/passwd"), parameter("p"), "'p'"),
        ("remote", chart(&[]), values("https://169.254.169.254/latest"), "https://169.254.169.254/latest"),
        ("remote", chart(&[]), values("git::https://example.com/x"), "scheme 'git'"),
        // The chart itself.
        ("CVE-2019-18658", link("chart/templates/x.yaml", "symlink:/dev/urandom"), json!({"path": "chart"}), "x.yaml"),
        ("CVE-2019-18658", link("chart/values.yaml", "symlink:../../secret"), json!({"path": "chart"}), "values.yaml"),
        ("links in circles", link("chart/files", "symlink:../chart"), json!({"path": "chart"}), "links"),
        (
            "CVE-2022-36055",
            chart(&[]),
            json!({"path": "chart", "helm": {"parameters": [{"name": "a[99999999]"}]}}),
            "index",
        ),
        // Directories.
        ("GHSA-6gcg-hp2x-q54h", vec![("app/a.yaml", "symlink:../../secret")], directory(), "app/a.yaml"),
        ("GHSA-6gcg-hp2x-q54h", vec![("app", "symlink:/etc")], directory(), "app"),
        ("path", vec![("app/a.yaml", OBJECT)], json!({"path": "../other"}), "../other"),
        ("path", vec![("app/a.yaml", OBJECT)], json!({"path": "/app"}), "/app"),
        ("GHSA-m3vr-7329-44ww", vec![("app/a.jsonnet", "importstr '/etc/passwd'")], directory(), "a.jsonnet"),
        ("GHSA-9v9p-x54c-58gc", vec![("app/kustomization.yaml", "resources: []")], directory(), "kustomize"),
        ("plugin", vec![("app/a.yaml", OBJECT)], json!({"path": "app", "plugin": {"name": "x"}}), "plugin"),
    ];
    for (advisory, files, source, named) in cases {
        let error = render(&files, source).unwrap_err().to_string();
        assert!(error.contains(named), "{advisory}: {error}");
    }
}

/// GHSA-jhqp-vf4w-rpwq: manifests that take far more memory than their file.
#[test]
fn manifest_bombs_are_refused() {
    let mut bomb = format!("{OBJECT}data:\n  a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
    for i in 1..10 {
        bomb.push_str(&format!("  a{i}: &a{i} [{}]\n", vec![format!("*a{}", i - 1); 10].join(",")));
    }
    let error = render(&[("app/a.yaml", &bomb)], json!({"path": "app"})).unwrap_err();
    assert!(matches!(&error, RenderError::Manifest { file, .. } if file == "a.yaml"), "{error}");

    let large = format!("{OBJECT}data: {{a: {}}}\n", "x".repeat(6_000_000));
    let files = [("app/a.yaml", large.as_str()), ("app/b.yaml", &large)];
    let error = render(&files, json!({"path": "app"})).unwrap_err().to_string();
    assert!(error.contains("exceeded max combined manifest file size") && error.contains("b.yaml"), "{error}");
    assert!(render(&files[..1], json!({"path": "app"})).is_ok());
}

#[test]
fn what_a_render_read_is_told() {
    let files = chart(&[
        ("chart/README.md", "nobody reads this"),
        ("chart/note.txt", "n"),
        ("chart/templates/note.yaml", "# {{ .Files.Get \"note.txt\" }}"),
        ("shared/base.yaml", "a: base\n"),
        ("chart/link.yaml", "symlink:../shared/base.yaml"),
    ]);
    let mut request = request(
        &files,
        json!({"path": "chart", "helm": {"ignoreMissingValueFiles": true,
        "valueFiles": ["link.yaml", "$values/prod.yaml", "none.yaml"]}}),
    );
    let other = "https://git.example.com/team/values";
    let lent = serde_json::from_value(json!({"repoURL": other, "ref": "values"})).unwrap();
    request.sources.push((lent, repository(other, &[("prod.yaml", "a: ref\n"), ("not-read.yaml", "")])));
    let rendered = NativeRenderer::default().render_blocking(&request).unwrap();
    assert_eq!(data(&rendered), &json!({"a": "ref"}));
    let read = |url: &str| rendered.files_read[url].iter().map(String::as_str).collect::<Vec<_>>().join(" ");
    assert_eq!(
        read(URL),
        "chart/Chart.yaml chart/none.yaml chart/note.txt chart/templates/cm.yaml chart/templates/note.yaml \
         chart/values.yaml shared/base.yaml"
    );
    assert_eq!(read(other), "prod.yaml");
}

#[test]
fn dependencies_come_from_the_repository_or_are_missing() {
    let wants =
        |repository: &str| format!("{CHART}dependencies: [{{name: lib, version: 1.x, repository: '{repository}'}}]\n");
    let library = [("lib/Chart.yaml", "apiVersion: v2\nname: lib\nversion: 1.1.0\n"), ("lib/templates/l.yaml", OBJECT)];
    let with = |chart: &str| {
        let mut files = vec![("chart/Chart.yaml", chart)];
        files.extend(library);
        render(&files, json!({"path": "chart"}))
    };
    let rendered = with(&wants("file://../lib")).unwrap();
    assert_eq!(rendered.manifests[0].name(), "x");
    assert!(rendered.files_read[URL].contains("lib/templates/l.yaml"));

    let error = with(&wants("https://charts.example.com")).unwrap_err();
    let RenderError::MissingDependencies { chart, missing } = &error else { panic!("{error}") };
    assert_eq!(
        (chart.as_str(), missing.as_slice()),
        ("chart", &["lib 1.x (https://charts.example.com)".to_owned()][..])
    );
    for outside in ["file:///lib", "file://../../lib", "file://../none"] {
        assert!(with(&wants(outside)).unwrap_err().to_string().contains(outside), "{outside}");
    }
}

#[test]
fn values_that_no_template_reads_are_warned_of_where_the_user_wrote_them() {
    let files =
        chart(&[("chart/prod.yaml", "a: 1\n\nreplica: 3\n"), ("chart/values.yaml", "a: chart\nunread: default\n")]);
    let source =
        json!({"path": "chart", "helm": {"valueFiles": ["prod.yaml"], "parameters": [{"name": "x.y", "value": "1"}]}});
    let rendered = render(&files, source).unwrap();
    let mut found: Vec<_> = rendered.warnings.iter().map(|w| (w.message.as_str(), w.file.as_deref(), w.line)).collect();
    found.sort_unstable();
    assert_eq!(
        found,
        [
            ("no template of chart web reads the value replica", Some("chart/prod.yaml"), Some(3)),
            ("no template of chart web reads the value x", None, None),
        ]
    );
    assert!(rendered.warnings.iter().all(|warning| warning.code == "unused-value"));
}

#[test]
fn what_helm_or_a_subchart_reads_is_not_unused() {
    let parent = format!(
        "{CHART}dependencies:\n- {{name: sub, version: 1.x, condition: sub.on}}\n- {{name: off, version: 1.x, condition: off.on}}\n"
    );
    let reads =
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ .Values.s }}}\ndata: {g: {{ quote .Values.global.g }}}\n";
    let files = [
        ("chart/Chart.yaml", parent.as_str()),
        ("chart/charts/sub/Chart.yaml", "apiVersion: v2\nname: sub\nversion: 1.0.0\n"),
        ("chart/charts/sub/templates/s.yaml", reads),
        ("chart/charts/off/Chart.yaml", "apiVersion: v2\nname: off\nversion: 1.0.0\n"),
        ("chart/charts/off/templates/s.yaml", reads),
    ];
    let values = json!({"sub": {"s": "x", "on": true, "typo": 1}, "off": {"on": false, "s": 1}, "global": {"g": 1}, "tags": {"t": true}});
    let rendered = render(&files, json!({"path": "chart", "helm": {"valuesObject": values}})).unwrap();
    let found: Vec<_> = rendered.warnings.iter().map(|warning| warning.message.as_str()).collect();
    assert_eq!(found, ["no template of chart web reads the value sub.typo"]);
}

#[test]
fn a_renderer_that_is_used_again_gives_what_a_new_one_gives() {
    let renderer = NativeRenderer::default();
    for (template, expected) in [(TEMPLATE, "chart"), (TEMPLATE, "chart"), (OBJECT, "")] {
        let files =
            [("chart/Chart.yaml", CHART), ("chart/templates/cm.yaml", template), ("chart/values.yaml", "a: chart\n")];
        let rendered = renderer.render_blocking(&request(&files, json!({"path": "chart"}))).unwrap();
        assert_eq!(rendered.manifests[0].value()["data"]["a"].as_str().unwrap_or_default(), expected);
    }
}

/// What a render may read is known before it renders, whatever way an Application names files.
#[test]
fn inputs_hold_everything_that_is_read() {
    let base = chart(&[
        ("chart/.argocd-source.yaml", "helm: {valueFiles: [../values/over.yaml]}\n"),
        ("values/over.yaml", "a: over\n"),
        ("values/one.yaml", "a: one\n"),
        ("values/two.yaml", "a: two\n"),
        ("chart/files/shown.txt", "shown"),
        ("lib/Chart.yaml", "apiVersion: v2\nname: lib\nversion: 1.0.0\n"),
        ("lib/templates/_l.tpl", "{{ define \"l\" }}l{{ end }}"),
        ("real/cm.yaml", OBJECT),
        ("app/link", "symlink:../hop"),
        ("hop", "symlink:real"),
        ("app/cm.yaml", OBJECT),
        ("secret.txt", "s"),
    ]);
    let with = |path: &'static str, text: &'static str| {
        let mut files = base.clone();
        files.retain(|(known, _)| *known != path);
        files.push((path, text));
        files
    };
    let dependency = "apiVersion: v2\nname: web\nversion: 1.0.0\ndependencies: [{name: lib, version: 1.0.0, repository: \"file://../lib\"}]\n";
    let cases = [
        (
            base.clone(),
            json!({"path": "chart"}),
            vec!["values/over.yaml", "chart/templates/new.yaml"],
            vec!["values/one.yaml", "lib/x", "chart/files/shown.txt"],
        ),
        (
            with(
                "chart/templates/cm.yaml",
                "kind: ConfigMap\napiVersion: v1\nmetadata: {name: {{ .Files.Get \"files/shown.txt\" }}}\n",
            ),
            json!({"path": "chart"}),
            vec!["chart/files/shown.txt"],
            vec!["lib/x"],
        ),
        (
            with("chart/.argocd-source.yaml", "{}"),
            json!({"path": "chart", "helm": {"valueFiles": ["/values/one.yaml", "../values/t*.yaml"]}}),
            vec!["values/one.yaml", "values/two.yaml"],
            vec!["values/over.yaml"],
        ),
        (
            with("chart/.argocd-source.yaml", "{}"),
            json!({"path": "chart", "helm": {"ignoreMissingValueFiles": true, "valueFiles": ["none.yaml"]}}),
            vec!["chart/none.yaml"],
            vec![],
        ),
        (
            base.clone(),
            json!({"path": "chart", "helm": {"fileParameters": [{"name": "a", "path": "../secret.txt"}]}}),
            vec!["secret.txt"],
            vec![],
        ),
        (
            with("chart/Chart.yaml", dependency),
            json!({"path": "chart"}),
            vec!["lib/templates/_l.tpl"],
            vec!["real/cm.yaml"],
        ),
        (
            base.clone(),
            json!({"path": "app", "directory": {"recurse": true}}),
            vec!["app/cm.yaml", "app/link", "hop", "real/cm.yaml"],
            vec!["chart/values.yaml"],
        ),
        (base.clone(), json!({"path": "gone"}), vec!["gone/cm.yaml"], vec!["app/cm.yaml"]),
    ];
    for (files, source, touched, untouched) in cases {
        let request = request(&files, source.clone());
        let renderer = NativeRenderer::default();
        let inputs = &renderer.inputs(&request)[URL];
        for path in touched {
            assert!(inputs.touched_by(path), "{source}: {path} is not among {inputs:?}");
        }
        for path in untouched {
            assert!(!inputs.touched_by(path), "{source}: {path} is among {inputs:?}");
        }
        let read = renderer.render_blocking(&request).map(|r| r.files_read).unwrap_or_default();
        for path in read.values().flatten() {
            assert!(inputs.touched_by(path), "{source}: read {path}, which is not among {inputs:?}");
        }
    }
    let source =
        json!({"path": "chart", "helm": {"parameters": [{"name": "a", "value": "${ARGOCD_APP_REVISION_SHORT}"}]}});
    assert!(NativeRenderer::default().inputs(&request(&base, source))[URL].revision);
}
