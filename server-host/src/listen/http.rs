//! The HTTP side of the port: the page, its configuration, health, and the way to a WebSocket.

use std::cell::RefCell;
use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::service::service_fn;
use hyper::upgrade::OnUpgrade;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};

use super::{Web, page};

/// What a handler answers.
pub(crate) type Answer = Response<Full<Bytes>>;

/// How long a request's header may take, and how long a connection may idle.
pub(crate) const HEADER_TIMEOUT: Duration = Duration::from_secs(5);
const HEADER_BYTES_MAX: usize = 16 * 1024;

const POLICY: &str = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; \
    connect-src 'self' ws: wss:; img-src 'self' data: blob:; media-src 'self' data: blob:; \
    object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// Serves HTTP until the connection ends, or is a WebSocket: then the socket and what came behind.
pub(super) async fn serve<S>(socket: S, web: &Web) -> Option<(S, Bytes)>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let upgrade = RefCell::new(None);
    let service = service_fn(|request| {
        let answer = answer(request, web, &upgrade);
        async move { Ok::<_, Infallible>(answer) }
    });
    let served = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(HEADER_BYTES_MAX)
        .serve_connection(TokioIo::new(socket), service)
        .with_upgrades()
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "an HTTP connection ended badly");
        return None;
    }
    let upgraded = upgrade.take()?.await.ok()?;
    let parts = upgraded.downcast::<TokioIo<S>>().ok()?;
    Some((parts.io.into_inner(), parts.read_buf))
}

fn answer(
    mut request: Request<Incoming>,
    web: &Web,
    upgrade: &RefCell<Option<OnUpgrade>>,
) -> Answer {
    if request.method() != Method::GET && request.method() != Method::HEAD {
        return plain(StatusCode::METHOD_NOT_ALLOWED, "only GET is served here\n");
    }
    match request.uri().path() {
        "/ws" => match web_socket_key(request.headers(), web) {
            Ok(key) => {
                *upgrade.borrow_mut() = Some(hyper::upgrade::on(&mut request));
                switching(&key)
            }
            Err((status, why)) => plain(status, why),
        },
        "/healthz" => plain(StatusCode::OK, "ok\n"),
        "/config.json" => answer_json(
            StatusCode::OK,
            &serde_json::json!({ "demo": web.demo, "version": env!("CARGO_PKG_VERSION") }),
        ),
        path => match page::file(path) {
            Some((kind, bytes)) => {
                let mut answer = typed(StatusCode::OK, kind, Bytes::from_static(bytes));
                let frozen = page::is_frozen(path);
                let cache = if frozen { "public, max-age=31536000, immutable" } else { "no-cache" };
                set(&mut answer, header::CACHE_CONTROL, cache);
                answer
            }
            None => plain(StatusCode::NOT_FOUND, "there is nothing here\n"),
        },
    }
}

/// The key of a proper handshake from somebody who may.
pub(super) fn web_socket_key(
    headers: &HeaderMap,
    web: &Web,
) -> Result<String, (StatusCode, &'static str)> {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let lists = |name, wanted: &str| {
        text(name).is_some_and(|list| {
            list.split(',').any(|item| item.trim().eq_ignore_ascii_case(wanted))
        })
    };
    if !lists(header::UPGRADE, "websocket") || !lists(header::CONNECTION, "upgrade") {
        return Err((StatusCode::UPGRADE_REQUIRED, "this is a WebSocket\n"));
    }
    if text(header::SEC_WEBSOCKET_VERSION) != Some("13") {
        return Err((StatusCode::UPGRADE_REQUIRED, "WebSocket version 13 is spoken here\n"));
    }
    // Programs send no origin; browsers always do.
    let allowed = match headers.get(header::ORIGIN) {
        None => true,
        Some(origin) => origin.to_str().is_ok_and(|origin| web.origins.allows(origin)),
    };
    if !allowed {
        return Err((StatusCode::FORBIDDEN, "this origin is not allowed (see --origin)\n"));
    }
    let key = text(header::SEC_WEBSOCKET_KEY);
    key.map(str::to_owned).ok_or((StatusCode::BAD_REQUEST, "Sec-WebSocket-Key is missing\n"))
}

fn switching(key: &str) -> Answer {
    let accept = tungstenite::handshake::derive_accept_key(key.as_bytes());
    let mut answer = Response::new(Full::default());
    *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    set(&mut answer, header::CONNECTION, "Upgrade");
    set(&mut answer, header::UPGRADE, "websocket");
    set(&mut answer, header::SEC_WEBSOCKET_ACCEPT, &accept);
    answer
}

/// A line of text.
pub(crate) fn plain(status: StatusCode, text: &'static str) -> Answer {
    typed(status, "text/plain; charset=utf-8", Bytes::from_static(text.as_bytes()))
}

/// A value.
pub(crate) fn answer_json(status: StatusCode, value: &serde_json::Value) -> Answer {
    let mut answer = typed(status, "application/json", Bytes::from(value.to_string()));
    set(&mut answer, header::CACHE_CONTROL, "no-store");
    answer
}

fn typed(status: StatusCode, kind: &str, bytes: Bytes) -> Answer {
    let mut answer = Response::new(Full::new(bytes));
    *answer.status_mut() = status;
    set(&mut answer, header::CONTENT_TYPE, kind);
    set(&mut answer, header::CONTENT_SECURITY_POLICY, POLICY);
    set(&mut answer, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(&mut answer, header::REFERRER_POLICY, "no-referrer");
    set(&mut answer, header::HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    answer
}

fn set(answer: &mut Answer, name: header::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        answer.headers_mut().insert(name, value);
    }
}
