//! The operator's door: in the process, and as HTTP on a port of its own.

use std::fmt::Write as _;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::{Method, Request, Response, StatusCode, header};
use hyper_util::rt::{TokioIo, TokioTimer};
use presently_core::error::Code;
use presently_core::hub::AdminSecret;
use presently_core::hub::{AdminReply, AdminRequest};
use presently_core::id::{NodeId, Shard};
use presently_core::redact::Pii;
use presently_core::topology::{Place, Topology};
use serde::Deserialize;
use tokio::net::TcpStream;
use tokio::sync::oneshot;

use crate::listen::{Answer, HEADER_TIMEOUT, answer_json, plain};
use crate::node::mail::{Fabric, Mail};
use crate::store::Counts;

const BODY_BYTES_MAX: usize = 8 * 1024;
/// Nodes asked in turn where each names another as the owner of what is asked about.
const HOPS_MAX: usize = 4;

/// Asks nodes what an operator may ask. Clones lead to the same nodes.
#[derive(Clone)]
pub struct Admin {
    fabric: Fabric,
    topology: Topology,
    counts: Arc<Counts>,
}

impl std::fmt::Debug for Admin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Admin")
    }
}

impl Admin {
    pub(crate) fn new(fabric: Fabric, topology: Topology, counts: Arc<Counts>) -> Self {
        Self { fabric, topology, counts }
    }

    /// Asks the node that owns the account named, or the first. `None` where that node lost the
    /// request: ask again.
    pub async fn ask(&self, request: AdminRequest) -> Option<AdminReply> {
        let mut node = self.first(&request);
        for _ in 0..HOPS_MAX {
            let reply = self.ask_node(node, request.clone()).await?;
            let AdminReply::Elsewhere(owner) = reply else { return Some(reply) };
            node = owner;
        }
        None
    }

    /// The same from a thread that may wait.
    ///
    /// # Panics
    /// Within an asynchronous runtime.
    #[must_use]
    pub fn ask_and_wait(&self, request: AdminRequest) -> Option<AdminReply> {
        let mut node = self.first(&request);
        for _ in 0..HOPS_MAX {
            let (answer, answered) = oneshot::channel();
            let request = request.clone();
            let mail = self.fabric.get(usize::from(node.0))?;
            mail.blocking_send(Mail::Admin { request, answer }).ok()?;
            let reply = answered.blocking_recv().ok()?;
            let AdminReply::Elsewhere(owner) = reply else { return Some(reply) };
            node = owner;
        }
        None
    }

    /// Ends a node's present life as a broken invariant would; whether it did. `None`: there is no such
    /// node.
    pub async fn crash(&self, node: NodeId) -> Option<bool> {
        let (answer, answered) = oneshot::channel();
        let node = self.fabric.get(usize::from(node.0))?;
        let _ = node.send(Mail::Crash { answer }).await;
        Some(answered.await.is_ok())
    }

    async fn ask_node(&self, node: NodeId, request: AdminRequest) -> Option<AdminReply> {
        let (answer, answered) = oneshot::channel();
        let node = self.fabric.get(usize::from(node.0))?;
        node.send(Mail::Admin { request, answer }).await.ok()?;
        answered.await.ok()
    }

    /// Whom to ask first: the owner of what is asked about, unless it has moved.
    fn first(&self, request: &AdminRequest) -> NodeId {
        request.shard().map_or(NodeId(0), |shard| self.topology.owner(shard))
    }

    /// Where every range of shards stands, as JSON; `None` where the node asked lost the request.
    async fn places(&self) -> Option<serde_json::Value> {
        let AdminReply::Places(places) = self.ask(AdminRequest::Places).await? else { return None };
        let value = |place: &Place| {
            let (first, last) = place.range.bounds();
            serde_json::json!({
                "range": place.range.0,
                "shards": [first.0, last.0],
                "node": place.owner.0,
                "seat": self.topology.seat(place.range).0,
                "term": place.term,
                "kept": place.kept,
            })
        };
        Some(places.iter().map(value).collect())
    }

    async fn metrics(&self) -> String {
        let mut text = String::new();
        let store = [
            ("commits", self.counts.commits()),
            ("entries", self.counts.entries()),
            ("folded", self.counts.folded()),
        ];
        for (name, value) in store {
            let _ = writeln!(text, "presently_store_{name} {value}");
        }
        for node in 0..self.topology.nodes() {
            let reply = self.ask_node(NodeId(node), AdminRequest::Counts).await;
            if let Some(AdminReply::Counts(counts)) = reply {
                for (name, value) in counts {
                    let _ = writeln!(text, "presently_{name}{{node=\"{node}\"}} {value}");
                }
            }
        }
        text
    }
}

/// Serves one connection of the admin port.
pub(crate) async fn serve(admin: Admin, socket: TcpStream) {
    let service = hyper::service::service_fn(move |request| {
        let admin = admin.clone();
        async move { Ok::<_, std::convert::Infallible>(answer(&admin, request).await) }
    });
    let served = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(16 * 1024)
        .serve_connection(TokioIo::new(socket), service)
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "an admin connection ended badly");
    }
}

