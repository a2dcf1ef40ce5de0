//! One small repository per rule: what is found, where, and what is not.

use serde_json::json;

use super::*;

const HEAD: &str = "apiVersion: argoproj.io/v1alpha1\nkind: Application\n";

fn application(name: &str, path: &str, namespace: &str, rest: &str) -> String {
    format!(
        "{HEAD}metadata: {{name: {name}}}\nspec:\n  project: default\n  destination: {{server: https://kubernetes.default.svc, namespace: {namespace}}}\n  syncPolicy: {{syncOptions: [CreateNamespace=true]}}\n  source:\n    repoURL: https://git.example.com/x.git\n    path: {path}\n{rest}"
    )
}

fn helm(value_files: &str) -> String {
    format!("    helm: {{valueFiles: [{value_files}]}}\n")
}

/// A repository without findings: one component in two environments.
fn clean() -> Vec<(String, String)> {
    let file = |path: &str, text: &str| (path.to_owned(), text.to_owned());
    vec![
        ("apps/web-stg.yaml".into(), application("web-stg", "web", "shop-stg", &helm("values-stg.yaml"))),
        ("apps/web-prod.yaml".into(), application("web-prod", "web", "shop-prod", &helm("values-prod.yaml"))),
        file("web/Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n"),
        file("web/values.yaml", "service:\n  type: ClusterIP\n"),
        file(
            "web/values-stg.yaml",
            "image:\n  repository: r.example.com/stg/web\n  tag: \"1\"\nsecretName: web-stg-env\n",
        ),
        file(
            "web/values-prod.yaml",
            "image:\n  repository: r.example.com/prod/web\n  tag: \"1\"\nsecretName: web-prod-env\n",
        ),
        file("web/templates/app.yaml", "apiVersion: apps/v1\nkind: Deployment\n"),
    ]
}

fn place(finding: &Diagnostic) -> String {
    let number = |n: Option<usize>| n.map_or_else(|| "?".to_owned(), |n| n.to_string());
    format!("{}:{}:{}", finding.file.as_deref().unwrap_or("?"), number(finding.line), number(finding.column))
}

fn run(
    files: &[(String, String)],
    rendered: Option<&BTreeMap<String, Vec<Manifest>>>,
    cluster: Option<&ClusterFacts>,
) -> Vec<String> {
    let files = RepoFiles::from_texts(files.iter().map(|(path, text)| (path.as_str(), text.as_str())));
    let workspace = Workspace::discover(&files, "").unwrap();
    let found = lint(LintInput { workspace: &workspace, files: &files, rendered, cluster });
    for finding in &found {
        assert!(RULES.iter().any(|(id, ..)| *id == finding.code), "{finding}");
    }
    found.iter().map(|finding| format!("{} {}[{}]", place(finding), finding.severity, finding.code)).collect()
}

#[test]
fn a_clean_repository_has_no_findings() {
    assert_eq!(run(&clean(), None, None), [""; 0]);
}

