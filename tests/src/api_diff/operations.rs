//! A seeded sequence of random requests, the same to both servers.
//!
//! Several lanes run at once, each with its own seed, namespace and names, so that what one does cannot show in
//! another.

use anyhow::{Result, bail};
use http::Method;
use serde_json::{Value, json};

use super::objects::{Kind, Kinds, metadata_change, patch, set};
use super::rng::Rng;
use super::{Pair, Reply, Report, Wire};

/// Sequences at the same time.
const LANES: usize = 4;
const APPLY: &str = "application/apply-patch+yaml";
const MERGE: &str = "application/merge-patch+json";
const STRATEGIC: &str = "application/strategic-merge-patch+json";
const JSON_PATCH: &str = "application/json-patch+json";

/// Sends `count` random requests (and the reads that check what they stored).
///
/// # Errors
/// When a server cannot be reached, or the fixture is not valid.
pub async fn run(pair: &Pair, seed: u64, count: usize) -> Result<Report> {
    let kinds = Kinds::load()?;
    define(pair, &kinds).await?;
    let lanes = (0..LANES).map(|lane| {
        let id = format!("s{seed}l{lane}");
        let rng = Rng::new(seed.wrapping_mul(31).wrapping_add(lane as u64));
        let lane = Lane { pair, kinds: &kinds, id, rng, report: Report::default() };
        lane.run(count.div_ceil(LANES))
    });
    let mut report = Report::new(&format!("random operations (seed {seed})"));
    for done in futures::future::join_all(lanes).await {
        report.add(done?);
    }
    Ok(report)
}

/// Defines the custom kinds and waits until the real server serves them.
async fn define(pair: &Pair, kinds: &Kinds) -> Result<()> {
    let path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    for definition in &kinds.definitions {
        let name = definition["metadata"]["name"].as_str().unwrap_or_default();
        let wire = Wire::new(Method::PATCH, format!("{path}/{name}?fieldManager=diff&force=true"));
        let (a, b) = pair.both(&wire.content_type(APPLY).body(definition.clone())).await?;
        if !a.ok() || !b.ok() {
            bail!("{name} is refused: {} / {}", a.body, b.body);
        }
    }
    for kind in kinds.kinds.iter().filter(|k| k.custom) {
        let wire = Wire::new(Method::GET, format!("{}/{}", kind.path, kind.plural));
        let mut served = false;
        for _ in 0..200 {
            served = pair.both(&wire).await?.1.ok();
            if served {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        if !served {
            bail!("{} is not served", wire.path);
        }
    }
    Ok(())
}

struct Lane<'a> {
    pair: &'a Pair,
    kinds: &'a Kinds,
    id: String,
    rng: Rng,
    report: Report,
}

/// What a request is about.
struct Place<'a> {
    kind: &'a Kind,
    collection: String,
    name: String,
}

impl Place<'_> {
    fn path(&self) -> String {
        format!("{}/{}", self.collection, self.name)
    }
}