#[derive(Deserialize)]
struct NewUser {
    name: String,
    password: String,
}

#[derive(Deserialize)]
struct Pair {
    a: String,
    b: String,
}

#[derive(Deserialize)]
struct Destination {
    shard: u16,
    node: u16,
}

async fn answer(admin: &Admin, request: Request<Incoming>) -> Answer {
    // No page has any business here, not even one whose name was rebound to our address.
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    if request.headers().contains_key(header::ORIGIN) || !host.is_none_or(names_an_address) {
        return plain(StatusCode::FORBIDDEN, "this port is not for browsers\n");
    }
    let (head, body) = request.into_parts();
    match (&head.method, head.uri.path()) {
        (&Method::GET, "/metrics") => {
            let mut answer = Response::new(Full::new(Bytes::from(admin.metrics().await)));
            let kind = header::HeaderValue::from_static("text/plain; version=0.0.4");
            answer.headers_mut().insert(header::CONTENT_TYPE, kind);
            answer
        }
        (&Method::POST, "/users") => match read::<NewUser>(body).await {
            Some(NewUser { name, password }) => {
                let secret = AdminSecret::Password(Pii(password));
                reply(admin.ask(AdminRequest::AddUser { name, secret }).await)
            }
            None => plain(StatusCode::BAD_REQUEST, "{\"name\",\"password\"} is expected\n"),
        },
        (&Method::POST, "/befriend") => match read::<Pair>(body).await {
            Some(Pair { a, b }) => reply(admin.ask(AdminRequest::Befriend { a, b }).await),
            None => plain(StatusCode::BAD_REQUEST, "{\"a\",\"b\"} is expected\n"),
        },
        (&Method::GET, "/places") => match admin.places().await {
            Some(places) => answer_json(StatusCode::OK, &places),
            None => reply(None),
        },
        (&Method::POST, "/move") => match read::<Destination>(body).await {
            Some(Destination { shard, node }) if shard < Shard::COUNT => {
                let (shard, to) = (Shard(shard), NodeId(node));
                reply(admin.ask(AdminRequest::Move { shard, to }).await)
            }
            _ => plain(StatusCode::BAD_REQUEST, "{\"shard\",\"node\"} is expected\n"),
        },
        (&Method::POST, path) if path.starts_with("/nodes/") => crash(admin, path).await,
        _ => nothing(),
    }
}

fn nothing() -> Answer {
    plain(StatusCode::NOT_FOUND, "there is nothing here\n")
}

/// `/nodes/N/crash`.
async fn crash(admin: &Admin, path: &str) -> Answer {
    let number = path.strip_prefix("/nodes/").and_then(|rest| rest.strip_suffix("/crash"));
    let Some(node) = number.and_then(|number| number.parse().ok()) else { return nothing() };
    match admin.crash(NodeId(node)).await {
        Some(true) => answer_json(StatusCode::OK, &serde_json::json!({})),
        Some(false) => reply(None),
        None => {
            let text = format!("there is no node {node}");
            let value = serde_json::json!({ "code": Code::Invalid.name(), "text": text });
            answer_json(StatusCode::NOT_FOUND, &value)
        }
    }
}

async fn read<T: for<'a> Deserialize<'a>>(body: Incoming) -> Option<T> {
    let bytes = Limited::new(body, BODY_BYTES_MAX).collect().await.ok()?.to_bytes();
    serde_json::from_slice(&bytes).ok()
}

fn reply(reply: Option<AdminReply>) -> Answer {
    match reply {
        Some(AdminReply::Added(user)) => {
            answer_json(StatusCode::CREATED, &serde_json::json!({ "user": user.to_string() }))
        }
        Some(AdminReply::Refused(code)) => {
            let status = match code {
                Code::NameTaken | Code::AlreadyContact => StatusCode::CONFLICT,
                Code::Retry | Code::Busy | Code::Draining => StatusCode::SERVICE_UNAVAILABLE,
                _ => StatusCode::UNPROCESSABLE_ENTITY,
            };
            let value = serde_json::json!({ "code": code.name(), "text": code.says() });
            answer_json(status, &value)
        }
        Some(
            AdminReply::Done
            | AdminReply::SignIn(_)
            | AdminReply::Counts(_)
            | AdminReply::Places(_),
        ) => answer_json(StatusCode::OK, &serde_json::json!({})),
        Some(AdminReply::Elsewhere(_)) | None => {
            let value = serde_json::json!({ "code": "retry", "text": Code::Retry.says() });
            answer_json(StatusCode::SERVICE_UNAVAILABLE, &value)
        }
    }
}

/// `localhost` or an address, with or without a port.
fn names_an_address(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse::<std::net::IpAddr>().is_ok()
}
