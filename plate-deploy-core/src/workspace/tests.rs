//! Discovery on a small repository, as files in memory.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::*;
use crate::files::File;

/// A repository under construction.
#[derive(Default)]
struct Files(BTreeMap<String, File>);

impl Files {
    fn insert_content(&mut self, path: &str, content: impl Into<Bytes>) {
        self.insert(path, File::Blob(content.into()));
    }

    fn insert(&mut self, path: &str, file: File) {
        self.0.insert(path.to_owned(), file);
    }

    fn discover(self) -> Result<Workspace, ConfigError> {
        Workspace::discover(&RepoFiles::new(self.0), "abc")
    }
}

const URL: &str = "https://git.example.com/team/deploy.git";

/// An Application document.
fn application(name: &str, path: &str, namespace: &str, rest: &str) -> String {
    format!(
        "# 배포\napiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata:\n  name: {name}\nspec:\n  project: default\n  destination: {{server: https://kubernetes.default.svc, namespace: {namespace}}}\n  source:\n    repoURL: {URL}\n    path: {path}\n{rest}"
    )
}

fn helm(value_files: &str) -> String {
    format!("    helm:\n      valueFiles: [{value_files}]\n")
}

fn repository() -> Files {
    let mut files = Files::default();
    let apps = "env/apps";
    files.insert_content("env/root.yaml", application("platform", apps, "argocd", ""));
    files.insert_content(
        &format!("{apps}/web.yaml"),
        [
            application("web-stg", "charts/web", "shop-stg", &helm("values-stg.yaml")),
            application("web-prod", "./charts/web/", "shop-prod", &helm("values-prod.yaml, values-missing.yaml")),
        ]
        .join("\n---\n"),
    );
    files.insert_content(&format!("{apps}/cache.yaml"), application("cache", "charts/cache", "tools", ""));
    files.insert_content(&format!("{apps}/note.yaml"), "just: data\n");
    files.insert_content(&format!("{apps}/deep/ignored.yaml"), application("deep", "charts/deep", "x", ""));
    files.insert_content("charts/web/Chart.yaml", "apiVersion: v2\nname: shop-web\nversion: 1.0.0\n");
    files.insert_content("charts/web/templates/app.yaml", "apiVersion: argoproj.io/v1alpha1\n{{ broken }}\n");
    files.insert_content(
        "charts/web/values.yaml",
        "image: {repository: r.example.com/web, tag: none}\nside: {image: 'busybox:1'}\n",
    );
    files.insert_content(
        "charts/web/values-stg.yaml",
        "image:\n  repository: r.example.com/stg/web\n  tag: \"1.0\" # 태그\n",
    );
    files.insert_content("charts/web/values-prod.yaml", "image:\n  tag: \"0.9\"\n");
    files.insert_content("charts/cache/Chart.yaml", "apiVersion: v2\nname: cache\nversion: 1.0.0\n");
    files.insert_content("infra/cluster-services/metallb/native.yaml", "kind: Namespace\n");
    files.insert_content("infra/cluster-services/abc/Chart.yaml", "name: abc\nversion: 1.0.0\n");
    files
}

#[test]
fn finds_everything_without_configuration() {
    let workspace = repository().discover().unwrap();
    let environments: Vec<_> = workspace.environments.iter().map(|e| (e.name.as_str(), e.production)).collect();
    assert_eq!(environments, [("production", true), ("staging", false)]);
    assert_eq!(workspace.environment("STG").unwrap().namespaces(), ["shop-stg"]);
    let components: Vec<_> = workspace.components.iter().map(|c| (c.name(), c.environments())).collect();
    assert_eq!(components, [("cache", vec![]), ("deep", vec![]), ("web", vec!["production", "staging"])]);
    assert_eq!(workspace.component("shop-web").unwrap().name(), "web");
    let prod = workspace.application("web-prod").unwrap();
    assert_eq!((prod.source.document, prod.source.location().line), (1, 17));
    let root = workspace.roots().next().unwrap();
    assert_eq!((root.name.as_str(), root.children.join(" ")), ("platform", "cache web-prod web-stg".into()));
    let libraries: Vec<_> = workspace.libraries[0].libraries.iter().map(|l| (&*l.name, &*l.namespace)).collect();
    assert_eq!(libraries, [("metallb", "metallb-system"), ("abc", "abc")]);
    assert!(workspace.diagnostics.is_empty(), "{:?}", workspace.diagnostics);
}

