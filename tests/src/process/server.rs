//! The server's process.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use presently_core::id::UserId;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Scratch, binary, signal};

/// What `--ready-json` says.
#[derive(Clone, Debug, Deserialize)]
pub struct Ready {
    /// Clients dial this.
    pub listen: String,
    /// Operators dial this.
    pub admin: String,
    /// The page.
    pub url: String,
}

/// How a server is started.
#[derive(Clone, Debug)]
pub struct ServerOptions {
    /// Nodes.
    pub nodes: u16,
    /// alice, bob and carol, friends.
    pub demo: bool,
    /// Where hops go.
    pub trace_hops: Option<PathBuf>,
    /// Where each node's record goes.
    pub record: Option<PathBuf>,
    /// Put before the binary, such as a tracer.
    pub wrapper: Vec<String>,
    /// Added to its environment.
    pub env: Vec<(String, String)>,
    /// Where its data lie; a directory of its own where none is named.
    pub data: Option<PathBuf>,
    /// Where its log goes.
    pub log: Option<PathBuf>,
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self {
            nodes: 1,
            demo: true,
            trace_hops: None,
            record: None,
            wrapper: Vec::new(),
            env: Vec::new(),
            data: None,
            log: None,
        }
    }
}

/// A running server. Dropped: killed.
#[derive(Debug)]
pub struct Server {
    options: ServerOptions,
    data: PathBuf,
    _scratch: Scratch,
    child: Child,
    ready: Ready,
}

impl Server {
    /// Starts a server and waits until it serves.
    ///
    /// # Panics
    /// Where it does not serve.
    #[must_use]
    pub fn start(name: &str, options: ServerOptions) -> Self {
        let scratch = Scratch::new(name);
        let data = options.data.clone().unwrap_or_else(|| scratch.path().join("data"));
        let (child, ready) = spawn(&options, &data, "127.0.0.1:0");
        Self { options, data, _scratch: scratch, child, ready }
    }

    /// Where it listens.
    #[must_use]
    pub fn ready(&self) -> &Ready {
        &self.ready
    }

    /// Its data directory.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.data.clone()
    }

    /// The process (the wrapper's, where there is one).
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// kill -9.
    ///
    /// # Panics
    /// Where the process is gone already.
    pub fn kill(&mut self) {
        self.child.kill().expect("the server runs");
        self.child.wait().expect("a killed process ends");
    }

    /// Starts again on the same port and data; how long until it served.
    pub fn restart(&mut self) -> Duration {
        let began = Instant::now();
        let listen = self.ready.listen.clone();
        let (child, ready) = spawn(&self.options, &self.data, &listen);
        self.child = child;
        self.ready = ready;
        began.elapsed()
    }

    /// SIGTERM; the exit code and how long it took.
    ///
    /// # Panics
    /// Where it does not end within 20 s.
    pub fn stop(&mut self) -> (Option<i32>, Duration) {
        let began = Instant::now();
        signal::terminate(self.pid());
        while began.elapsed() < Duration::from_secs(20) {
            if let Some(status) = self.child.try_wait().expect("a child can be waited for") {
                return (status.code(), began.elapsed());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("the server did not stop");
    }

    /// Makes an account through the operator's door.
    ///
    /// # Panics
    /// Where it is refused.
    pub fn add_user(&self, name: &str, password: &str) {
        let mut child = Command::new(binary())
            .args(["user", "add", name, "--password-stdin", "--admin", &self.ready.admin])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("the binary runs");
        let mut input = child.stdin.take().expect("piped");
        writeln!(input, "{password}").expect("the command reads its input");
        drop(input);
        assert!(child.wait().expect("it ends").success(), "{name} is added");
    }

    /// Whether the process still runs.
    ///
    /// # Panics
    /// Where it cannot be asked.
    pub fn runs(&mut self) -> bool {
        self.child.try_wait().expect("a child can be waited for").is_none()
    }

    /// Makes an account whose password is its name.
    ///
    /// # Panics
    /// Where it is refused.
    #[must_use]
    pub fn add_account(&self, name: &str) -> UserId {
        let answer = self.post("/users", &json!({ "name": name, "password": name }));
        let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        let json: Value = serde_json::from_str(body).expect("the answer is JSON");
        let hex = json["user"].as_str().expect("the account has an id");
        let byte = |at: usize| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).expect("hex");
        UserId(std::array::from_fn(byte))
    }

    /// Makes two accounts friends.
    ///
    /// # Panics
    /// Where it is refused.
    pub fn befriend(&self, a: &str, b: &str) {
        let answer = self.post("/befriend", &json!({ "a": a, "b": b }));
        assert!(answer.starts_with("HTTP/1.1 200"), "{a} and {b}: {answer}");
    }

    /// Ends the present life of a node; whether it had one.
    ///
    /// # Panics
    /// Where the command does not run.
    pub fn crash_node(&self, node: u16) -> bool {
        let node = node.to_string();
        let mut command = Command::new(binary());
        command.args(["node", "crash", &node, "--admin", &self.ready.admin]);
        command.stderr(Stdio::null()).status().expect("the binary runs").success()
    }

    fn post(&self, path: &str, body: &Value) -> String {
        let (address, body) = (&self.ready.admin, body.to_string());
        let mut stream = TcpStream::connect(address).expect("the server listens");
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout can be set");
        let length = body.len();
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: {address}\r\ncontent-length: {length}\r\n\
             connection: close\r\n\r\n{body}"
        );
        stream.write_all(request.as_bytes()).expect("the server reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("the server answers");
        answer
    }

    /// A plain HTTP GET on a port of the server: status line, headers and body as text.
    ///
    /// # Panics
    /// Where there is no answer.
    #[must_use]
    pub fn get(&self, address: &str, path: &str) -> String {
        let mut stream = TcpStream::connect(address).expect("the server listens");
        stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout can be set");
        write!(stream, "GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n")
            .expect("the server reads");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("the server answers");
        String::from_utf8_lossy(&answer).into_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn spawn(options: &ServerOptions, data: &Path, listen: &str) -> (Child, Ready) {
    let mut line = options.wrapper.clone();
    line.push(binary().display().to_string());
    let mut command = Command::new(&line[0]);
    command.args(&line[1..]).args(["serve", "--ready-json", "--listen", listen]);
    command.args(["--admin", "127.0.0.1:0", "--nodes", &options.nodes.to_string()]);
    command.arg("--data").arg(data).stdout(Stdio::piped());
    command.envs(options.env.iter().map(|(name, value)| (name, value)));
    if let Some(log) = &options.log {
        let log = std::fs::File::options().create(true).append(true).open(log);
        command.stderr(log.expect("the log can be written"));
    }
    if options.demo {
        command.arg("--demo");
    }
    if let Some(path) = &options.trace_hops {
        command.arg("--trace-hops").arg(path);
    }
    if let Some(path) = &options.record {
        command.arg("--record").arg(path);
    }
    let mut child = command.spawn().expect("the binary runs");
    let mut first = String::new();
    let out = child.stdout.take().expect("piped");
    BufReader::new(out).read_line(&mut first).expect("the server says when it serves");
    let ready = serde_json::from_str(&first).expect("one line of JSON when it serves");
    (child, ready)
}
