//! `KubeCluster` on a bad network: overloaded and broken servers, watches that end, lists that expire, proxies.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::StreamExt;
use http::{Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use plate_deploy_apiserver::ApiServer;
use plate_deploy_core::cluster::{
    ClusterReader, ClusterWriter, ConnectOptions, KubeCluster, ListOptions, ObjectRef, WatchEvent, WriteOptions,
    connect, follow,
};
use plate_deploy_core::model::{GroupVersionKind, Manifest};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tower::ServiceExt;

type Reply = Response<UnsyncBoxBody<Bytes, Infallible>>;

/// What happens to requests whose method and path contain a text, one after the other.
#[derive(Clone)]
enum Trouble {
    Status(u16, &'static str),
    /// No answer at all.
    Silence,
    /// 200 with this body.
    Body(Value),
}

#[derive(Clone, Default)]
struct Network {
    script: Arc<Mutex<VecDeque<(&'static str, Trouble)>>>,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Network {
    fn then(self, on: &'static str, trouble: Trouble) -> Self {
        self.script.lock().unwrap().push_back((on, trouble));
        self
    }

    fn count(&self, text: &str) -> usize {
        self.seen.lock().unwrap().iter().filter(|line| line.contains(text)).count()
    }

    fn cluster(&self, server: &ApiServer) -> KubeCluster {
        let (network, server) = (self.clone(), server.clone());
        let service = tower::service_fn(move |request: Request<kube::client::Body>| {
            let (network, server) = (network.clone(), server.clone());
            async move { Ok::<Reply, Infallible>(network.answer(server, request).await) }
        });
        KubeCluster::new("test", kube::Client::new(service, "default"))
    }

    async fn answer(&self, server: ApiServer, request: Request<kube::client::Body>) -> Reply {
        let line = format!("{} {}", request.method(), request.uri());
        let trouble = {
            let mut script = self.script.lock().unwrap();
            let next = script.front().filter(|(on, _)| line.contains(on)).cloned();
            next.inspect(|_| drop(script.pop_front()))
        };
        self.seen.lock().unwrap().push(line);
        match trouble.map(|(_, trouble)| trouble) {
            None => server.oneshot(request).await.unwrap().map(BodyExt::boxed_unsync),
            Some(Trouble::Status(code, retry)) => {
                let status = json!({"kind": "Status", "status": "Failure", "code": code, "message": "trouble", "reason": "Trouble"});
                let mut builder = Response::builder().status(code);
                if !retry.is_empty() {
                    builder = builder.header("Retry-After", retry);
                }
                builder.body(Full::from(status.to_string()).boxed_unsync()).unwrap()
            }
            Some(Trouble::Silence) => std::future::pending().await,
            Some(Trouble::Body(body)) => Response::new(Full::from(body.to_string()).boxed_unsync()),
        }
    }
}

fn config_map(name: &str) -> Manifest {
    Manifest::new(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "default"}}))
        .unwrap()
}

fn kind(name: &str) -> GroupVersionKind {
    GroupVersionKind::parse("v1", name)
}

fn options() -> WriteOptions {
    WriteOptions { field_manager: "test".into(), ..WriteOptions::default() }
}

fn here() -> ListOptions {
    ListOptions { namespace: Some("default".into()), ..ListOptions::default() }
}

#[tokio::test]
async fn passing_failures_are_tried_again() {
    let network = Network::default()
        .then("/configmaps/a", Trouble::Status(503, ""))
        .then("/configmaps/a", Trouble::Status(500, ""))
        .then("/configmaps/a", Trouble::Status(429, "0"));
    let cluster = network.cluster(&ApiServer::in_memory());
    assert!(cluster.get(&ObjectRef::of(&config_map("a"))).await.unwrap().is_none());
    assert_eq!(network.count("GET /api/v1/namespaces/default/configmaps/a"), 4);
}

#[tokio::test]
async fn overload_is_waited_out_as_the_server_asks_and_other_failed_creates_are_not_repeated() {
    let network = Network::default().then("POST", Trouble::Status(429, "1"));
    let cluster = network.cluster(&ApiServer::in_memory());
    let start = Instant::now();
    cluster.create(&config_map("a"), &options()).await.unwrap();
    assert!(start.elapsed() >= Duration::from_secs(1), "Retry-After was not kept");

    let network = Network::default().then("POST", Trouble::Status(503, ""));
    let cluster = network.cluster(&ApiServer::in_memory());
    let error = cluster.create(&config_map("a"), &options()).await.unwrap_err();
    assert!(error.is_transient(), "{error}");
    assert_eq!(network.count("POST"), 1, "a create may have been done although it failed");

    let network = Network::default().then("/configmaps/a", Trouble::Status(503, "7200"));
    let cluster = network.cluster(&ApiServer::in_memory());
    assert!(cluster.get(&ObjectRef::of(&config_map("a"))).await.is_err(), "nobody waits two hours");
}

#[tokio::test]
async fn a_silent_server_is_an_error_in_time() {
    let mut network = Network::default();
    for _ in 0..5 {
        network = network.then("/configmaps/a", Trouble::Silence);
    }
    let cluster = network.cluster(&ApiServer::in_memory()).request_timeout(Duration::from_millis(50));
    let error = cluster.get(&ObjectRef::of(&config_map("a"))).await.unwrap_err();
    assert!(error.to_string().contains("no answer within"), "{error}");
}

