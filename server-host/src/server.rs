//! The whole server of one process.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc as events;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use presently_core::error::Code;
use presently_core::hub::AdminSecret;
use presently_core::hub::Config as NodeConfig;
use presently_core::hub::{AdminReply, AdminRequest};
use presently_core::id::NodeId;
use presently_core::limits::RECORD_BYTES_MAX;
use presently_core::redact::Pii;
use presently_core::topology::Topology;
use presently_core::wire::hello::Versions;
use tokio::sync::{mpsc, oneshot, watch};

use crate::accept;
use crate::admin::Admin;
use crate::clock::Clock;
use crate::error::StartError;
use crate::hashing::Hashing;
use crate::hops::Hops;
use crate::listen::{Origins, Web};
use crate::node::mail::{Fabric, MAIL_MAX, Mail};
use crate::node::{self, NodeEvent, Surroundings};
use crate::record::Sink;
use crate::store::{Counts, Options, Store};

/// Nodes of one process at most.
const NODES_MAX: u16 = 256;
/// The nodes' wait for their store and each other.
const READY_TIMEOUT: Duration = Duration::from_secs(30);
/// A graceful stop, of which links take at most 2 s; then peers have 1 s to close.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(3);

/// The demo's people; each one's password is their name.
const DEMO: [&str; 3] = ["alice", "bob", "carol"];

/// What a server is told.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where clients come in; port 0 picks one. Loopback only, until there is TLS.
    pub listen: SocketAddr,
    /// Where the operator comes in; port 0 picks one. Loopback only.
    pub admin: SocketAddr,
    /// The data directory.
    pub data: PathBuf,
    /// How many nodes; 0: one per core.
    pub nodes: u16,
    /// Make alice, bob and carol, each other's friends.
    pub demo: bool,
    /// Further origins that may open a WebSocket from a browser.
    pub origins: Vec<String>,
    /// Write a line per hop of each traced act there.
    pub trace_hops: Option<PathBuf>,
    /// Keep a record of each node's inputs there, a file per node: it holds all that people say, and
    /// every secret.
    pub record: Option<PathBuf>,
    /// How large the store may grow in memory.
    pub store: Options,
}

impl Config {
    /// Loopback with free ports, one node, nothing else.
    #[must_use]
    pub fn local(data: PathBuf) -> Self {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        Self {
            listen: any,
            admin: any,
            data,
            nodes: 1,
            demo: false,
            origins: Vec::new(),
            trace_hops: None,
            record: None,
            store: Options::default(),
        }
    }
}

/// A server that serves.
#[derive(Debug)]
pub struct Server {
    listen: SocketAddr,
    admin_address: SocketAddr,
    admin: Admin,
    fabric: Fabric,
    nodes: Vec<JoinHandle<()>>,
    events: events::Receiver<NodeEvent>,
    fenced: watch::Receiver<Option<NodeId>>,
    accepting: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
    store: Option<Store>,
    counts: Arc<Counts>,
}

impl Server {
    /// Starts a server; it serves when this returns.
    ///
    /// # Errors
    /// One clear line, and an exit code.
    pub fn start(config: Config) -> Result<Self, StartError> {
        let nodes = node_count(config.nodes)?;
        let (clients, listen) = bind(config.listen, "listen")?;
        let (operators, admin_address) = bind(config.admin, "admin")?;
        let hops = config.trace_hops.as_deref().map(Hops::create).transpose();
        let hops = hops.map_err(|error| {
            StartError::Usage(format!("cannot write the file of --trace-hops: {error}"))
        })?;
        let records = records(config.record.as_deref(), nodes)?;
        let store = Store::open(&config.data, config.store)
            .map_err(|why| StartError::Data { directory: config.data.clone(), why })?;
        let web =
            Arc::new(Web { demo: config.demo, origins: Origins::new(listen, &config.origins) });
        let (clock, hashing) = (Clock::start(), Hashing::start()?);
        let (fabric, boxes): (Vec<_>, Vec<_>) = (0..nodes).map(|_| mpsc::channel(MAIL_MAX)).unzip();
        let fabric: Fabric = fabric.into();
        let (tell, events) = events::channel();
        let (end, fenced) = watch::channel(None);
        let counts = store.counts();
        let mut server = Self {
            listen,
            admin_address,
            admin: Admin::new(Arc::clone(&fabric), Topology::even(nodes), Arc::clone(&counts)),
            fabric: Arc::clone(&fabric),
            nodes: Vec::new(),
            events,
            fenced,
            accepting: None,
            store: Some(store),
            counts,
        };
        let door = server.store.as_ref().map(Store::door).ok_or(StartError::NotReady)?;
        for ((number, mail), record) in (0..nodes).zip(boxes).zip(records) {
            let around = Surroundings {
                config: NodeConfig {
                    node: NodeId(number),
                    nodes,
                    trace: hops.is_some(),
                    versions: Versions::default(),
                },
                clock,
                fabric: Arc::clone(&fabric),
                store: door.clone(),
                hashing: hashing.clone(),
                hops: hops.clone(),
                record,
                web: Arc::clone(&web),
                events: tell.clone(),
                fenced: end.clone(),
            };
            server.nodes.push(node::start(around, mail)?);
        }
        let ready = |event| matches!(event, NodeEvent::Ready(_));
        if !server.wait_for_all(ready, READY_TIMEOUT) {
            let fenced = *server.fenced.borrow();
            return Err(fenced.map_or(StartError::NotReady, StartError::Fenced));
        }
        if config.demo {
            server.make_demo()?;
        }
        server.accepting = Some(accept::start(clients, operators, fabric, server.admin.clone())?);
        tracing::info!(%listen, admin = %admin_address, nodes, "serving");
        Ok(server)
    }