impl<'a> Lane<'a> {
    async fn run(mut self, count: usize) -> Result<Report> {
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.id}});
        self.pair.both(&Wire::new(Method::POST, "/api/v1/namespaces").body(namespace)).await?;
        self.grant().await?;
        for _ in 0..count {
            let Some(kind) = self.kinds.pick(&mut self.rng) else { break };
            let place = self.place(kind);
            match self.rng.below(100) {
                0..16 => self.create(&place).await?,
                16..38 => self.apply(&place).await?,
                38..52 => self.replace(&place).await?,
                52..72 => self.patch(&place).await?,
                72..80 => self.delete(&place).await?,
                80..85 => self.scale(&place).await?,
                85..90 => self.list(&place).await?,
                90..93 => self.get(&place).await?,
                93..95 => self.delete_collection(&place).await?,
                95..98 => self.careless(&place).await?,
                _ => self.review(&place).await?,
            }
        }
        self.watch().await?;
        Ok(self.report)
    }

    fn place(&mut self, kind: &'a Kind) -> Place<'a> {
        let short = self.rng.word(&["a", "b", "c"]);
        let (collection, name) = if kind.cluster {
            (format!("{}/{}", kind.path, kind.plural), format!("{}-{short}", self.id))
        } else {
            (format!("{}/namespaces/{}/{}", kind.path, self.id, kind.plural), short.to_owned())
        };
        Place { kind, collection, name }
    }

    fn object(&mut self, place: &Place<'_>) -> Value {
        place.kind.object(&mut self.rng, &place.name, &self.id)
    }

    /// Random options of a write.
    fn options(&mut self, apply: bool) -> String {
        let manager = self.rng.word(&["one", "two", "one", "two", ""]);
        let mut out = String::from("?");
        if !manager.is_empty() || apply {
            out += &format!("fieldManager={}", if manager.is_empty() { "three" } else { manager });
        }
        if self.rng.chance(12) {
            out += "&dryRun=All";
        } else if self.rng.chance(1) {
            out += "&dryRun=Some";
        }
        out +=
            self.rng.word(&["", "", "", "&fieldValidation=Strict", "&fieldValidation=Ignore", "&fieldValidation=Warn"]);
        if apply && self.rng.chance(40) {
            out += "&force=true";
        }
        out
    }

    /// Sends, compares, and reads back what was stored.
    async fn send(&mut self, wire: &Wire, place: &Place<'_>) -> Result<(Reply, Reply)> {
        let (a, b) = self.pair.both(wire).await?;
        self.check(wire, place, &a, &b).await?;
        Ok((a, b))
    }

    async fn check(&mut self, wire: &Wire, place: &Place<'_>, a: &Reply, b: &Reply) -> Result<()> {
        let equal = self.report.compare(wire, a, b);
        if wire.method != Method::GET && (self.rng.chance(30) || !equal) {
            let get = Wire::new(Method::GET, place.path());
            let (x, y) = self.pair.both(&get).await?;
            let same = self.report.compare(&get, &x, &y);
            // What went apart would show again and again: the object is removed.
            if !equal || !same {
                remove(self.pair, &place.path()).await?;
            }
        }
        Ok(())
    }

    async fn create(&mut self, place: &Place<'_>) -> Result<()> {
        let mut object = self.object(place);
        let options = self.options(false);
        if self.rng.chance(8) {
            set(&mut object, "/metadata/generateName", "made-".into());
            super::objects::remove(&mut object, "/metadata/name");
            let wire = Wire::new(Method::POST, format!("{}{options}", place.collection)).body(object);
            let (a, b) = self.pair.both(&wire).await?;
            self.report.compare(&wire, &a, &b);
            let gone = |reply: &Reply| {
                let name = reply.body.pointer("/metadata/name").and_then(Value::as_str).unwrap_or("none");
                Wire::new(Method::DELETE, format!("{}/{name}", place.collection))
            };
            self.pair.each(&gone(&a), &gone(&b)).await?;
            return Ok(());
        }
        let wire = Wire::new(Method::POST, format!("{}{options}", place.collection)).body(object);
        self.send(&wire, place).await.map(drop)
    }

    async fn apply(&mut self, place: &Place<'_>) -> Result<()> {
        let object = self.object(place);
        let sub = if self.rng.chance(10) { "/status" } else { "" };
        let path = format!("{}{sub}{}", place.path(), self.options(true));
        self.send(&Wire::new(Method::PATCH, path).content_type(APPLY).body(object), place).await.map(drop)
    }

    /// GET, change, PUT: with the version just read, without one, or with a stale one.
    async fn replace(&mut self, place: &Place<'_>) -> Result<()> {
        let get = Wire::new(Method::GET, place.path());
        let (a, b) = self.pair.both(&get).await?;
        self.report.compare(&get, &a, &b);
        let sub = self.rng.word(&["", "", "", "/status"]);
        let path = format!("{}{sub}{}", place.path(), self.options(false));
        if !a.ok() || !b.ok() {
            let object = self.object(place);
            return self.send(&Wire::new(Method::PUT, path).body(object), place).await.map(drop);
        }
        let version = self.rng.below(10);
        let seed = self.rng.clone();
        let build = |reply: &Reply| {
            let mut rng = seed.clone();
            let mut object = reply.body.clone();
            for _ in 0..=rng.below(2) {
                place.kind.mutate(&mut object, &mut rng);
            }
            match version {
                0..6 => {}
                6..8 => super::objects::remove(&mut object, "/metadata/resourceVersion"),
                8 => set(&mut object, "/metadata/resourceVersion", "1".into()),
                _ => set(&mut object, "/metadata/resourceVersion", "x".into()),
            }
            Wire::new(Method::PUT, path.clone()).body(object)
        };
        let (wire_a, wire_b) = (build(&a), build(&b));
        self.rng.number();
        let (a, b) = self.pair.each(&wire_a, &wire_b).await?;
        self.check(&wire_b, place, &a, &b).await
    }

    async fn patch(&mut self, place: &Place<'_>) -> Result<()> {
        let sub = self.rng.word(&["", "", "", "", "/status"]);
        let path = format!("{}{sub}{}", place.path(), self.options(false));
        let (pointer, value) = match place.kind.change(&mut self.rng) {
            Some((pointer, value)) if self.rng.chance(85) => (pointer, value.clone()),
            _ => metadata_change(&mut self.rng),
        };
        let kind = self.rng.word(&[MERGE, STRATEGIC, JSON_PATCH]);
        let value = if self.rng.chance(10) { Value::Null } else { value };
        let mut body = patch(&place.kind.base, pointer, &value);
        if kind == JSON_PATCH {
            let op = self.rng.word(&["add", "replace", "remove", "test", "add", "copy"]);
            body = json!([{"op": op, "path": pointer, "value": value, "from": "/metadata/name"}]);
        } else if kind == STRATEGIC && self.rng.chance(10) {
            let directive = self.rng.word(&["replace", "delete", "merge", "odd"]);
            set(&mut body, "/spec/$patch", directive.into());
        }
        self.send(&Wire::new(Method::PATCH, path).content_type(kind).body(body), place).await.map(drop)
    }

    async fn delete(&mut self, place: &Place<'_>) -> Result<()> {
        let options = [
            Value::Null,
            Value::Null,
            json!({"propagationPolicy": "Background"}),
            json!({"propagationPolicy": "Foreground"}),
            json!({"propagationPolicy": "Orphan"}),
            json!({"propagationPolicy": "Odd"}),
            json!({"orphanDependents": true, "propagationPolicy": "Orphan"}),
            json!({"gracePeriodSeconds": 0}),
            json!({"gracePeriodSeconds": 5, "dryRun": ["All"]}),
            json!({"gracePeriodSeconds": -1}),
            json!({"dryRun": ["Some"]}),
            json!({"preconditions": {"uid": "11111111-2222-3333-4444-555555555555"}}),
            json!({"preconditions": {"resourceVersion": "1"}}),
            json!({"kind": "ConfigMap", "apiVersion": "v1"}),
            json!({"unknown": 1}),
        ];
        let body = self.rng.pick(&options).cloned().unwrap_or_default();
        let query =
            self.rng.word(&["", "", "", "?dryRun=All", "?propagationPolicy=Background", "?gracePeriodSeconds=x"]);
        let wire = Wire::new(Method::DELETE, format!("{}{query}", place.path())).body(body);
        let (a, b) = self.send(&wire, place).await?;
        if a.body.pointer("/metadata/finalizers").is_some() && b.ok() && self.rng.chance(70) {
            let free = Wire::new(Method::PATCH, place.path()).content_type(MERGE);
            self.send(&free.body(json!({"metadata": {"finalizers": null}})), place).await?;
        }
        Ok(())
    }

    async fn scale(&mut self, place: &Place<'_>) -> Result<()> {
        let path = format!("{}/scale", place.path());
        let mut wire = Wire::new(Method::GET, path.clone());
        let replicas = self.rng.word(&["0", "2", "5", "-1"]).parse::<i64>().unwrap_or(0);
        let group_version = json!("autoscaling/v1");
        let body = json!({"apiVersion": group_version, "kind": "Scale",
            "metadata": {"name": place.name, "namespace": self.id}, "spec": {"replicas": replicas}});
        match self.rng.below(4) {
            0 => {}
            1 => wire = Wire::new(Method::PUT, path).body(body),
            2 => {
                wire = Wire::new(Method::PATCH, path).content_type(MERGE).body(json!({"spec": {"replicas": replicas}}))
            }
            _ => {
                let path = format!("{path}?fieldManager=scaler&force=true");
                wire = Wire::new(Method::PATCH, path).content_type(APPLY).body(body);
            }
        }
        self.send(&wire, place).await.map(drop)
    }

    async fn list(&mut self, place: &Place<'_>) -> Result<()> {
        let words = [
            "labelSelector=app%3Dx",
            "labelSelector=app%20in%20(x%2Cy)%2Cmore",
            "labelSelector=!app",
            "labelSelector=app%20in%20x",
            "labelSelector=a%3D%3D%3Db",
            "fieldSelector=metadata.name%3Da",
            "fieldSelector=metadata.name!%3Da",
            "fieldSelector=spec.mode%3Dslow",
            "fieldSelector=status.phase%3DRunning",
            "fieldSelector=type%3DOpaque",
            "resourceVersion=0",
            "resourceVersionMatch=Exact",
            "resourceVersion=0&resourceVersionMatch=Exact",
            "resourceVersion=x",
            "limit=-1",
            "limit=x",
            "continue=bad",
            "sendInitialEvents=true",
            "limit=1",
            "limit=2",
            "",
        ];
        let mut query = self.rng.word(&words).to_owned();
        // Pages of cluster-wide kinds show how many objects other lanes have.
        if place.kind.cluster && query.starts_with("limit=") {
            query.clear();
        }
        if place.kind.cluster && !query.contains("labelSelector") {
            query += &format!("&labelSelector=lane%3D{}", self.id);
        } else if place.kind.cluster {
            query = query.replace("labelSelector=", &format!("labelSelector=lane%3D{}%2C", self.id));
        }
        let mut wire = Wire::new(Method::GET, format!("{}?{query}", place.collection));
        wire.accept = self.rng.word(&[
            "application/json",
            "application/json",
            "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1",
            "application/json;as=Nothing",
        ]);
        let (mut a, mut b) = self.send(&wire, place).await?;
        // Follow the pages.
        for _ in 0..3 {
            let token =
                |r: &Reply| r.body.pointer("/metadata/continue").and_then(Value::as_str).unwrap_or_default().to_owned();
            let (x, y) = (token(&a), token(&b));
            if x.is_empty() || y.is_empty() {
                break;
            }
            let page = |token: String| Wire { path: format!("{}&continue={token}", wire.path), ..wire.clone() };
            let (wire_a, wire_b) = (page(x), page(y));
            (a, b) = self.pair.each(&wire_a, &wire_b).await?;
            self.report.compare(&wire_b, &a, &b);
        }
        Ok(())
    }

    async fn get(&mut self, place: &Place<'_>) -> Result<()> {
        let sub = self.rng.word(&["", "", "/status", "/nothing"]);
        let mut wire = Wire::new(Method::GET, format!("{}{sub}", place.path()));
        wire.accept = self.rng.word(&[
            "application/json",
            "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1",
            "text/html",
            "application/json;as=Table;g=meta.k8s.io;v=v9,application/json",
        ]);
        self.send(&wire, place).await.map(drop)
    }

    async fn delete_collection(&mut self, place: &Place<'_>) -> Result<()> {
        let query = format!("?labelSelector=lane%3D{}%2Capp%3Dx", self.id);
        let wire = Wire::new(Method::DELETE, format!("{}{query}", place.collection));
        self.send(&wire, place).await.map(drop)
    }

    /// Requests that are wrong in themselves.
    async fn careless(&mut self, place: &Place<'_>) -> Result<()> {
        let object = self.object(place);
        let with = |pointer: &str, value: Value| {
            let mut object = object.clone();
            set(&mut object, pointer, value);
            object
        };
        let other = with("/metadata/namespace", "elsewhere".into());
        let (path, collection) = (place.path(), place.collection.clone());
        let wire = match self.rng.below(16) {
            0 => Wire::new(Method::POST, collection).body(other),
            1 => Wire::new(Method::PUT, path).body(other),
            2 => Wire::new(Method::PUT, path).body(with("/metadata/name", "z".into())),
            3 => Wire::new(Method::POST, collection).body(with("/kind", "Other".into())),
            4 => Wire::new(Method::POST, collection).body(with("/apiVersion", "v9".into())),
            5 => Wire::new(Method::POST, collection).body(object).content_type("text/plain"),
            6 => Wire::new(Method::PATCH, path).body(object).content_type("application/json"),
            7 => Wire::new(Method::PUT, collection).body(object),
            8 => Wire::new(Method::POST, path).body(object),
            9 => Wire::new(Method::POST, collection).body("text".into()),
            10 => Wire::new(Method::POST, collection).body(json!([])),
            11 => Wire::new(Method::PATCH, path).body(object).content_type(APPLY),
            12 => {
                Wire::new(Method::PATCH, format!("{path}?fieldManager=one&force=true")).body(object).content_type(MERGE)
            }
            13 => Wire::new(Method::PATCH, format!("{path}?fieldManager=one")).body(other).content_type(APPLY),
            14 => Wire::new(Method::POST, collection).body(with("/metadata/name", "Bad Name".into())),
            _ => Wire::new(Method::POST, collection.replace(&self.id, "no-such-namespace")).body(object),
        };
        self.send(&wire, place).await.map(drop)
    }

    /// Roles for the users that [`Lane::review`] asks about.
    async fn grant(&mut self) -> Result<()> {
        let group = "rbac.authorization.k8s.io";
        let role = json!({"apiVersion": format!("{group}/v1"), "kind": "Role", "metadata": {"name": "reader"}, "rules": [
            {"apiGroups": ["", "apps"], "resources": ["configmaps", "deployments", "deployments/status"], "verbs": ["get", "list", "watch"]},
            {"apiGroups": [""], "resources": ["secrets"], "resourceNames": ["a"], "verbs": ["get", "delete"]},
        ]});
        let binding = |name: &str, kind: &str, role: &str, subject: Value| {
            json!({"apiVersion": format!("{group}/v1"), "kind": "RoleBinding", "metadata": {"name": name},
                "roleRef": {"apiGroup": group, "kind": kind, "name": role}, "subjects": [subject]})
        };
        let account = json!({"kind": "ServiceAccount", "name": "robot", "namespace": self.id});
        let root = format!("/apis/{group}/v1/namespaces/{}", self.id);
        for (plural, object) in [
            ("roles", role),
            (
                "rolebindings",
                binding("r", "Role", "reader", json!({"kind": "User", "apiGroup": group, "name": "reader"})),
            ),
            ("rolebindings", binding("e", "ClusterRole", "edit", account)),
            (
                "rolebindings",
                binding("v", "ClusterRole", "view", json!({"kind": "User", "apiGroup": group, "name": "viewer"})),
            ),
        ] {
            let wire = Wire::new(Method::POST, format!("{root}/{plural}")).body(object);
            let (a, b) = self.pair.both(&wire).await?;
            self.report.compare(&wire, &a, &b);
        }
        Ok(())
    }

    /// Access reviews, and requests as other users.
    async fn review(&mut self, place: &Place<'_>) -> Result<()> {
        let robot = format!("system:serviceaccount:{}:robot", self.id);
        let users = ["reader".to_owned(), robot, "viewer".to_owned(), "nobody".to_owned()];
        let user = self.rng.pick(&users).cloned().unwrap_or_default();
        let group = place.kind.path.trim_start_matches("/apis/").trim_start_matches("/api/v1");
        let group = group.split('/').next().unwrap_or_default();
        let verb = self.rng.word(&["get", "list", "create", "delete", "patch", "*"]);
        let mut attributes = json!({"group": group, "resource": place.kind.plural, "verb": verb, "name": place.name});
        if self.rng.chance(80) {
            attributes["namespace"] = self.id.as_str().into();
        }
        let api = "/apis/authorization.k8s.io/v1";
        let wire = match self.rng.below(7) {
            0 => Wire::new(Method::GET, place.path()),
            1 => Wire::new(Method::GET, place.collection.clone()),
            2 => Wire::new(Method::POST, place.collection.clone()).body(self.object(place)),
            3 => Wire::new(Method::DELETE, place.path()),
            4 => Wire::new(Method::POST, format!("{api}/selfsubjectaccessreviews"))
                .body(json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "spec": {"resourceAttributes": attributes}})),
            5 => Wire::new(Method::POST, format!("{api}/subjectaccessreviews"))
                .body(json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": {"user": user, "resourceAttributes": attributes}})),
            _ => Wire::new(Method::POST, "/apis/authentication.k8s.io/v1/selfsubjectreviews")
                .body(json!({"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"})),
        };
        let wire = if wire.path.ends_with("/subjectaccessreviews") { wire } else { Wire { user: Some(user), ..wire } };
        self.send(&wire, place).await.map(drop)
    }

    /// Everything that happened to some kinds, as a watch from the start tells it.
    async fn watch(&mut self) -> Result<()> {
        for kind in self.kinds.kinds.iter().filter(|k| !k.cluster).take(6) {
            let collection = format!("{}/namespaces/{}/{}", kind.path, self.id, kind.plural);
            let (a, b) = self.pair.both(&Wire::new(Method::GET, collection.clone())).await?;
            let name = format!("{collection}/watched");
            let mut object = kind.base.clone();
            object["metadata"] = json!({"name": "watched", "labels": {"app": "x"}});
            self.pair.both(&Wire::new(Method::POST, collection.clone()).body(object)).await?;
            for label in ["y", "x"] {
                let change = Wire::new(Method::PATCH, name.clone()).content_type(MERGE);
                self.pair.both(&change.body(json!({"metadata": {"labels": {"app": label}}}))).await?;
            }
            self.pair.both(&Wire::new(Method::DELETE, format!("{name}?gracePeriodSeconds=0"))).await?;
            let watch = |reply: &Reply| {
                let version =
                    reply.body.pointer("/metadata/resourceVersion").and_then(Value::as_str).unwrap_or_default();
                let query = format!("watch=1&timeoutSeconds=1&labelSelector=app%3Dx&resourceVersion={version}");
                Wire::new(Method::GET, format!("{collection}?{query}"))
            };
            let (wire_a, wire_b) = (watch(&a), watch(&b));
            let (a, b) = self.pair.each(&wire_a, &wire_b).await?;
            self.report.compare(&wire_b, &a, &b);
        }
        Ok(())
    }
}

/// Removes an object on both, whatever its finalizers say.
async fn remove(pair: &Pair, path: &str) -> Result<()> {
    let delete =
        Wire::new(Method::DELETE, path).body(json!({"gracePeriodSeconds": 0, "propagationPolicy": "Background"}));
    pair.both(&delete).await?;
    let free = Wire::new(Method::PATCH, path).content_type(MERGE);
    pair.both(&free.body(json!({"metadata": {"finalizers": null}}))).await?;
    Ok(())
}