#[test]
fn value_files_by_environment() {
    let workspace = repository().discover().unwrap();
    let web = workspace.component("web").unwrap();
    assert_eq!(web.value_files(Some("staging")), ["charts/web/values.yaml", "charts/web/values-stg.yaml"]);
    let missing: Vec<_> = web.deployments_in(Some("production"))[0].value_files.iter().filter(|f| !f.exists).collect();
    assert_eq!(missing[0].path.as_deref(), Some("charts/web/values-missing.yaml"));
    assert_eq!(missing[0].location.to_string(), "env/apps/web.yaml:28:38");
}

#[test]
fn image_edits_stay_in_their_environment() {
    let workspace = repository().discover().unwrap();
    let web = workspace.component("web").unwrap();
    let edits = |environment: &str, image: &str| {
        web.image_edits(Some(environment), &ImageRequest::parse(image)).map(|edits| {
            edits.iter().map(|e| format!("{} {} {}→{}", e.file, e.path, e.old, e.new)).collect::<Vec<_>>().join("; ")
        })
    };
    assert_eq!(edits("staging", "r.example.com/stg/web:2"), Ok("charts/web/values-stg.yaml image.tag 1.0→2".into()));
    assert_eq!(
        edits("staging", "image=:2"),
        edits("staging", "other/web:2").map(|_| "charts/web/values-stg.yaml image.tag 1.0→2".into())
    );
    assert_eq!(
        edits("production", "r.example.com/web:1.0"),
        Ok("charts/web/values-prod.yaml image.tag 0.9→1.0".into())
    );
    let errors = [
        ("staging", ":2", "web: more than one image fits :2 in staging"),
        ("staging", "side.image=busybox:2", "web: charts/web/values.yaml:2:15 also decides the image of production"),
        ("staging", "web", "web: the image \"web\" has neither a tag nor a digest"),
        ("staging", "nope:1", "web: no image in its values for staging fits nope:1; there are: image ("),
        ("qa", "web:1", "web is not deployed to qa"),
        ("staging", "image=web@sha256:1", "web: web@sha256:1 cannot be set at image"),
    ];
    for (environment, image, want) in errors {
        let error = edits(environment, image).unwrap_err().to_string();
        assert!(error.starts_with(want), "{error}");
    }
}

#[test]
fn parameters_win_over_files() {
    let mut files = repository();
    let rest = "    helm:\n      valueFiles: [values-stg.yaml]\n      parameters:\n        - {name: image.tag, value: \"7\"}\n";
    files.insert_content("env/apps/web.yaml", application("web-stg", "charts/web", "shop-stg", rest));
    let workspace = files.discover().unwrap();
    let web = workspace.component("web").unwrap();
    let edits = web.image_edits(Some("staging"), &ImageRequest::parse("image=:8")).unwrap();
    assert_eq!(edits.len(), 1);
    assert_eq!(edits[0].path.to_string(), "spec.source.helm.parameters[0].value");
    assert_eq!((edits[0].file.as_str(), edits[0].old.as_str()), ("env/apps/web.yaml", "7"));
}

