//! The API as `kube::Client` sees it, in process.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests, outside the test functions themselves")]

use std::collections::BTreeMap;

use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Secret, Service};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{
    DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams, PropagationPolicy, WatchEvent, WatchParams,
};
use kube::core::{ApiResource, GroupVersionKind};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client, Discovery, ResourceExt};
use plate_deploy_apiserver::ApiServer;
use plate_deploy_apiserver::controllers::Simulation;
use serde_json::{Value, json};

fn client() -> Client {
    Client::new(ApiServer::in_memory(), "default")
}

fn typed<T: serde::de::DeserializeOwned>(v: Value) -> T {
    serde_json::from_value(v).unwrap()
}

fn api_error(e: kube::Error) -> (u16, String, String) {
    match e {
        kube::Error::Api(s) => (s.code, s.reason.clone(), s.message.clone()),
        other => panic!("{other:?}"),
    }
}

fn config_map(name: &str, value: &str) -> ConfigMap {
    typed(json!({"metadata": {"name": name}, "data": {"k": value}}))
}

fn deployment(image: &str) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": {
        "selector": {"matchLabels": {"app": "web"}},
        "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "c", "image": image}]}}}})
}

#[tokio::test]
async fn objects_live_their_life() {
    let maps: Api<ConfigMap> = Api::default_namespaced(client());
    let made = maps.create(&PostParams::default(), &config_map("a", "1")).await.unwrap();
    assert!(made.uid().is_some() && made.creation_timestamp().is_some());
    let e = maps.create(&PostParams::default(), &config_map("a", "1")).await.unwrap_err();
    assert_eq!(api_error(e), (409, "AlreadyExists".into(), "configmaps \"a\" already exists".into()));
    let mut stale = made.clone();
    let mut newer = made.clone();
    newer.data = Some(BTreeMap::from([("k".into(), "2".into())]));
    let newer = maps.replace("a", &PostParams::default(), &newer).await.unwrap();
    stale.data = None;
    let e = maps.replace("a", &PostParams::default(), &stale).await.unwrap_err();
    assert_eq!(api_error(e), (409, "Conflict".into(), "Operation cannot be fulfilled on configmaps \"a\": the object has been modified; please apply your changes to the latest version and try again".into()));
    let same = maps.replace("a", &PostParams::default(), &newer).await.unwrap();
    assert_eq!(same.resource_version(), newer.resource_version(), "a write that changes nothing is none");
    maps.delete("a", &DeleteParams::default()).await.unwrap();
    let e = maps.get("a").await.unwrap_err();
    assert_eq!(api_error(e), (404, "NotFound".into(), "configmaps \"a\" not found".into()));
    let elsewhere: Api<ConfigMap> = Api::namespaced(client(), "nowhere");
    let e = elsewhere.create(&PostParams::default(), &config_map("a", "1")).await.unwrap_err();
    assert_eq!(api_error(e), (404, "NotFound".into(), "namespaces \"nowhere\" not found".into()));
}

#[tokio::test]
async fn discovery_finds_built_in_and_custom_kinds() {
    let client = client();
    define_widgets(&client).await;
    for discovery in [
        Discovery::new(client.clone()).run().await.unwrap(),
        Discovery::new(client.clone()).run_aggregated().await.unwrap(),
    ] {
        let (found, caps) = discovery.resolve_gvk(&GroupVersionKind::gvk("apps", "v1", "Deployment")).unwrap();
        assert_eq!(found.plural, "deployments");
        assert!(caps.supports_operation("watch"));
        assert!(discovery.resolve_gvk(&GroupVersionKind::gvk("example.com", "v1", "Widget")).is_some());
        assert!(
            discovery.resolve_gvk(&GroupVersionKind::gvk("autoscaling", "v2", "HorizontalPodAutoscaler")).is_some()
        );
    }
    assert_eq!(client.apiserver_version().await.unwrap().minor, "37");
}

