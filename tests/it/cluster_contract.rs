//! The contract of `ClusterBackend` on every server there is.

use plate_deploy_core::cluster::testing::cluster_backend_contract;
use plate_deploy_core::cluster::{EmbeddedCluster, EmbeddedOptions};
use plate_deploy_tests::control_plane::ControlPlane;

#[tokio::test(flavor = "multi_thread")]
async fn embedded_api() {
    let cluster = EmbeddedCluster::start(EmbeddedOptions::default()).await.unwrap();
    cluster_backend_contract(&cluster, "contract").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn real_api_server() {
    let Some(plane) = ControlPlane::shared().await.unwrap() else { return };
    let cluster = plane.cluster().await.unwrap();
    cluster_backend_contract(&cluster, "contract").await;
}
