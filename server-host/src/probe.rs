//! The port without sockets: the same code over streams and bytes in memory, for fuzzing.

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::listen::{First, Origins, Web, begin};
use crate::node::framing::{Framing, Next};

/// What a connection came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Greeted {
    /// A link of frames.
    Frames,
    /// A link of WebSocket messages.
    WebSocket,
    /// It was served, or refused, and is over.
    Over,
}

/// Serves a connection that begins with `first`, as the port does, until it is a link or over.
pub async fn greet<S>(first: u8, stream: S) -> Greeted
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let own = std::net::SocketAddr::from(([127, 0, 0, 1], 1_863));
    let web = Web { demo: true, origins: Origins::new(own, &[]) };
    match begin(First::of(first), stream, &web).await {
        Some((_, Framing::Plain)) => Greeted::Frames,
        Some((_, Framing::WebSocket(_))) => Greeted::WebSocket,
        None => Greeted::Over,
    }
}

/// A WebSocket whose handshake is done.
#[expect(missing_debug_implementations, reason = "what it holds has none")]
pub struct Socket(Framing);

impl Default for Socket {
    fn default() -> Self {
        Self(Framing::web_socket(&[]))
    }
}

impl Socket {
    /// Takes in bytes of the client: whole messages, what goes back, and whether it goes on.
    pub fn take_in(&mut self, bytes: &[u8]) -> (Vec<Bytes>, Vec<u8>, bool) {
        let (mut messages, mut answers) = (Vec::new(), Vec::new());
        self.0.take_in(bytes);
        while let Some((next, own)) = self.0.next_message() {
            answers.extend(own);
            match next {
                Next::Message(bytes) => messages.push(bytes),
                Next::Waits => break,
                Next::Over => return (messages, answers, false),
            }
        }
        (messages, answers, true)
    }

    /// A message to the client, as it goes out.
    pub fn wrap(&mut self, bytes: Bytes) -> Bytes {
        self.0.wrap(bytes)
    }
}