#[tokio::test]
async fn apply_defaults_owns_and_conflicts() {
    let api: Api<Deployment> = Api::default_namespaced(client());
    let one = api.patch("web", &PatchParams::apply("a"), &Patch::Apply(deployment("nginx"))).await.unwrap();
    let spec = &one.spec;
    assert_eq!((spec.replicas, spec.revision_history_limit, one.metadata.generation), (Some(1), Some(10), Some(1)));
    let again = api.patch("web", &PatchParams::apply("a"), &Patch::Apply(deployment("nginx"))).await.unwrap();
    assert_eq!(again.resource_version(), one.resource_version());
    let e = api.patch("web", &PatchParams::apply("b"), &Patch::Apply(deployment("httpd"))).await.unwrap_err();
    let (code, reason, message) = api_error(e);
    assert_eq!((code, reason.as_str()), (409, "Conflict"));
    assert_eq!(
        message,
        "Apply failed with 1 conflict: conflict with \"a\": .spec.template.spec.containers[name=\"c\"].image"
    );
    let forced = api.patch("web", &PatchParams::apply("b").force(), &Patch::Apply(deployment("httpd"))).await.unwrap();
    assert_eq!(forced.metadata.generation, Some(2));
    let status = json!({"status": {"replicas": 1, "observedGeneration": 2}});
    let done = api.patch_status("web", &PatchParams::default(), &Patch::Merge(status)).await.unwrap();
    assert_eq!(done.status.unwrap().replicas, Some(1));
    assert_eq!(done.metadata.generation, Some(2));
    let scale =
        api.patch_scale("web", &PatchParams::default(), &Patch::Merge(json!({"spec": {"replicas": 3}}))).await.unwrap();
    assert_eq!(scale.spec.unwrap().replicas, Some(3));
    assert_eq!(api.get_scale("web").await.unwrap().status.unwrap().selector.as_deref(), Some("app=web"));
}

#[tokio::test]
async fn patches_of_every_kind() {
    let api: Api<Deployment> = Api::default_namespaced(client());
    api.create(&PostParams::default(), &typed(deployment("nginx"))).await.unwrap();
    let p = PatchParams::default();
    let side = json!({"spec": {"template": {"spec": {"containers": [{"name": "side", "image": "x"}]}}}});
    let strategic = api.patch("web", &p, &Patch::Strategic(&side)).await.unwrap();
    let names = |d: &Deployment| {
        d.spec.template.spec.as_ref().unwrap().containers.iter().map(|c| c.name.clone()).collect::<Vec<_>>()
    };
    assert_eq!(names(&strategic), ["side", "c"]);
    let merged = api.patch("web", &p, &Patch::Merge(&side)).await.unwrap();
    assert_eq!(names(&merged), ["side"]);
    let patch: json_patch::Patch = typed(json!([{"op": "replace", "path": "/spec/replicas", "value": 7}]));
    let json = api.patch("web", &p, &Patch::Json::<()>(patch)).await.unwrap();
    assert_eq!(json.spec.replicas, Some(7));
    let patch: json_patch::Patch = typed(json!([{"op": "test", "path": "/spec/replicas", "value": 8}]));
    assert_eq!(api_error(api.patch("web", &p, &Patch::Json::<()>(patch)).await.unwrap_err()).0, 422);
    let e = api
        .patch("web", &p, &Patch::Merge(json!({"spec": {"selector": {"matchLabels": {"app": "x"}}}})))
        .await
        .unwrap_err();
    let (code, reason, message) = api_error(e);
    assert_eq!((code, reason.as_str()), (422, "Invalid"));
    assert!(message.contains("field is immutable"), "{message}");
}

#[tokio::test]
async fn lists_page_and_select() {
    let api: Api<ConfigMap> = Api::default_namespaced(client());
    for i in 0..7 {
        let mut m = config_map(&format!("m{i}"), "x");
        m.labels_mut().insert("even".into(), (i % 2 == 0).to_string());
        api.create(&PostParams::default(), &m).await.unwrap();
    }
    let mut seen = Vec::new();
    let mut params = ListParams::default().limit(3);
    loop {
        let page = api.list(&params).await.unwrap();
        seen.extend(page.items.iter().map(ResourceExt::name_any));
        // What is created later is not in later pages.
        let _ = api.create(&PostParams::default(), &config_map("m9", "late")).await;
        match page.metadata.continue_.filter(|c| !c.is_empty()) {
            Some(token) => params = params.continue_token(&token),
            None => break,
        }
    }
    assert_eq!(seen, ["m0", "m1", "m2", "m3", "m4", "m5", "m6"]);
    assert_eq!(api.list(&ListParams::default().labels("even in (true)")).await.unwrap().items.len(), 4);
    assert_eq!(api.list(&ListParams::default().fields("metadata.name=m3")).await.unwrap().items.len(), 1);
    let e = api.list(&ListParams::default().fields("spec.x=1")).await.unwrap_err();
    assert_eq!(api_error(e).0, 400);
    assert_eq!(api.list_metadata(&ListParams::default()).await.unwrap().items.len(), 8);
    api.delete_collection(&DeleteParams::default(), &ListParams::default().labels("even=true")).await.unwrap();
    assert_eq!(api.list(&ListParams::default()).await.unwrap().items.len(), 4);
}

