//! One port for everything: the first byte of a connection says what it is.
//!
//! Our frames begin with 0x00 (their length stays below 2^17), TLS with 0x16, HTTP with a capital
//! letter. What begins otherwise is taken for frames, so that who speaks our protocol badly hears it in
//! our protocol.

mod http;
mod origin;
mod page;
#[cfg(test)]
mod tests;

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use crate::node::framing::Framing;

pub(crate) use self::http::{Answer, HEADER_TIMEOUT, answer_json, plain};
pub(crate) use self::origin::Origins;

/// How long a connection may keep silent before it has said anything.
const FIRST_BYTE_TIMEOUT: Duration = Duration::from_secs(5);

/// What the HTTP side of the port serves.
#[derive(Debug)]
pub(crate) struct Web {
    /// Whether the demo's people exist: the page offers them.
    pub(crate) demo: bool,
    /// Who may open a WebSocket from a browser.
    pub(crate) origins: Origins,
}

/// What a connection begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum First {
    Frames,
    Tls,
    Http,
}

impl First {
    pub(crate) fn of(byte: u8) -> Self {
        match byte {
            0x16 => Self::Tls,
            b'A'..=b'Z' => Self::Http,
            _ => Self::Frames,
        }
    }
}

/// Serves a connection until it is a link, or over.
pub(crate) async fn greet(socket: TcpStream, web: &Web) -> Option<(TcpStream, Framing)> {
    let _ = socket.set_nodelay(true);
    let mut first = [0];
    let peeked = tokio::time::timeout(FIRST_BYTE_TIMEOUT, socket.peek(&mut first)).await;
    let Ok(Ok(1)) = peeked else {
        return None;
    };
    begin(First::of(first[0]), socket, web).await
}

/// The same for any stream whose first byte is known.
pub(crate) async fn begin<S>(first: First, socket: S, web: &Web) -> Option<(S, Framing)>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    match first {
        First::Frames => Some((socket, Framing::Plain)),
        First::Http => {
            let (socket, rest) = Box::pin(http::serve(socket, web)).await?;
            Some((socket, Framing::web_socket(&rest)))
        }
        First::Tls => {
            tracing::warn!("a client tried TLS, which this server does not speak yet");
            None
        }
    }
}
