//! The server: a [`tower::Service`] for in-process clients, and an HTTP listener.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpListener;

use crate::clock::{Clock, SystemClock};
use crate::controllers::{self, Manager, Outages, Part, Simulation};
use crate::endpoints::{self, ResponseBody};
use crate::registry::Registry;
use crate::status::ApiError;
use crate::storage::{Store, StoreFileError};

/// Options of a server.
#[derive(Debug, Default)]
pub struct ApiServerBuilder {
    path: Option<PathBuf>,
    clock: Option<Arc<dyn Clock>>,
    controllers: Option<Simulation>,
}

impl ApiServerBuilder {
    /// Keeps the objects in a file, so that they outlive the process.
    #[must_use]
    pub fn store_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.path = Some(path.into());
        self
    }

    /// Uses another clock than the system's.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// Runs the controllers: garbage collection, namespaces, workloads in simulated time. Without them the server is a
    /// bare kube-apiserver, as test suites start one. They start with the first request, in its tokio runtime.
    #[must_use]
    pub fn controllers(mut self, simulation: Simulation) -> Self {
        self.controllers = Some(simulation);
        self
    }

    /// Makes the server.
    ///
    /// # Errors
    /// When the store file cannot be used.
    pub fn build(self) -> Result<ApiServer, StoreFileError> {
        let store = match self.path {
            Some(path) => Store::open(&path)?,
            None => Store::in_memory(),
        };
        let clock = self.clock.unwrap_or_else(|| Arc::new(SystemClock));
        let registry = Registry::with_service_accounts(store, clock, self.controllers.is_some());
        let outages = self.controllers.as_ref().map(|simulation| simulation.outages.clone()).unwrap_or_default();
        let manager =
            self.controllers.map(|simulation| Arc::new(Mutex::new(Manager::new(controllers::builtin(simulation)))));
        Ok(ApiServer { registry, manager, started: Arc::default(), outages })
    }
}

/// An embedded Kubernetes API. Clones share the same cluster.
///
/// It is a `tower::Service` over HTTP requests: `kube::Client::new(server, "default")` talks to it without a socket.
#[derive(Debug, Clone)]
pub struct ApiServer {
    registry: Arc<Registry>,
    manager: Option<Arc<Mutex<Manager>>>,
    started: Arc<AtomicBool>,
    outages: Outages,
}

impl ApiServer {
    /// A server with a store in memory and the system's clock.
    #[must_use]
    pub fn in_memory() -> Self {
        let registry = Registry::new(Store::in_memory(), Arc::new(SystemClock));
        ApiServer { registry, manager: None, started: Arc::default(), outages: Outages::default() }
    }

    /// Runs the controllers until nothing changes any more; does nothing when they are off.
    pub fn settle(&self) {
        if let Some(manager) = &self.manager {
            manager.lock().unwrap_or_else(PoisonError::into_inner).settle(&self.registry);
        }
    }

    /// Makes a part of the simulated cluster fail (`true`) or work again. Only with controllers; returns when they have
    /// done what follows at once.
    pub fn fail(&self, part: Part, fails: bool) {
        self.outages.set(part, fails);
        if let Some(manager) = &self.manager {
            let mut manager = manager.lock().unwrap_or_else(PoisonError::into_inner);
            manager.nudge(self.registry.clock().now());
            manager.settle(&self.registry);
        }
    }

    /// Whether a request from outside to an Ingress or a LoadBalancer Service would be answered: its controller works, it has
    /// an address, and every Service behind it has a ready pod.
    #[must_use]
    pub fn reachable(&self, kind: &str, namespace: &str, name: &str) -> bool {
        controllers::reachable(&self.registry, &self.outages, kind, namespace, name)
    }