#[tokio::test]
async fn watches_follow_selections_and_expire() {
    let server = ApiServer::in_memory();
    let api: Api<ConfigMap> = Api::default_namespaced(Client::new(server.clone(), "default"));
    let start = api.list(&ListParams::default()).await.unwrap().metadata.resource_version.unwrap();
    let mut stream = api.watch(&WatchParams::default().labels("on=1").timeout(5), &start).await.unwrap().boxed();
    let mut m = config_map("a", "1");
    m.labels_mut().insert("on".into(), "1".into());
    let m = api.create(&PostParams::default(), &m).await.unwrap();
    assert!(matches!(stream.try_next().await.unwrap().unwrap(), WatchEvent::Added(o) if o.name_any() == "a"));
    let mut off = m.clone();
    off.labels_mut().clear();
    let off = api.replace("a", &PostParams::default(), &off).await.unwrap();
    assert!(
        matches!(stream.try_next().await.unwrap().unwrap(), WatchEvent::Deleted(o) if o.resource_version() == off.resource_version())
    );
    server.registry().store().compact();
    let mut old = api.watch(&WatchParams::default(), &start).await.unwrap().boxed();
    let WatchEvent::Error(e) = old.try_next().await.unwrap().unwrap() else { panic!() };
    assert_eq!((e.code, e.reason.as_str()), (410, "Expired"));
    let mut events = watcher(api.clone(), watcher::Config::default().streaming_lists()).applied_objects().boxed();
    assert_eq!(events.try_next().await.unwrap().unwrap().name_any(), "a");
}