#[test]
fn configuration_overrides() {
    let mut files = repository();
    files.insert_content(
        CONFIG_FILE,
        "environments:\n  canary: {aliases: [deep]}\napplications:\n  web-prod: {environment: canary, component: front}\n  cache: {ignore: true}\n",
    );
    let mut wrong = repository();
    let workspace = files.discover().unwrap();
    assert_eq!(workspace.application("web-prod").unwrap().environment.as_deref(), Some("canary"));
    assert_eq!(workspace.application("deep").unwrap().environment.as_deref(), Some("canary"));
    assert!(workspace.component("cache").is_none());
    assert_eq!(workspace.component("front").unwrap().applications(Some("canary")), ["web-prod"]);
    wrong.insert_content(CONFIG_FILE, "environmens: {}\n");
    assert!(wrong.discover().unwrap_err().to_string().contains("did you mean environments?"));
}

#[test]
fn what_is_wrong_is_said_and_the_rest_goes_on() {
    let mut files = repository();
    files.insert_content("env/apps/broken.yaml", "kind: Application\nspec: [\n");
    files.insert_content("env/apps/types.yaml", application("typed", "x", "x", "    targetRevision: 1.5\n"));
    files.insert_content(
        "env/apps/stray.yaml",
        application("stray", "charts/cache", "x", "  syncOption: []\noperation: {}\n"),
    );
    files.insert_content("env/apps/self.yaml", application("self", "env/apps", "x", ""));
    files.insert("env/apps/link.yaml", File::Symlink("../../../etc/passwd".into()));
    files.insert("env/apps/huge.yaml", File::TooLarge(1 << 40));
    files.insert_content("env/apps/binary.yaml", vec![0xff, 0xfe, 0x00]);
    let workspace = files.discover().unwrap();
    let found: Vec<String> = workspace.diagnostics.iter().map(ToString::to_string).collect();
    for (place, code) in [
        ("env/apps/binary.yaml:1:1: error: ", "unreadable-file"),
        ("env/apps/broken.yaml:2:7: error: ", "invalid-yaml"),
        ("env/apps/huge.yaml:1:1: error: ", "unreadable-file"),
        ("env/apps/link.yaml:1:1: error: ", "unreadable-file"),
        ("env/apps/self.yaml:2:1: error: self contains itself", "application-cycle"),
        ("env/apps/stray.yaml:12:3: warning: ", "unknown-field"),
        ("env/apps/stray.yaml:13:1: warning: ", "runtime-field"),
        ("env/apps/types.yaml:12:5: error: ", "invalid-application"),
    ] {
        let fits = |line: &&String| line.starts_with(place) && line.contains(&format!("[{code}]"));
        assert!(found.iter().any(|line| fits(&line)), "{place} [{code}] in {found:#?}");
    }
    assert!(workspace.application("stray").is_some_and(|a| a.source.object.extra.is_empty()));
    assert!(workspace.application("web-stg").is_some() && workspace.application("typed").is_none());
}

proptest::proptest! {
    /// Whatever stands in the files: no panic, and the good Application beside them is found.
    #[test]
    fn hostile_text_never_stops_discovery(
        text in r"(apiVersion: argoproj.io/v1alpha1\nkind: Application\n)?([\[\]{}:,&*!|>%@`'#\-? \n\t\\a-c0-9]|spec|source|sources|helm|valueFiles|image|tag|<<|한){0,120}",
        pattern in r"[*?\[\]{},!\\/a-c^-]{0,24}",
    ) {
        let mut files = repository();
        files.insert_content("env/apps/hostile.yaml", text.clone());
        files.insert_content("charts/web/values.yaml", text.clone());
        files.insert_content("charts/web/Chart.yaml", text.clone());
        files.insert_content("env/apps/glob.yaml", application("glob", &pattern.replace('\\', "/"), "x", &helm(&format!("'{pattern}'"))));
        let workspace = files.discover().unwrap();
        proptest::prop_assert!(workspace.application("cache").is_some());
        let _refused_or_read = WorkspaceConfig::parse(&text);
        let _matches = crate::model::glob_match(&pattern, &text, &['/']) || crate::model::glob::file_match(&pattern, &text);
    }
}