#[test]
fn every_rule_finds_its_fault() {
    let app = |rest: &str| application("web-prod", "web", "shop-prod", rest);
    let cases: &[(&str, String, &[&str])] = &[
        ("apps/web-prod.yaml", app(&helm("nope.yaml")), &["apps/web-prod.yaml:11:25 error[missing-value-file]"]),
        ("apps/web-prod.yaml", app("    helm: {valueFiles: [nope.yaml], ignoreMissingValueFiles: true}\n"), &["apps/web-prod.yaml:11:25 info[missing-value-file]"]),
        ("apps/again.yaml", app(&helm("values-prod.yaml")), &["apps/web-prod.yaml:3:12 error[duplicate-application]"]),
        ("apps/x.yaml", application("x-prod", "gone", "shop-stg", ""), &[
            "apps/x.yaml:6:57 warning[environment-mismatch]",
            "apps/x.yaml:10:5 error[missing-path]",
        ]),
        ("apps/x.yaml", application("X", "web", "shop-prod", ""), &["apps/x.yaml:3:12 error[invalid-name]"]),
        ("apps/x.yaml", application("x", "web", "nobody", "").replace("CreateNamespace=true", "CreateNamspace=true"), &[
            "apps/x.yaml:6:57 warning[namespace-not-created]",
            "apps/x.yaml:7:30 warning[unknown-sync-option]",
        ]),
        ("apps/x.yaml", application("x", "web", "shop-prod", "  retry: {}\n").replace("syncPolicy: {", "syncPolicy: {retry: {backoff: {duration: soon}}, "), &[
            "apps/x.yaml:7:24 error[invalid-retry]",
            "apps/x.yaml:11:3 warning[unknown-field]",
        ]),
        ("apps/x.yaml", application("x", "web", "shop-prod", "    directory: {recurse: true}\n    helm: {releaseName: x}\n"), &["apps/x.yaml:8:3 error[invalid-source]"]),
        ("apps/x.yaml", format!("{}\n---\napiVersion: argoproj.io/v1alpha1\nkind: AppProject\nmetadata: {{name: team}}\nspec: {{sourceRepos: [a, a], destinations: []}}\n", application("x", "web", "shop-prod", "").replace("project: default", "project: team")), &[
            "apps/x.yaml:6:3 error[not-permitted]",
            "apps/x.yaml:8:3 error[not-permitted]",
            "apps/x.yaml:13:1 error[invalid-project]",
        ]),
        ("web/Chart.yaml", "name: web\nversion: 1.0.0\ndependencies:\n  - {name: redis, version: 1.x, repository: 'https://charts.example.com'}\n".into(), &["web/Chart.yaml:4:5 error[dependency-not-vendored]"]),
        ("web/values-prod.yaml", "image: {repository: r.example.com/stg/web, tag: latest}\nsecretName: other\n".into(), &[
            "web/values-prod.yaml:1:21 warning[image-repository-environment]",
            "web/values-prod.yaml:1:49 warning[mutable-image-tag]",
            "web/values-stg.yaml:4:13 warning[secret-name-differs]",
        ]),
        ("web/values-prod.yaml", "a: [\n".into(), &["web/values-prod.yaml:1:4 error[invalid-yaml]"]),
        ("web/values.yaml", "service: {type: LoadBalancer}\npvc: {storageClass: fast}\n".into(), &[
            "web/values.yaml:1:17 warning[load-balancer-without-provider]",
            "web/values.yaml:2:21 warning[storage-class-missing]",
        ]),
        ("web/templates/cr.yaml", "apiVersion: shop.example.com/v1\nkind: Cart\n".into(), &["web/templates/cr.yaml:1:1 warning[missing-crds]"]),
        ("plate-deploy.yaml", "lint: {ignore: [missing-crd]}\n".into(), &["plate-deploy.yaml:1:1 warning[unknown-rule]"]),
    ];
    let mut wrong = Vec::new();
    for (path, text, want) in cases {
        let mut files = clean();
        files.retain(|(known, _)| known != path);
        files.push(((*path).to_owned(), text.clone()));
        let mut found = run(&files, None, None);
        // Two Applications of one chart say the same at the same place.
        found.dedup();
        if found != *want {
            wrong.push(format!("{path}\n{text}\nfound {found:#?}\nwanted {want:#?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn values_that_only_one_environment_has() {
    let mut files = clean();
    files.retain(|(path, _)| path != "web/values-prod.yaml");
    files.retain(|(path, _)| path != "apps/web-prod.yaml");
    files.push(("apps/web-prod.yaml".into(), application("web-prod", "web", "shop-prod", &helm("values.yaml"))));
    assert_eq!(run(&files, None, None), ["apps/web-prod.yaml:11:25 warning[missing-environment-values]"]);
}

#[test]
fn what_is_known_of_manifests_and_cluster_counts() {
    let mut files = clean();
    files.push(("web/templates/cr.yaml".into(), "apiVersion: shop.example.com/v1\nkind: Cart\n".into()));
    files.retain(|(path, _)| path != "web/values.yaml");
    files.push(("web/values.yaml".into(), "service: {type: LoadBalancer}\npvc: {storageClass: fast}\n".into()));
    let manifest = |value| Manifest::new(value).unwrap();
    let claim = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "c"}, "spec": {"storageClassName": "slow"}});
    let cart = json!({"apiVersion": "shop.example.com/v1", "kind": "Cart", "metadata": {"name": "c"}});
    let rendered = BTreeMap::from([
        ("web-stg".to_owned(), vec![]),
        ("web-prod".to_owned(), vec![manifest(claim), manifest(cart)]),
    ]);
    let found = run(&files, Some(&rendered), None);
    assert_eq!(
        found,
        ["apps/web-prod.yaml:5:1 warning[storage-class-missing]", "web/templates/cr.yaml:1:1 error[missing-crds]"]
            .map(|line| line.replace(":5:1", ":4:1"))
    );
    let facts = ClusterFacts {
        api_groups: ["shop.example.com".to_owned()].into(),
        storage_classes: ["slow".to_owned(), "fast".to_owned()].into(),
        load_balancer: true,
        namespaces: BTreeSet::new(),
    };
    assert_eq!(run(&files, Some(&rendered), Some(&facts)), [""; 0]);
    assert_eq!(run(&files, None, Some(&facts)), [""; 0]);
}

#[test]
fn settings_change_severities_and_leave_rules_out() {
    let mut files = clean();
    files.retain(|(path, _)| path != "web/values.yaml");
    files.push(("web/values.yaml".into(), "service: {type: LoadBalancer}\npvc: {storageClass: fast}\n".into()));
    files.push((
        CONFIG_FILE.into(),
        "lint:\n  ignore: [load-balancer-without-provider]\n  severity: {storage-class-missing: error}\n".into(),
    ));
    let mut found = run(&files, None, None);
    found.dedup();
    assert_eq!(found, ["web/values.yaml:2:21 error[storage-class-missing]"]);
}

/// The example repository: discovered as its README says, and with nothing to complain about but what layers are for.
#[test]
fn the_example_repository() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/plate-gitops");
    let mut found = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            // State of somebody's deploy of the example is not part of it.
            if path.ends_with(".plate-deploy") {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
                found.push((name, std::fs::read_to_string(&path).unwrap()));
            }
        }
    }
    let files = RepoFiles::from_texts(found.iter().map(|(path, text)| (path.as_str(), text.as_str())));
    let workspace = Workspace::discover(&files, "").unwrap();
    let names = |layer: &crate::workspace::LibraryLayer| {
        layer.libraries.iter().map(|library| library.name.clone()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(
        workspace.libraries.iter().map(names).collect::<Vec<_>>(),
        ["banner-operator local-storage", "status-board"]
    );
    assert_eq!(workspace.environments.len(), 2);
    let components: Vec<_> = workspace.components.iter().map(|component| component.name.as_str()).collect();
    assert_eq!(
        components,
        ["plate-admin", "plate-cache", "plate-config", "plate-ingress", "plate-server", "plate-web"]
    );
    assert_eq!(workspace.roots().map(|root| root.children.len()).collect::<Vec<_>>(), [11]);
    let mut found = run(&found, None, None);
    found.dedup();
    assert_eq!(
        found,
        [
            "helm/applications/plate-cache/values.yaml:4:17 warning[storage-class-missing]",
            "helm/applications/plate-server/values.yaml:12:9 warning[load-balancer-without-provider]",
        ]
    );
}

#[test]
fn the_documentation_lists_every_rule_and_its_example_is_read() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/WORKSPACE.md");
    let text = std::fs::read_to_string(path).unwrap();
    for (id, severity, what) in RULES {
        let row = format!("| `{id}` | {severity} | {what} |");
        assert!(text.contains(&row), "docs/WORKSPACE.md lacks {row}");
    }
    let example = text.split("```yaml\n").nth(1).unwrap().split("```").next().unwrap();
    let config = crate::workspace::WorkspaceConfig::parse(example).unwrap();
    assert_eq!(config.libraries.layers[0].order, ["cert-manager", "metallb"]);
}
