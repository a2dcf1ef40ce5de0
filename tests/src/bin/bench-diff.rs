//! `bench-diff [--helm PATH] [--applications N] [--runs N]`: the repository-wide diff beside
//! running `helm template` for every Application at both revisions, which is what preview tools do.
//!
//! Makes a Git repository of N Applications (each with a chart of its own: Deployment, Service, ConfigMap, Ingress,
//! helpers and two values files) and a second commit; then compares. Build `plate-deploy` in the same profile first: it is
//! looked for beside this program.

#![allow(clippy::print_stdout, reason = "a program that reports")]

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};

const URL: &str = "https://git.example.com/bench/deploy.git";

struct Options {
    helm: PathBuf,
    applications: usize,
    runs: usize,
}

fn main() -> anyhow::Result<()> {
    let options = options()?;
    let ours = env::current_exe()?.with_file_name("plate-deploy");
    ensure!(ours.exists(), "{} is not there: cargo build --release -p plate-deploy-cli", ours.display());
    let dir = tempfile::tempdir()?;
    let (repo, old) = (dir.path().join("new"), dir.path().join("old"));
    generate(&repo, options.applications)?;
    git(&repo, &["init", "--quiet", "--initial-branch", "main"])?;
    commit(&repo, "first")?;
    // A checkout of the first revision for Helm, which reads folders only.
    git(dir.path(), &["clone", "--quiet", "--local", "new", "old"])?;
    println!("{} Applications, a chart each; fastest of {} runs", options.applications, options.runs);
    let helm = time(options.runs.min(2), || helm_all(&options.helm, [&old, &repo], options.applications))?;
    println!("helm template, every Application at both revisions, two at a time: {:.2} s", helm.as_secs_f64());
    for (name, change) in CHANGES {
        change(&repo, options.applications)?;
        commit(&repo, name)?;
        let took = time(options.runs, || {
            run(Command::new(&ours).args(["diff", "main~1..main", "--output", "json", "--repo"]).arg(&repo))
        })?;
        git(&repo, &["reset", "--quiet", "--hard", "main~1"])?;
        let ratio = helm.as_secs_f64() / took.as_secs_f64();
        let met = if ratio >= 50.0 && took < Duration::from_secs(1) { "met" } else { "MISSED" };
        println!("plate-deploy diff, {name}: {:.3} s, ×{ratio:.0} (goal ×50 and under 1 s: {met})", took.as_secs_f64());
    }
    Ok(())
}

type Change = fn(&Path, usize) -> anyhow::Result<()>;

const CHANGES: [(&str, Change); 3] = [
    ("the values of one Application changed", |repo, _| change(&repo.join("charts/app-0/values-prod.yaml"))),
    ("the values of every tenth Application changed", |repo, count| {
        (0..count).step_by(10).try_for_each(|n| change(&repo.join(format!("charts/app-{n}/values-prod.yaml"))))
    }),
    ("the values of every Application changed", |repo, count| {
        (0..count).try_for_each(|n| change(&repo.join(format!("charts/app-{n}/values-prod.yaml"))))
    }),
];

fn change(values: &Path) -> anyhow::Result<()> {
    let text = fs::read_to_string(values)?;
    ensure!(text.contains("replicas: 2"), "{} holds no replicas", values.display());
    Ok(fs::write(values, text.replace("replicas: 2", "replicas: 3"))?)
}

fn generate(repo: &Path, count: usize) -> anyhow::Result<()> {
    for n in 0..count {
        let name = format!("app-{n}");
        let chart = repo.join("charts").join(&name);
        for (path, text) in CHART {
            write(&chart.join(path), &text.replace("NAME", &name))?;
        }
        let application = APPLICATION.replace("NAME", &name).replace("URL", URL);
        write(&repo.join(format!("apps/{name}.yaml")), &application)?;
    }
    Ok(())
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    fs::create_dir_all(path.parent().context("a file has a folder")?)?;
    Ok(fs::write(path, text)?)
}

/// `helm template` for every Application in both folders, as many at a time as there are cores (two here).
fn helm_all(helm: &Path, folders: [&PathBuf; 2], count: usize) -> anyhow::Result<()> {
    std::thread::scope(|scope| {
        let threads = folders.map(|folder| {
            scope.spawn(move || {
                (0..count).try_for_each(|n| {
                    let chart = folder.join(format!("charts/app-{n}"));
                    let values = chart.join("values-prod.yaml");
                    let name = format!("app-{n}");
                    run(Command::new(helm)
                        .args(["template", &name])
                        .arg(&chart)
                        .arg("-f")
                        .arg(values)
                        .args(["-n", "prod"]))
                })
            })
        });
        threads.into_iter().try_for_each(|thread| thread.join().map_err(|_| anyhow::anyhow!("a thread failed"))?)
    })
}

fn time(runs: usize, mut work: impl FnMut() -> anyhow::Result<()>) -> anyhow::Result<Duration> {
    let mut best = Duration::MAX;
    for _ in 0..runs {
        let start = Instant::now();
        work()?;
        best = best.min(start.elapsed());
    }
    Ok(best)
}

