//! The contract of `ClusterBackend` on the embedded API; `real_cluster` runs it on the real one.

use plate_deploy_core::cluster::testing::cluster_backend_contract;
use plate_deploy_core::cluster::{EmbeddedCluster, EmbeddedOptions};

#[tokio::test(flavor = "multi_thread")]
async fn embedded_api() {
    let cluster = EmbeddedCluster::start(EmbeddedOptions::default()).await.unwrap();
    cluster_backend_contract(&cluster, "contract").await;
}