async fn define_widgets(client: &Client) {
    let schema = json!({"type": "object", "required": ["spec"], "properties": {
        "spec": {"type": "object", "required": ["size"], "properties": {
            "size": {"type": "integer", "minimum": 1}, "color": {"type": "string", "default": "red", "enum": ["red", "blue"]},
            "items": {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"], "items": {
                "type": "object", "required": ["name"], "properties": {"name": {"type": "string"}, "value": {"type": "string"}}}},
            "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}},
        "status": {"type": "object", "properties": {"ready": {"type": "boolean"}}}}});
    let crd: CustomResourceDefinition = typed(json!({"metadata": {"name": "widgets.example.com"}, "spec": {
        "group": "example.com", "scope": "Namespaced", "names": {"plural": "widgets", "kind": "Widget", "shortNames": ["wg"]},
        "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema},
            "subresources": {"status": {}, "scale": {"specReplicasPath": ".spec.size", "statusReplicasPath": ".status.size"}}},
            {"name": "v1beta1", "served": true, "storage": false, "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}}]}}));
    let crds: Api<CustomResourceDefinition> = Api::all(client.clone());
    crds.create(&PostParams::default(), &crd).await.unwrap();
    let made = crds.get("widgets.example.com").await.unwrap();
    let conditions = made.status.unwrap().conditions.unwrap();
    assert!(conditions.iter().any(|c| c.type_ == "Established" && c.status == "True"));
}

fn widgets(client: Client, version: &str) -> Api<DynamicObject> {
    Api::default_namespaced_with(
        client,
        &ApiResource::from_gvk(&GroupVersionKind::gvk("example.com", version, "Widget")),
    )
}

fn widget(spec: Value) -> DynamicObject {
    typed(json!({"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w"}, "spec": spec}))
}

#[tokio::test]
async fn custom_resources_are_pruned_defaulted_and_validated() {
    let client = client();
    let api = widgets(client.clone(), "v1");
    let e = api.list(&ListParams::default()).await.unwrap_err();
    assert_eq!(api_error(e).0, 404);
    define_widgets(&client).await;
    let e = api.create(&PostParams::default(), &widget(json!({"size": 0, "color": "green"}))).await.unwrap_err();
    assert_eq!(api_error(e), (422, "Invalid".into(), "Widget.example.com \"w\" is invalid: [spec.color: Unsupported value: \"green\": supported values: \"red\", \"blue\", spec.size: Invalid value: 0: spec.size in body should be greater than or equal to 1]".into()));
    let e = api.create(&PostParams::default(), &widget(json!({"size": "x"}))).await.unwrap_err();
    assert_eq!(
        api_error(e).2,
        "Widget.example.com \"w\" is invalid: spec.size: Invalid value: \"string\": spec.size in body must be of type integer: \"string\""
    );
    let made =
        api.create(&PostParams::default(), &widget(json!({"size": 2, "bogus": 1, "free": {"x": 1}}))).await.unwrap();
    assert_eq!(made.data["spec"], json!({"size": 2, "color": "red", "free": {"x": 1}}));
    let old = widgets(client.clone(), "v1beta1").get("w").await.unwrap();
    assert_eq!(old.types.unwrap().api_version, "example.com/v1beta1");
    let status = api
        .patch_status(
            "w",
            &PatchParams::default(),
            &Patch::Merge(json!({"status": {"ready": true}, "spec": {"size": 9}})),
        )
        .await
        .unwrap();
    assert_eq!(
        (&status.data["status"], &status.data["spec"]["size"], status.metadata.generation),
        (&json!({"ready": true}), &json!(2), Some(1))
    );
    let e = api.patch("w", &PatchParams::default(), &Patch::Strategic(json!({"spec": {"size": 3}}))).await.unwrap_err();
    assert_eq!(api_error(e).0, 415);
    let applied = |items: Value| widget(json!({"size": 2, "items": items}));
    let p = PatchParams::apply("m").force();
    api.patch("w", &p, &Patch::Apply(applied(json!([{"name": "a", "value": "1"}, {"name": "b"}])))).await.unwrap();
    let got = api.patch("w", &p, &Patch::Apply(applied(json!([{"name": "b"}])))).await.unwrap();
    assert_eq!(got.data["spec"]["items"], json!([{"name": "b"}]));
    let crds: Api<CustomResourceDefinition> = Api::all(client);
    crds.delete("widgets.example.com", &DeleteParams::default()).await.unwrap();
    assert_eq!(api_error(api.get("w").await.unwrap_err()).0, 404);
}

#[tokio::test]
async fn finalizers_hold_objects() {
    let api: Api<ConfigMap> = Api::default_namespaced(client());
    let mut m = config_map("a", "1");
    m.metadata.finalizers = Some(vec!["example.com/hold".into()]);
    api.create(&PostParams::default(), &m).await.unwrap();
    api.delete("a", &DeleteParams::default()).await.unwrap();
    let held = api.get("a").await.unwrap();
    assert!(held.metadata.deletion_timestamp.is_some());
    let e = api
        .patch(
            "a",
            &PatchParams::default(),
            &Patch::Merge(json!({"metadata": {"finalizers": ["example.com/hold", "example.com/more"]}})),
        )
        .await
        .unwrap_err();
    assert_eq!(api_error(e).0, 422);
    api.patch("a", &PatchParams::default(), &Patch::Merge(json!({"metadata": {"finalizers": null}}))).await.unwrap();
    assert_eq!(api_error(api.get("a").await.unwrap_err()).0, 404);
    let p = DeleteParams { propagation_policy: Some(PropagationPolicy::Foreground), ..DeleteParams::default() };
    api.create(&PostParams::default(), &config_map("b", "1")).await.unwrap();
    api.delete("b", &p).await.unwrap();
    assert_eq!(api.get("b").await.unwrap().metadata.finalizers.unwrap(), ["foregroundDeletion"]);
}

#[tokio::test]
async fn services_get_addresses_and_secrets_their_data() {
    let client = client();
    let api: Api<Service> = Api::default_namespaced(client.clone());
    let service = |name: &str, kind: &str| {
        typed(
            json!({"metadata": {"name": name}, "spec": {"type": kind, "selector": {"a": "b"}, "ports": [{"port": 80}]}}),
        )
    };
    let a = api.create(&PostParams::default(), &service("a", "NodePort")).await.unwrap().spec.unwrap();
    let b = api.create(&PostParams::default(), &service("b", "ClusterIP")).await.unwrap().spec.unwrap();
    assert_ne!(a.cluster_ip, b.cluster_ip);
    assert!(a.ports.unwrap()[0].node_port.unwrap() >= 30000);
    // An apply without address and port keeps them.
    let same = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "b"}, "spec": {"ports": [{"port": 80}], "sessionAffinity": "ClientIP"}});
    let after = api.patch("b", &PatchParams::apply("x").force(), &Patch::Apply(same)).await.unwrap().spec.unwrap();
    assert_eq!(after.cluster_ip, b.cluster_ip);
    let secrets: Api<Secret> = Api::default_namespaced(client);
    let s = secrets
        .create(&PostParams::default(), &typed(json!({"metadata": {"name": "s"}, "stringData": {"k": "value"}})))
        .await
        .unwrap();
    assert_eq!(serde_json::to_value(s.data).unwrap(), json!({"k": "dmFsdWU="}));
    assert_eq!(s.type_.as_deref(), Some("Opaque"));
}

#[tokio::test]
async fn strict_validation_dry_run_and_metadata() {
    let client = client();
    let api: Api<DynamicObject> = Api::default_namespaced_with(client.clone(), &ApiResource::erase::<Deployment>(&()));
    let mut bad = deployment("x");
    bad["spec"]["bogus"] = json!(1);
    let strict =
        PatchParams { field_validation: Some(kube::api::ValidationDirective::Strict), ..PatchParams::apply("a") };
    assert_eq!(api_error(api.patch("web", &strict, &Patch::Apply(bad)).await.unwrap_err()).0, 500);
    let dry = PostParams { dry_run: true, ..PostParams::default() };
    let made = api.create(&dry, &typed(deployment("x"))).await.unwrap();
    assert!(made.uid().is_some());
    assert_eq!(api_error(api.get("web").await.unwrap_err()).0, 404);
    for (metadata, message) in [
        (json!({"name": "Bad_Name"}), "metadata.name: Invalid value: \"Bad_Name\""),
        (json!({"name": "a", "labels": {"x y": "z"}}), "metadata.labels: Invalid value: \"x y\""),
        (json!({}), "metadata.name: Required value: name or generateName is required"),
    ] {
        let mut object = deployment("x");
        object["metadata"] = metadata;
        let (code, _, text) = api_error(api.create(&PostParams::default(), &typed(object)).await.unwrap_err());
        assert_eq!(code, 422);
        assert!(text.contains(message), "{text}");
    }
    let mut generated = deployment("x");
    generated["metadata"] = json!({"generateName": "gen-"});
    let made = api.create(&PostParams::default(), &typed(generated)).await.unwrap();
    assert!(made.name_any().starts_with("gen-") && made.name_any().len() == 9);
    let spaces: Api<Namespace> = Api::all(client);
    assert_eq!(api_error(spaces.delete("default", &DeleteParams::default()).await.unwrap_err()).0, 403);
}

#[tokio::test]
async fn objects_outlive_the_process_in_a_store_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("cluster");
    let uid = {
        let server = ApiServer::builder().store_file(&path).build().unwrap();
        let client = Client::new(server, "default");
        define_widgets(&client).await;
        widgets(client, "v1").create(&PostParams::default(), &widget(json!({"size": 1}))).await.unwrap().uid()
    };
    // The client's worker task drops the first server after this task yields.
    let reopen = || ApiServer::builder().store_file(&path).build();
    let mut server = reopen();
    while server.is_err() {
        tokio::task::yield_now().await;
        server = reopen();
    }
    let server = server.unwrap();
    assert_eq!(widgets(Client::new(server, "default"), "v1").get("w").await.unwrap().uid(), uid);
}

