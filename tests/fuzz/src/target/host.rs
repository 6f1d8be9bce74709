//! The program around the machines: the port's first bytes, HTTP and the way to a WebSocket, WebSocket
//! frames, and the lines of programs.

use std::cell::OnceCell;

use bytes::Bytes;
use presently_core::limits::FRAME_BYTES_MAX;
use presently_server::lines::{Line, Lines, command};
use presently_server::probe::{Greeted, Socket, greet};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::runtime::Runtime;

use crate::memory::{Taken, taken};

/// Bytes that hyper and its buffers may take whatever comes: a header is at most 16 KiB.
const HTTP_BYTES: usize = 256 * 1024;
/// Bytes a WebSocket may take whatever its frames claim: its first buffer, and room.
const SOCKET_BYTES: usize = 4 * 1024;

/// How HTTP answers who may speak WebSocket from there on.
const SWITCHING: &[u8] = b"HTTP/1.1 101 ";

/// What came of the work and what it took, on a runtime whose clock stands still unless everything
/// waits. The runtime is kept from input to input and not charged.
fn measured<R>(work: impl Future<Output = R>) -> (R, Taken) {
    thread_local!(static RUNTIME: OnceCell<Runtime> = const { OnceCell::new() });
    let make = || {
        let builder = &mut tokio::runtime::Builder::new_current_thread();
        builder.enable_time().start_paused(true).build().expect("a runtime")
    };
    RUNTIME.with(|runtime| {
        let runtime = runtime.get_or_init(make);
        taken(|| runtime.block_on(work))
    })
}

/// A connection as it comes: frames, TLS or HTTP; what HTTP answers is HTTP, and it ends.
pub fn first_bytes(data: &[u8]) {
    let Some(first) = data.first() else { return };
    let (said, Taken { peak, .. }) = measured(connection(*first, data));
    assert!(peak <= HTTP_BYTES + 16 * data.len(), "{} bytes took {peak}", data.len());
    let (greeted, said) = said;
    let http = first.is_ascii_uppercase();
    assert_eq!(greeted == Greeted::Frames, !http && *first != 0x16);
    if greeted == Greeted::WebSocket {
        // Requests before it may have been answered on the same connection.
        let upgraded = said.windows(SWITCHING.len()).any(|bytes| bytes == SWITCHING);
        assert!(http && upgraded);
    }
    assert!(said.is_empty() || (http && said.starts_with(b"HTTP/1.")));
}

async fn connection(first: u8, data: &[u8]) -> (Greeted, Vec<u8>) {
    let (mut client, server) = tokio::io::duplex(4 * 1024 * 1024);
    // The answers, the page's files among them, are read only after: the pipe has room for many.
    let written = client.write_all(data).await;
    assert!(written.is_ok() || data.len() > 4 * 1024 * 1024);
    let ended = client.shutdown().await;
    assert!(ended.is_ok());
    let greeted = greet(first, server).await;
    let mut said = Vec::new();
    client.read_to_end(&mut said).await.expect("a pipe in memory");
    (greeted, said)
}

/// A WebSocket's bytes, cut as the first byte says: messages within their bound, memory too.
pub fn web_socket(data: &[u8]) {
    let Some((cut, stream)) = data.split_first() else { return };
    let mut socket = Socket::default();
    let ((), Taken { peak, .. }) = taken(|| {
        for piece in stream.chunks(usize::from(*cut).max(1)) {
            let (messages, answers, goes_on) = socket.take_in(piece);
            let whole: usize = messages.iter().map(Bytes::len).sum();
            assert!(whole <= stream.len() && answers.len() <= 2 * stream.len() + 64);
            if !goes_on {
                return;
            }
        }
        let sent = socket.wrap(Bytes::from_static(b"frame"));
        assert!(sent.is_empty() || sent.ends_with(b"frame"));
    });
    let most = SOCKET_BYTES + 16 * stream.len();
    assert!(peak <= most, "{} bytes took {peak}, more than {most}", stream.len());
}

/// A program's lines, and the commands in them.
pub fn json_lines(data: &[u8]) {
    let ((), Taken { peak, .. }) = measured(lines(data));
    // JSON's values are larger than their text, and both stand while one is read.
    assert!(peak <= 8 * 1024 + 128 * data.len(), "{} bytes took {peak}", data.len());
}

async fn lines(data: &[u8]) {
    let mut lines = Lines::new(data);
    loop {
        match lines.next().await.expect("memory can be read") {
            // What is not UTF-8 is replaced, by three bytes for one.
            Line::Text(line) => {
                assert!(line.len() <= 3 * FRAME_BYTES_MAX);
                let (id, asked) = command(&line);
                if let Ok(asked) = asked {
                    let again = serde_json::to_string(&asked).expect("commands are JSON");
                    assert_eq!(command(&again), (None, Ok(asked)), "a command reads back");
                }
                drop(id);
            }
            Line::TooLong => {}
            Line::End => return,
        }
    }
}
