//! The real kubectl against the embedded API.
//!
//! `PLATE_KUBECTL` names the program, or it lies with the control plane (`PLATE_CONTROL_PLANE`); without it the test does
//! not run.

use std::env;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use plate_deploy_apiserver::controllers::{FailureRule, Simulation};
use plate_deploy_apiserver::{ApiServer, Listener, random_token};

const DEPLOYMENT: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 2
  progressDeadlineSeconds: 5
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: main, image: 'nginx:1'}]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {a: '1'}
";

struct Kubectl {
    program: PathBuf,
    dir: tempfile::TempDir,
    _listener: Listener,
}

struct Output {
    ok: bool,
    text: String,
}

impl Kubectl {
    async fn start() -> Option<Self> {
        let beside = || env::var_os("PLATE_CONTROL_PLANE").map(|dir| PathBuf::from(dir).join("kubectl"));
        let program = env::var_os("PLATE_KUBECTL").map(PathBuf::from).or_else(beside).filter(|path| path.exists())?;
        let failures = ["image=broken:crash-loop", "image=missing:image-pull"];
        let failures = failures.iter().map(|rule| rule.parse::<FailureRule>().unwrap()).collect();
        let simulation = Simulation { failures, ..Simulation::default() };
        let server = ApiServer::builder().controllers(simulation).build().unwrap();
        let listener = server.serve("127.0.0.1:0".parse().unwrap(), Some(random_token())).await.unwrap();
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("kubeconfig"), listener.kubeconfig()).unwrap();
        Some(Self { program, dir, _listener: listener })
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }

    fn command(&self, args: &str) -> Command {
        let mut command = Command::new(&self.program);
        command.args(args.split(' ')).env("KUBECONFIG", self.path().join("kubeconfig")).env("HOME", self.path());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn run(&self, args: &str, input: &str) -> Output {
        let mut child = self.command(args).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        Output { ok: output.status.success(), text }
    }

    /// Runs a command that must succeed and say `words`.
    fn expect(&self, args: &str, input: &str, words: &[&str]) {
        let output = self.run(args, input);
        assert!(output.ok, "kubectl {args}: {}", output.text);
        for word in words {
            assert!(output.text.contains(word), "kubectl {args} does not say {word:?}: {}", output.text);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn kubectl_works() {
    let Some(kubectl) = Kubectl::start().await else {
        println!("NOT RUN: no kubectl (set PLATE_KUBECTL, or run `cargo suite`)");
        return;
    };
    tokio::task::spawn_blocking(move || {
        writes(&kubectl);
        rollouts(&kubectl);
        questions(&kubectl);
        watches(&kubectl);
        failures(&kubectl);
    })
    .await
    .unwrap();
}

fn writes(kubectl: &Kubectl) {
    kubectl.expect("apply -f -", DEPLOYMENT, &["deployment.apps/web created", "configmap/settings created"]);
    kubectl.expect("apply -f -", DEPLOYMENT, &["deployment.apps/web unchanged", "configmap/settings unchanged"]);
    let changed = DEPLOYMENT.replace("a: '1'", "a: '2'");
    let diff = kubectl.run("diff -f -", &changed);
    assert!(!diff.ok && diff.text.contains("-  a: \"1\"") && diff.text.contains("+  a: \"2\""), "{}", diff.text);
    kubectl.expect("diff -f -", DEPLOYMENT, &[]);
    kubectl.expect(
        "apply --server-side --field-manager=other --force-conflicts -f -",
        &changed,
        &["serverside-applied"],
    );
    let conflict = kubectl.run("apply --server-side --field-manager=third -f -", &changed.replace("a: '2'", "a: '3'"));
    assert!(!conflict.ok && conflict.text.contains("conflict"), "{}", conflict.text);
    kubectl.expect("label configmap settings tier=x", "", &["labeled"]);
    kubectl.expect("get configmap -l tier=x -o name", "", &["configmap/settings"]);
    kubectl.expect("apply --dry-run=server -f -", &changed.replace("settings", "other"), &["(server dry run)"]);
    kubectl.expect("delete configmap settings", "", &["deleted"]);
    assert!(!kubectl.run("get configmap settings", "").ok);
}

fn rollouts(kubectl: &Kubectl) {
    kubectl.expect("rollout status deployment/web --timeout=60s", "", &["successfully rolled out"]);
    kubectl.expect("wait --for=condition=Available deployment/web --timeout=60s", "", &["condition met"]);
    kubectl.expect("get deployments", "", &["READY", "UP-TO-DATE", "2/2"]);
    kubectl.expect("get deployment web -o yaml", "", &["image: nginx:1", "readyReplicas: 2"]);
    kubectl.expect("get pods", "", &["Running", "1/1"]);
    kubectl.expect("logs deployment/web", "", &["is ready"]);
    kubectl.expect("set image deployment/web main=nginx:2", "", &["image updated"]);
    kubectl.expect("rollout status deployment/web --timeout=60s", "", &["successfully rolled out"]);
    kubectl.expect("rollout undo deployment/web", "", &["rolled back"]);
    kubectl.expect("rollout status deployment/web --timeout=60s", "", &["successfully rolled out"]);
    kubectl.expect("get deployment web -o jsonpath={.spec.template.spec.containers[0].image}", "", &["nginx:1"]);
    kubectl.expect("rollout restart deployment/web", "", &["restarted"]);
    kubectl.expect("rollout status deployment/web --timeout=60s", "", &["successfully rolled out"]);
    kubectl.expect("rollout history deployment/web", "", &["REVISION"]);
    kubectl.expect("scale deployment/web --replicas=3", "", &["scaled"]);
    kubectl.expect("rollout status deployment/web --timeout=60s", "", &["successfully rolled out"]);
    kubectl.expect("get deployment web -o jsonpath={.status.readyReplicas}", "", &["3"]);
    kubectl.expect("describe deployment web", "", &["NewReplicaSet", "3 desired"]);
}

fn questions(kubectl: &Kubectl) {
    kubectl.expect("auth can-i delete pods", "", &["yes"]);
    let viewer = kubectl.run("auth can-i delete pods --as=nobody", "");
    assert!(!viewer.ok && viewer.text.contains("no"), "{}", viewer.text);
    kubectl.expect("create rolebinding v --clusterrole=view --user=jane", "", &["created"]);
    kubectl.expect("auth can-i list deployments.apps --as=jane", "", &["yes"]);
    assert!(!kubectl.run("auth can-i delete deployments.apps --as=jane", "").ok);
    kubectl.expect("get deployments --as=jane", "", &["web"]);
    let refused = kubectl.run("delete deployment web --as=jane", "");
    assert!(!refused.ok && refused.text.contains("cannot delete resource"), "{}", refused.text);
    kubectl.expect("auth whoami", "", &["admin"]);
    kubectl.expect("api-resources", "", &["deployments", "deploy", "apps/v1"]);
    kubectl.expect("api-versions", "", &["networking.k8s.io/v1"]);
    kubectl.expect("explain deployment.spec.replicas", "", &["FIELD", "replicas"]);
    kubectl.expect("version", "", &["Server Version: v1.37.2"]);
}

fn watches(kubectl: &Kubectl) {
    let mut watch = kubectl.command("get configmaps -w -o name").spawn().unwrap();
    let (sender, receiver) = std::sync::mpsc::channel();
    let reader = BufReader::new(watch.stdout.take().unwrap());
    let thread = std::thread::spawn(move || {
        for line in reader.lines().map_while(Result::ok) {
            let _ = sender.send(line);
        }
    });
    // What there is already comes first.
    assert!(receiver.recv_timeout(Duration::from_secs(20)).is_ok());
    kubectl.expect("create configmap watched --from-literal=a=b", "", &["created"]);
    let seen = std::iter::from_fn(|| receiver.recv_timeout(Duration::from_secs(20)).ok());
    let found = seen.take(20).any(|line| line == "configmap/watched");
    let _ = watch.kill();
    let _ = watch.wait();
    thread.join().unwrap();
    assert!(found, "the watch did not show the new object");
}

fn failures(kubectl: &Kubectl) {
    kubectl.expect("set image deployment/web main=broken:1", "", &["image updated"]);
    let status = kubectl.run("rollout status deployment/web --timeout=60s", "");
    assert!(!status.ok && status.text.contains("exceeded its progress deadline"), "{}", status.text);
    kubectl.expect("get pods", "", &["CrashLoopBackOff"]);
    kubectl.expect("get events", "", &["BackOff", "Back-off restarting failed container"]);
}