#[tokio::test]
async fn hostile_requests_get_a_status() {
    use http_body_util::{BodyExt, Full};
    use tower::Service as _;
    let mut server = ApiServer::in_memory();
    let deep = "[".repeat(50_000);
    let huge = " ".repeat(3 * 1024 * 1024 + 1);
    for (method, path, body, code) in [
        ("POST", "/api/v1/namespaces/default/configmaps", deep.as_str(), 400),
        ("POST", "/api/v1/namespaces/default/configmaps", huge.as_str(), 413),
        ("POST", "/api/v1/namespaces/default/configmaps", "[]", 400),
        ("POST", "/api/v1/namespaces/default/configmaps", "null", 422),
        ("POST", "/api/v1/namespaces/default/configmaps", "{\"metadata\": 5}", 400),
        ("PATCH", "/api/v1/namespaces/default/configmaps/x", "{}", 415),
        ("GET", "/api/v1/namespaces/default/configmaps?limit=x", "", 400),
        ("GET", "/api/v1/namespaces/default/configmaps?continue=zz", "", 400),
        ("GET", "/api/v1/namespaces/default/configmaps?continue=%F0%9F%98%80", "", 400),
        ("GET", "/api/v1/namespaces/default/configmaps?labelSelector=%3D%3D", "", 400),
        ("GET", "/api/v1/namespaces/default/configmaps?resourceVersion=x&watch=1", "", 400),
        ("GET", "/apis/nope/v1/things", "", 404),
        ("GET", "/%ff/%zz//..", "", 404),
        ("DELETE", "/api/v1/nodes/a/proxy/x", "", 404),
        ("PUT", "/version", "", 405),
        ("TRACE", "/api/v1/namespaces", "", 405),
        ("POST", "/api/v1/namespaces/default/pods/x/exec", "", 405),
    ] {
        let request = http::Request::builder()
            .method(method)
            .uri(path)
            .body(Full::new(bytes::Bytes::from(body.to_owned())))
            .unwrap();
        let response = server.call(request).await.unwrap();
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(status, code, "{method} {path}: {}", String::from_utf8_lossy(&body));
        let value: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!((value["kind"].as_str(), value["code"].as_u64()), (Some("Status"), Some(u64::from(code))), "{path}");
    }
}

