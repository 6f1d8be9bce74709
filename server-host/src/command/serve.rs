//! `presently serve`.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use presently_server::store::Options;
use presently_server::{Config, Server};

use super::fail;

/// Serve people on this machine.
#[derive(Debug, clap::Args)]
pub(crate) struct Serve {
    /// Where clients and browsers come in; port 0 picks one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:1863")]
    listen: SocketAddr,
    /// Where the operator comes in; port 0 picks one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:1864")]
    admin: SocketAddr,
    /// Data directory [default: presently in the user's data directory]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// How many nodes [default: one per core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    nodes: Option<u16>,
    /// Make alice, bob and carol, friends already, each with their name as password
    #[arg(long)]
    demo: bool,
    /// Print one line of JSON when it serves
    #[arg(long)]
    ready_json: bool,
    /// Write a line of JSON for each hop of a traced act
    #[arg(long, value_name = "FILE")]
    trace_hops: Option<PathBuf>,
    /// Keep each node's inputs in FILE.0, FILE.1, .. (and FILE.N.old), at most 64 MiB each, for
    /// `cargo xtask replay FILE`. They hold everything: passwords, keys and all that people say
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// A further origin that may connect from a browser, such as https://example.org
    #[arg(long = "origin", value_name = "ORIGIN")]
    origins: Vec<String>,
}

/// Serves until told to stop.
pub(crate) fn run(serve: Serve) -> ExitCode {
    let Some(data) = serve.data.or_else(default_directory) else {
        return fail("there is no home directory, so --data DIR is needed", 2);
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(format!("cannot start: {error}"), 3),
    };
    // Before anything is opened: a signal while starting is heeded as soon as that is done.
    let mut signals = match runtime.block_on(async { Signals::hear() }) {
        Ok(signals) => signals,
        Err(error) => return fail(format!("cannot start: {error}"), 3),
    };
    let config = Config {
        listen: serve.listen,
        admin: serve.admin,
        data,
        nodes: serve.nodes.unwrap_or(0),
        demo: serve.demo,
        origins: serve.origins,
        trace_hops: serve.trace_hops,
        record: serve.record,
        store: Options::default(),
    };
    let mut server = match Server::start(config) {
        Ok(server) => server,
        Err(error) => {
            let code = error.exit_code();
            return fail(error, code);
        }
    };
    // Who started us may not listen.
    if serve.ready_json {
        let line = serde_json::json!({
            "listen": server.listen().to_string(),
            "admin": server.admin_address().to_string(),
            "url": server.url(),
        });
        let mut out = std::io::stdout().lock();
        let _ = writeln!(out, "{line}").and_then(|()| out.flush());
    } else {
        let _ = writeln!(std::io::stderr(), "presently serves {}", server.url());
    }
    let fenced = runtime.block_on(async {
        tokio::select! {
            () = signals.one() => None,
            why = server.fenced() => Some(why),
        }
    });
    tracing::info!("stopping");
    server.shutdown();
    let Some(why) = fenced else { return ExitCode::SUCCESS };
    let code = why.exit_code();
    fail(why, code)
}

fn default_directory() -> Option<PathBuf> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let base = set("XDG_DATA_HOME").or_else(|| Some(set("HOME")?.join(".local/share")))?;
    Some(base.join("presently"))
}

#[cfg(unix)]
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn hear() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let (terminate, interrupt) = (SignalKind::terminate(), SignalKind::interrupt());
        Ok(Self { terminate: signal(terminate)?, interrupt: signal(interrupt)? })
    }

    async fn one(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    #[expect(clippy::unnecessary_wraps, reason = "the same shape as where signals exist")]
    fn hear() -> std::io::Result<Self> {
        Ok(Self)
    }

    async fn one(&mut self) {
        let _ = tokio::signal::ctrl_c().await;
    }
}