fn git(folder: &Path, args: &[&str]) -> anyhow::Result<()> {
    run(Command::new("git").arg("-C").arg(folder).args(args))
}

fn commit(repo: &Path, message: &str) -> anyhow::Result<()> {
    git(repo, &["add", "--all"])?;
    git(repo, &["-c", "user.name=bench", "-c", "user.email=bench@localhost", "commit", "--quiet", "-m", message])
}

fn run(command: &mut Command) -> anyhow::Result<()> {
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("{command:?}"))?;
    ensure!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

fn options() -> anyhow::Result<Options> {
    let home = env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    let helm = env::var_os("PLATE_HELM").map(PathBuf::from);
    let helm = helm.unwrap_or_else(|| home.join(".cache/plate-deploy-peers/helm-4.3.1/helm"));
    let mut options = Options { helm, applications: 500, runs: 5 };
    let mut args = env::args().skip(1);
    while let Some(flag) = args.next() {
        let value = args.next().with_context(|| format!("{flag} needs a value"))?;
        match flag.as_str() {
            "--helm" => options.helm = value.into(),
            "--applications" => options.applications = value.parse().context("--applications")?,
            "--runs" => options.runs = value.parse().context("--runs")?,
            _ => bail!("unknown flag {flag}; known: --helm, --applications, --runs"),
        }
    }
    Ok(options)
}

const APPLICATION: &str = "\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  name: NAME-prod
  namespace: argocd
  labels: {environment: production}
spec:
  project: default
  source:
    repoURL: URL
    targetRevision: main
    path: charts/NAME
    helm:
      releaseName: NAME
      valueFiles: [values.yaml, values-prod.yaml]
  destination: {server: https://kubernetes.default.svc, namespace: prod}
  syncPolicy:
    automated: {prune: true, selfHeal: true}
";

const CHART: [(&str, &str); 8] = [
    ("Chart.yaml", "apiVersion: v2\nname: NAME\nversion: 1.0.0\nappVersion: \"1.0\"\n"),
    (
        "values.yaml",
        "replicas: 1\nimage: {repository: registry.example.com/NAME, tag: \"1.0\"}\nservice: {type: ClusterIP, port: 80}\ningress:\n  enabled: true\n  host: NAME.example.com\nresources: {limits: {cpu: 100m, memory: 128Mi}}\nconfig: {LOG_LEVEL: info, FEATURE: \"on\"}\n",
    ),
    ("values-prod.yaml", "replicas: 2\nconfig:\n  LOG_LEVEL: warn\n"),
    (
        "templates/_helpers.tpl",
        "{{- define \"app.labels\" -}}\napp.kubernetes.io/name: {{ .Chart.Name }}\napp.kubernetes.io/instance: {{ .Release.Name }}\napp.kubernetes.io/managed-by: {{ .Release.Service }}\nhelm.sh/chart: {{ printf \"%s-%s\" .Chart.Name .Chart.Version | replace \"+\" \"_\" }}\n{{- end }}\n{{- define \"app.selector\" -}}\napp.kubernetes.io/name: {{ .Chart.Name }}\napp.kubernetes.io/instance: {{ .Release.Name }}\n{{- end }}\n",
    ),
    (
        "templates/deployment.yaml",
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {{ .Release.Name }}\n  labels: {{- include \"app.labels\" . | nindent 4 }}\nspec:\n  replicas: {{ .Values.replicas }}\n  selector:\n    matchLabels: {{- include \"app.selector\" . | nindent 6 }}\n  template:\n    metadata:\n      annotations:\n        checksum/config: {{ toYaml .Values.config | sha256sum }}\n      labels: {{- include \"app.labels\" . | nindent 8 }}\n    spec:\n      containers:\n        - name: app\n          image: \"{{ .Values.image.repository }}:{{ .Values.image.tag }}\"\n          envFrom: [{configMapRef: {name: {{ .Release.Name }}}}]\n          ports: [{containerPort: 8080}]\n          resources: {{- toYaml .Values.resources | nindent 12 }}\n",
    ),
    (
        "templates/service.yaml",
        "apiVersion: v1\nkind: Service\nmetadata:\n  name: {{ .Release.Name }}\n  labels: {{- include \"app.labels\" . | nindent 4 }}\nspec:\n  type: {{ .Values.service.type }}\n  selector: {{- include \"app.selector\" . | nindent 4 }}\n  ports: [{port: {{ .Values.service.port }}, targetPort: 8080}]\n",
    ),
    (
        "templates/configmap.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}\ndata:\n{{- range $name, $value := .Values.config }}\n  {{ $name }}: {{ $value | quote }}\n{{- end }}\n",
    ),
    (
        "templates/ingress.yaml",
        "{{- if .Values.ingress.enabled }}\napiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata:\n  name: {{ .Release.Name }}\nspec:\n  rules:\n    - host: {{ .Values.ingress.host }}\n      http:\n        paths:\n          - path: /\n            pathType: Prefix\n            backend: {service: {name: {{ .Release.Name }}, port: {number: {{ .Values.service.port }}}}}\n{{- end }}\n",
    ),
];