#[tokio::test]
async fn the_listener_wants_its_token() {
    let server = ApiServer::in_memory();
    let listener = server.serve(([127, 0, 0, 1], 0).into(), Some("secret".into())).await.unwrap();
    let config = kube::config::Kubeconfig::from_yaml(&listener.kubeconfig()).unwrap();
    let config = kube::Config::from_custom_kubeconfig(config, &Default::default()).await.unwrap();
    let with: Api<Namespace> = Api::all(Client::try_from(config.clone()).unwrap());
    assert_eq!(with.list(&ListParams::default()).await.unwrap().items.len(), 4);
    // The token is in the path for clients that send no header without TLS, and in the header for the others.
    for (path, token, refused) in
        [("", None, true), ("/t/wrong", None, true), ("/t/secret", None, false), ("", Some("secret"), false)]
    {
        let mut other = config.clone();
        other.cluster_url = format!("http://{}{path}", listener.address()).parse().unwrap();
        other.auth_info.token = token.map(|t| t.to_owned().into());
        let other: Api<Namespace> = Api::all(Client::try_from(other).unwrap());
        let answer = other.get("default").await;
        assert_eq!(answer.is_err(), refused, "{path} {token:?}");
        if let Err(error) = answer {
            assert_eq!(api_error(error).0, 401);
        }
    }
}

#[tokio::test]
async fn controllers_run_in_the_background() {
    let server = ApiServer::builder().controllers(Simulation::default()).build().unwrap();
    let client = Client::new(server, "default");
    let spaces: Api<Namespace> = Api::all(client.clone());
    spaces.create(&PostParams::default(), &typed(json!({"metadata": {"name": "x"}}))).await.unwrap();
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), "x");
    let mut owned = watcher(maps.clone(), watcher::Config::default()).applied_objects().boxed();
    assert_eq!(owned.try_next().await.unwrap().unwrap().name_any(), "kube-root-ca.crt");
    // With controllers pods get the service account of their namespace.
    let pods: Api<DynamicObject> =
        Api::namespaced_with(client, "x", &ApiResource::from_gvk(&GroupVersionKind::gvk("", "v1", "Pod")));
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i:1"}]}});
    let made = pods.create(&PostParams::default(), &typed(pod)).await.unwrap();
    assert_eq!(made.data["spec"]["serviceAccountName"], "default");
    assert_eq!(
        made.data["spec"]["containers"][0]["volumeMounts"][0]["mountPath"],
        "/var/run/secrets/kubernetes.io/serviceaccount"
    );
    spaces.delete("x", &DeleteParams::default()).await.unwrap();
    while spaces.get_opt("x").await.unwrap().is_some() {
        tokio::task::yield_now().await;
    }
    assert!(pods.list(&ListParams::default()).await.unwrap().items.is_empty());
}
