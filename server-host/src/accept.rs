//! The thread that takes connections: clients go to the nodes in turn, operators are served here.

use std::net::{SocketAddr, TcpListener};
use std::thread::JoinHandle;
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::sync::oneshot;

use crate::admin::{self, Admin};
use crate::node::mail::{Fabric, Mail};

/// Connections that wait to be taken.
const BACKLOG: i32 = 4_096;
/// Operators at once.
const OPERATORS_MAX: usize = 64;
/// Rest after an accept that failed: most often there are too many open files.
const REST: Duration = Duration::from_millis(100);

/// A listening socket.
pub(crate) fn listener(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// Accepts until told to stop.
pub(crate) fn start(
    clients: TcpListener,
    operators: TcpListener,
    fabric: Fabric,
    admin: Admin,
) -> std::io::Result<(oneshot::Sender<()>, JoinHandle<()>)> {
    let (stop, stopped) = oneshot::channel();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let thread = std::thread::Builder::new().name("accept".to_owned()).spawn(move || {
        let tasks = tokio::task::LocalSet::new();
        tasks.block_on(&runtime, async move {
            tokio::select! {
                _ = stopped => {}
                () = take_clients(clients, &fabric) => {}
                () = take_operators(operators, &admin) => {}
            }
        });
    })?;
    Ok((stop, thread))
}

async fn take_clients(listener: TcpListener, fabric: &Fabric) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
    for node in fabric.iter().cycle() {
        match listener.accept().await.and_then(|(socket, from)| Ok((socket.into_std()?, from))) {
            Ok((socket, from)) => {
                // A node whose mailbox is full has more than enough to do.
                let remote = from.ip().to_string();
                let _ = node.try_send(Mail::Socket { socket, remote });
            }
            Err(error) => rest(&error).await,
        }
    }
}

async fn take_operators(listener: TcpListener, admin: &Admin) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
    let places = std::sync::Arc::new(tokio::sync::Semaphore::new(OPERATORS_MAX));
    loop {
        match listener.accept().await {
            Ok((socket, _)) => {
                let Ok(place) = std::sync::Arc::clone(&places).try_acquire_owned() else {
                    continue;
                };
                let admin = admin.clone();
                tokio::task::spawn_local(async move {
                    admin::serve(admin, socket).await;
                    drop(place);
                });
            }
            Err(error) => rest(&error).await,
        }
    }
}

async fn rest(error: &std::io::Error) {
    tracing::warn!(%error, "a connection could not be taken");
    tokio::time::sleep(REST).await;
}
