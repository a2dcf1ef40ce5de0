//! Serves an embedded cluster over HTTP until it is stopped: `cargo run --example serve -- 127.0.0.1:8080`.
//!
//! Any Kubernetes client can talk to it: `kubectl --server http://127.0.0.1:8080 get namespaces`.

use plate_deploy_apiserver::ApiServer;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8080".to_owned()).parse()?;
    let server = ApiServer::in_memory();
    let _listener = server.serve(address, None).await?;
    std::future::pending::<()>().await;
    Ok(())
}