    /// Where clients come in.
    #[must_use]
    pub fn listen(&self) -> SocketAddr {
        self.listen
    }

    /// Where the operator comes in.
    #[must_use]
    pub fn admin_address(&self) -> SocketAddr {
        self.admin_address
    }

    /// The messenger page.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.listen)
    }

    /// The operator's door, within the process.
    #[must_use]
    pub fn admin(&self) -> Admin {
        self.admin.clone()
    }

    /// What the store has done.
    #[must_use]
    pub fn counts(&self) -> Arc<Counts> {
        Arc::clone(&self.counts)
    }

    /// Waits until another process has taken over a node of this one: this server is to be shut down.
    /// Never returns where that does not happen.
    pub async fn fenced(&mut self) -> StartError {
        if let Ok(node) = self.fenced.wait_for(Option::is_some).await
            && let Some(node) = *node
        {
            return StartError::Fenced(node);
        }
        std::future::pending().await
    }

    /// Tells all clients, flushes, and stops, within 5 s.
    pub fn shutdown(mut self) {
        self.stop();
    }

    fn stop(&mut self) {
        if let Some((stop, thread)) = self.accepting.take() {
            let _ = stop.send(());
            let _ = thread.join();
        }
        if self.nodes.is_empty() {
            return;
        }
        while self.events.try_recv().is_ok() {}
        for node in self.fabric.iter() {
            let _ = node.blocking_send(Mail::Drain);
        }
        let drained = |event| matches!(event, NodeEvent::Drained(_));
        if !self.wait_for_all(drained, DRAIN_TIMEOUT) {
            tracing::warn!("not all links were closed in time");
        }
        for node in self.fabric.iter() {
            let _ = node.blocking_send(Mail::Stop);
        }
        for node in self.nodes.drain(..) {
            if node.join().is_err() {
                tracing::error!("a node's thread panicked");
            }
        }
        if let Some(store) = self.store.take() {
            store.close();
        }
    }

    fn wait_for_all(&self, wanted: impl Fn(NodeEvent) -> bool, timeout: Duration) -> bool {
        let until = Instant::now() + timeout;
        let mut missing = self.nodes.len();
        while missing > 0 {
            let left = until.saturating_duration_since(Instant::now());
            match self.events.recv_timeout(left) {
                Ok(event) if wanted(event) => missing -= 1,
                Ok(_) => {}
                Err(_) => return false,
            }
        }
        true
    }

    fn make_demo(&self) -> Result<(), StartError> {
        for name in DEMO {
            let secret = AdminSecret::Password(Pii(name.to_owned()));
            self.demand(&AdminRequest::AddUser { name: name.to_owned(), secret })?;
        }
        for (a, b) in [(0, 1), (0, 2), (1, 2)] {
            let (a, b) = (DEMO[a].to_owned(), DEMO[b].to_owned());
            self.demand(&AdminRequest::Befriend { a, b })?;
        }
        Ok(())
    }

    /// Asks until it is so; what was so before is no fault.
    fn demand(&self, request: &AdminRequest) -> Result<(), StartError> {
        let until = Instant::now() + READY_TIMEOUT;
        loop {
            match self.admin.ask_and_wait(request.clone()) {
                Some(AdminReply::Refused(Code::NameTaken | Code::AlreadyContact)) => return Ok(()),
                None | Some(AdminReply::Refused(Code::Retry | Code::Busy)) => {}
                Some(AdminReply::Refused(code)) => {
                    return Err(StartError::Demo(code.says().to_owned()));
                }
                Some(_) => return Ok(()),
            }
            if Instant::now() > until {
                return Err(StartError::Demo("no answer".to_owned()));
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

fn node_count(asked: u16) -> Result<u16, StartError> {
    if asked > NODES_MAX {
        return Err(StartError::Usage(format!("--nodes is at most {NODES_MAX}")));
    }
    if asked > 0 {
        return Ok(asked);
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    Ok(u16::try_from(cores).unwrap_or(NODES_MAX).min(NODES_MAX))
}

/// The record of each node, where they are kept.
fn records(base: Option<&Path>, nodes: u16) -> Result<Vec<Option<Sink>>, StartError> {
    let one = |node| {
        base.map(|base| Sink::create(base, NodeId(node), RECORD_BYTES_MAX)).transpose().map_err(
            |error| StartError::Usage(format!("cannot write the file of --record: {error}")),
        )
    };
    (0..nodes).map(one).collect()
}

fn bind(address: SocketAddr, option: &str) -> Result<(TcpListener, SocketAddr), StartError> {
    if !address.ip().is_loopback() {
        return Err(StartError::Usage(format!(
            "--{option} {address} is not a loopback address: beyond this machine Presently needs \
             TLS, which it does not have yet"
        )));
    }
    let refused = |error: std::io::Error| {
        let why = if error.kind() == std::io::ErrorKind::AddrInUse {
            "the port is in use".to_owned()
        } else {
            error.to_string()
        };
        StartError::Listen { address, why }
    };
    let listener = accept::listener(address).map_err(refused)?;
    let bound = listener.local_addr().map_err(refused)?;
    Ok((listener, bound))
}
