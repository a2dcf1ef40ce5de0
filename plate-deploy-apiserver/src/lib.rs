//! An embedded Kubernetes API.
//!
//! [`ApiServer`] is a `tower::Service`, so `kube::Client` talks to it in process:
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")] async fn main() {
//! use k8s_openapi::api::core::v1::ConfigMap;
//! use kube::{Api, Client};
//!
//! let client = Client::new(plate_deploy_apiserver::ApiServer::in_memory(), "default");
//! let maps: Api<ConfigMap> = Api::default_namespaced(client);
//! let map = ConfigMap { data: Some([("k".into(), "v".into())].into()), ..ConfigMap::default() };
//! let mut map = map;
//! map.metadata.name = Some("a".into());
//! maps.create(&Default::default(), &map).await.unwrap();
//! assert_eq!(maps.get("a").await.unwrap().data, map.data);
//! # }
//! ```
//!
//! Modules, lowest layer first; a module names only lower ones:
//! [`status`] errors · [`clock`] time · [`object`] accessors · [`names`] name grammars · [`scheme`] schemas,
//! defaulting, strategic merge · [`storage`] objects and their history · [`selector`], [`patch`] · [`fieldmanager`]
//! server-side apply · [`registry`] the API without HTTP · [`table`] · [`endpoints`] routing and verbs ·
//! [`controllers`] control loops · [`server`].

pub mod clock;
pub mod controllers;
pub mod endpoints;
pub mod fieldmanager;
pub mod names;
pub mod object;
pub mod patch;
pub mod registry;
pub mod scheme;
pub mod selector;
pub mod server;
pub mod status;
pub mod storage;
pub mod table;

pub use server::{ApiServer, ApiServerBuilder, Listener, random_token};