    /// Answers a request, unless the API is out.
    async fn answer<B>(&self, request: Request<B>) -> Response<ResponseBody>
    where
        B: http_body::Body<Data = Bytes> + Send,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        self.start();
        match self.outages.refusal() {
            Some(why) => endpoints::refuse(&ApiError::unavailable(why)),
            None => endpoints::handle(self.registry.clone(), request).await,
        }
    }

    /// Starts the controllers' task once.
    fn start(&self) {
        let Some(manager) = &self.manager else { return };
        if !self.started.swap(true, Ordering::Relaxed) {
            tokio::spawn(controllers::run(Arc::downgrade(&self.registry), manager.clone()));
        }
    }

    /// Options.
    #[must_use]
    pub fn builder() -> ApiServerBuilder {
        ApiServerBuilder::default()
    }

    /// The API without HTTP.
    #[must_use]
    pub fn registry(&self) -> &Arc<Registry> {
        &self.registry
    }

    /// Listens for HTTP; with a token, requests must carry it as bearer token, or start their path with `/t/TOKEN`:
    /// kubectl sends no bearer token without TLS.
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub async fn serve(&self, address: SocketAddr, token: Option<String>) -> std::io::Result<Listener> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let task = tokio::spawn(accept(listener, self.clone(), token.clone().map(Arc::from)));
        Ok(Listener { address, token, task })
    }
}

/// A secret for [`ApiServer::serve`] that nobody can guess.
#[must_use]
pub fn random_token() -> String {
    let part = || uuid::Uuid::new_v4().simple().to_string();
    part() + &part()
}

/// A running HTTP listener; dropping it stops accepting connections.
#[derive(Debug)]
pub struct Listener {
    address: SocketAddr,
    token: Option<String>,
    task: tokio::task::JoinHandle<()>,
}

impl Listener {
    /// The address it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A kubeconfig for it, as YAML.
    #[must_use]
    pub fn kubeconfig(&self) -> String {
        let user = self
            .token
            .as_ref()
            .map_or_else(|| "{}".to_owned(), |t| format!("{{token: {}}}", serde_json::Value::from(t.as_str())));
        let safe = |t: &String| t.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(&b));
        let path = self.token.as_ref().filter(|t| safe(t)).map(|t| format!("/t/{t}")).unwrap_or_default();
        format!(
            "apiVersion: v1\nkind: Config\nclusters:\n- name: embedded\n  cluster: {{server: \"http://{}{path}\"}}\nusers:\n- name: embedded\n  user: {user}\ncontexts:\n- name: embedded\n  context: {{cluster: embedded, user: embedded, namespace: default}}\ncurrent-context: embedded\n",
            self.address
        )
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, server: ApiServer, token: Option<Arc<str>>) {
    loop {
        let Ok((stream, peer)) = listener.accept().await else { continue };
        let (server, token) = (server.clone(), token.clone());
        let service = hyper::service::service_fn(move |mut request: Request<hyper::body::Incoming>| {
            let (server, token) = (server.clone(), token.clone());
            async move {
                let response = if allowed(&mut request, token.as_deref()) {
                    server.answer(request).await
                } else {
                    endpoints::refuse(&ApiError::unauthorized())
                };
                Ok::<_, Infallible>(response)
            }
        });
        tokio::spawn(async move {
            let builder = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
            if let Err(e) = builder.serve_connection(TokioIo::new(stream), service).await {
                tracing::debug!(%peer, error = %e, "connection ended");
            }
        });
    }
}

/// Whether the request carries the token; one in the path is taken out of it.
fn allowed<B>(request: &mut Request<B>, token: Option<&str>) -> bool {
    let Some(token) = token else { return true };
    // Compared in full, so that the time does not tell how much of a guess was right.
    let same = |given: &str| {
        given.len() == token.len() && given.bytes().zip(token.bytes()).fold(0, |d, (a, b)| d | (a ^ b)) == 0
    };
    let bearer = request.headers().get(http::header::AUTHORIZATION).and_then(|v| v.to_str().ok());
    let bearer = bearer.and_then(|v| v.strip_prefix("Bearer ")).is_some_and(same);
    let text = request.uri().path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    let Some(rest) = text.strip_prefix("/t/") else { return bearer };
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (given, rest) = rest.split_at(end);
    if !same(given) {
        return false;
    }
    let path = if rest.starts_with('/') { rest.to_owned() } else { format!("/{rest}") };
    match path.parse() {
        Ok(uri) => *request.uri_mut() = uri,
        Err(_) => return false,
    }
    true
}

impl<B> tower::Service<Request<B>> for ApiServer
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Response = Response<ResponseBody>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let server = self.clone();
        Box::pin(async move { Ok(server.answer(request).await) })
    }
}
