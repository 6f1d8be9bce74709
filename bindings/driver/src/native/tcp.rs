//! Links over TCP: a task that reads, a task that writes.

use std::time::Duration;

use bytes::Bytes;
use presently_core::id::LinkId;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc;

use crate::host::{FromHost, Link, Mailbox};

/// A dial that takes longer has failed.
const DIAL_MAX: Duration = Duration::from_secs(10);
/// One read.
const READ_BYTES: usize = 16 * 1024;

/// What the writer is asked.
#[derive(Debug)]
enum ToWriter {
    Send(Bytes),
    Close { flush_ms: u32 },
}

/// One TCP link. What waits in its queue is bounded by the client machine's own windows.
#[derive(Debug)]
pub struct TcpLink(mpsc::UnboundedSender<ToWriter>);

impl Link for TcpLink {
    fn send(&mut self, bytes: Bytes) {
        self.0.send(ToWriter::Send(bytes)).ok();
    }

    fn close(self, flush_ms: u32) {
        self.0.send(ToWriter::Close { flush_ms }).ok();
    }
}

pub(super) fn dial(server: String, link: LinkId, mailbox: Mailbox) -> TcpLink {
    let (to_writer, orders) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let dialled = tokio::time::timeout(DIAL_MAX, TcpStream::connect(server)).await;
        if let Ok(Ok(stream)) = dialled {
            stream.set_nodelay(true).ok();
            let (reader, writer) = stream.into_split();
            if mailbox.send(FromHost::Opened(link)).await.is_ok() {
                tokio::select! {
                    () = read(reader, link, &mailbox) => {}
                    () = write(writer, orders, link, &mailbox) => {}
                }
            }
        }
        mailbox.send(FromHost::Closed(link)).await.ok();
    });
    TcpLink(to_writer)
}

async fn read(mut from: OwnedReadHalf, link: LinkId, mailbox: &Mailbox) {
    let mut buffer = vec![0; READ_BYTES];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        if mailbox.send(FromHost::Bytes(link, buffer[..count].to_vec())).await.is_err() {
            return;
        }
    }
}

async fn write(
    mut to: OwnedWriteHalf,
    mut orders: mpsc::UnboundedReceiver<ToWriter>,
    link: LinkId,
    mailbox: &Mailbox,
) {
    while let Some(order) = orders.recv().await {
        let bytes = match order {
            ToWriter::Send(bytes) => bytes,
            ToWriter::Close { flush_ms } => {
                // Everything before it was written; what the system still holds goes out by itself.
                let flush = Duration::from_millis(u64::from(flush_ms));
                tokio::time::timeout(flush, to.shutdown()).await.ok();
                return;
            }
        };
        if to.write_all(&bytes).await.is_err() {
            return;
        }
        if mailbox.send(FromHost::Sent(link, bytes.len())).await.is_err() {
            return;
        }
    }
}