#[tokio::test]
async fn lists_come_in_pages_and_start_again_when_a_page_has_expired() {
    let page = json!({"kind": "ConfigMapList", "apiVersion": "v1", "metadata": {"resourceVersion": "1", "continue": "token"},
        "items": [{"metadata": {"name": "old", "namespace": "default"}}]});
    let network =
        Network::default().then("limit=", Trouble::Body(page)).then("continue=token", Trouble::Status(410, ""));
    let cluster = network.cluster(&ApiServer::in_memory());
    let mut map = config_map("a").value().clone();
    map["data"] = json!({"a": "b"});
    cluster.create(&Manifest::new(map).unwrap(), &options()).await.unwrap();
    let list =
        cluster.list(&kind("ConfigMap"), &ListOptions { strip: &["/metadata/managedFields"], ..here() }).await.unwrap();
    assert_eq!(list.items.iter().map(Manifest::name).collect::<Vec<_>>(), ["a"], "the first page is forgotten");
    assert!(list.items[0].value()["metadata"].get("managedFields").is_none(), "stripped");
    let whole = cluster.list(&kind("ConfigMap"), &here()).await.unwrap();
    assert!(whole.items[0].value()["metadata"].get("managedFields").is_some());
}

#[tokio::test]
async fn a_followed_watch_goes_on_where_it_broke() {
    let server = ApiServer::in_memory();
    let network = Network::default();
    let cluster = Arc::new(network.cluster(&server));
    let version = cluster.list(&kind("ConfigMap"), &here()).await.unwrap().resource_version;
    cluster.create(&config_map("a"), &options()).await.unwrap();
    // Each watch breaks after what it has told; the next one is refused at first.
    let now = cluster.list(&kind("ConfigMap"), &here()).await.unwrap();
    let first = json!({"type": "ADDED", "object": now.items[0].value()});
    let network = network.then("watch=true", Trouble::Body(first)).then("watch=true", Trouble::Status(503, ""));
    let mut events = follow(cluster.clone(), kind("ConfigMap"), here(), version.clone());
    let name = |event: WatchEvent| match event {
        WatchEvent::Applied(object) => object.name().to_owned(),
        other => panic!("{other:?}"),
    };
    assert_eq!(name(events.next().await.unwrap().unwrap()), "a");
    cluster.create(&config_map("b"), &options()).await.unwrap();
    assert_eq!(name(events.next().await.unwrap().unwrap()), "b", "neither missed nor told twice");
    assert_eq!(network.count("watch=true"), 3);
    assert_eq!(network.count(&format!("resourceVersion={version}")), 1, "only the first starts from the list");
    // What the server has forgotten must be listed again.
    server.registry().store().compact();
    let mut old = follow(cluster, kind("ConfigMap"), here(), "1".into());
    assert!(old.next().await.unwrap().unwrap_err().is_expired());
    assert!(old.next().await.is_none());
}

#[tokio::test]
async fn new_kinds_are_discovered() {
    let network = Network::default();
    let cluster = network.cluster(&ApiServer::in_memory());
    cluster.catalog(false).await.unwrap();
    let definition = json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "things.example.com"}, "spec": {"group": "example.com", "scope": "Namespaced",
        "names": {"plural": "things", "singular": "thing", "kind": "Thing", "listKind": "ThingList"},
        "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {"type": "object"}}}]}});
    cluster.create(&Manifest::new(definition).unwrap(), &options()).await.unwrap();
    let thing =
        json!({"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "a", "namespace": "default"}});
    cluster.create(&Manifest::new(thing).unwrap(), &options()).await.unwrap();
    assert_eq!(network.count("GET /apis "), 0);
    assert_eq!(network.seen.lock().unwrap().iter().filter(|l| l.as_str() == "GET /apis").count(), 2);
}

#[tokio::test]
async fn the_kubeconfigs_proxy_is_used_and_its_programs_are_not() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = listener.local_addr().unwrap();
    let first = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut buffer = [0; 4096];
        let n = stream.read(&mut buffer).await.unwrap();
        let line = String::from_utf8_lossy(&buffer[..n]).lines().next().unwrap_or_default().to_owned();
        if line.starts_with("CONNECT") {
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
            let _ = stream.read(&mut buffer).await.unwrap();
        }
        let body = r#"{"gitVersion": "v1.2.3"}"#;
        let head =
            format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", body.len());
        stream.write_all((head + body).as_bytes()).await.unwrap();
        line
    });
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("kubeconfig");
    let config = |user: &str| {
        format!(
            "{{apiVersion: v1, kind: Config, current-context: c, contexts: [{{name: c, context: {{cluster: c, user: u}}}}],
            clusters: [{{name: c, cluster: {{server: 'http://api.invalid:8080', proxy-url: 'http://{proxy}'}}}}],
            users: [{{name: u, user: {user}}}]}}"
        )
    };
    std::fs::write(&path, config("{}")).unwrap();
    let options = ConnectOptions { kubeconfig: vec![path.clone()], ..ConnectOptions::default() };
    let connection = connect(&options).await.unwrap();
    assert_eq!(connection.cluster.version().await.unwrap(), "v1.2.3");
    assert!(first.await.unwrap().contains("api.invalid"), "the request did not go through the proxy");
    std::fs::write(&path, config("{exec: {apiVersion: client.authentication.k8s.io/v1, command: touch, args: [x]}}"))
        .unwrap();
    let refused = connect(&options).await.unwrap_err().to_string();
    assert!(refused.contains("--allow-exec"), "{refused}");
}
