//! The server in this process: what its ports answer.
#![expect(clippy::unwrap_used, reason = "a test fails by it")]

mod folder;

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use presently_core::id::{Channel, NodeId};
use presently_core::wire::frame::{Deframer, Frame};
use presently_core::wire::hello::{HELLO, Hello, WELCOME, Welcome};
use presently_server::{Config, Server, StartError};
use tungstenite::Message;

use folder::Folder;

fn hello(node: Option<NodeId>) -> Vec<u8> {
    let hello = Hello {
        version_min: 1,
        version_max: 1,
        features: 0,
        frame_bytes_max: 65_536,
        keepalive_ms: 0,
        node,
    };
    Frame::event(HELLO, Channel(0), hello.encode()).encode().to_vec()
}

fn welcome(frame: &Frame) -> Welcome {
    assert_eq!(frame.kind, WELCOME);
    Welcome::decode(&frame.body).unwrap()
}

fn dial(address: SocketAddr) -> TcpStream {
    let socket = TcpStream::connect(address).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    socket
}

fn read_frame(socket: &mut impl Read) -> Frame {
    let (mut frames, mut bytes) = (Deframer::default(), [0; 4096]);
    loop {
        if let Some(frame) = frames.next_frame().unwrap() {
            return frame;
        }
        let count = socket.read(&mut bytes).unwrap();
        assert!(count > 0, "the link closed");
        frames.push(&bytes[..count]);
    }
}

fn request(address: SocketAddr, text: &str) -> String {
    let mut socket = dial(address);
    socket.write_all(text.as_bytes()).unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    answer
}

fn get(address: SocketAddr, path: &str) -> String {
    request(
        address,
        &format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"),
    )
}

fn post(address: SocketAddr, path: &str, more: &str, body: &str) -> String {
    let length = body.len();
    let text = format!(
        "POST {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{more}\
         Content-Length: {length}\r\n\r\n{body}"
    );
    request(address, &text)
}

#[test]
fn frames_are_answered_and_links_move_to_the_node_they_want() {
    let folder = Folder::new("frames");
    let server = Server::start(Config { nodes: 3, ..Config::local(folder.path()) }).unwrap();
    for wanted in [None, Some(NodeId(0)), Some(NodeId(2)), Some(NodeId(1))] {
        let mut socket = dial(server.listen());
        // Cut where it hurts.
        for piece in hello(wanted).chunks(5) {
            socket.write_all(piece).unwrap();
            std::thread::sleep(Duration::from_millis(2));
        }
        let welcome = welcome(&read_frame(&mut socket));
        assert!(wanted.is_none_or(|node| node == welcome.node), "{wanted:?}");
    }
    let began = Instant::now();
    let mut open = dial(server.listen());
    open.write_all(&hello(None)).unwrap();
    read_frame(&mut open);
    server.shutdown();
    assert!(began.elapsed() < Duration::from_secs(5));
    // Told or not, the link ends.
    let mut rest = Vec::new();
    open.read_to_end(&mut rest).unwrap();
}

#[test]
fn a_web_socket_is_a_link_too() {
    let folder = Folder::new("websocket");
    let server = Server::start(Config { nodes: 2, ..Config::local(folder.path()) }).unwrap();
    for wanted in [NodeId(0), NodeId(1)] {
        for origin in [None, Some("http://localhost:5173")] {
            let url = format!("ws://{}/ws", server.listen());
            let mut request =
                tungstenite::client::IntoClientRequest::into_client_request(url).unwrap();
            if let Some(origin) = origin {
                request.headers_mut().insert("origin", origin.parse().unwrap());
            }
            let (mut socket, _) = tungstenite::client(request, dial(server.listen())).unwrap();
            let bytes = hello(Some(wanted));
            let (left, right) = bytes.split_at(7);
            socket.send(Message::binary(left.to_vec())).unwrap();
            socket.send(Message::Ping("?".into())).unwrap();
            socket.send(Message::binary(right.to_vec())).unwrap();
            let mut frames = Deframer::default();
            let frame = loop {
                if let Message::Binary(bytes) = socket.read().unwrap() {
                    frames.push(&bytes);
                }
                if let Some(frame) = frames.next_frame().unwrap() {
                    break frame;
                }
            };
            assert_eq!(welcome(&frame).node, wanted);
        }
    }
    let evil = "GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\
         Origin: https://evil.example\r\n\r\n";
    assert!(request(server.listen(), evil).starts_with("HTTP/1.1 403"));
}

#[test]
fn http_serves_the_page_and_little_else() {
    let folder = Folder::new("http");
    let server = Server::start(Config::local(folder.path())).unwrap();
    let at = server.listen();
    assert!(get(at, "/healthz").ends_with("ok\n"));
    let config = get(at, "/config.json");
    assert!(config.contains("\"demo\":false") && config.contains("\"version\":"), "{config}");
    let page = get(at, "/").to_ascii_lowercase();
    assert!(page.starts_with("http/1.1 200"), "{page}");
    assert!(page.contains("content-security-policy: default-src 'self'"), "{page}");
    assert!(page.contains("x-content-type-options: nosniff"), "{page}");
    assert!(get(at, "/etc/passwd").starts_with("HTTP/1.1 404"));
    assert!(post(at, "/", "", "").starts_with("HTTP/1.1 405"));
    // A TLS client hello is not answered, and a slow one does not stay.
    let mut tls = dial(at);
    tls.write_all(&[0x16, 3, 1, 0, 5]).unwrap();
    let mut rest = Vec::new();
    match tls.read_to_end(&mut rest) {
        Ok(_) => assert!(rest.is_empty()),
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
    }
    let began = Instant::now();
    let mut slow = dial(at);
    slow.write_all(b"GET / HTTP/1.1\r\nHo").unwrap();
    let _ = slow.read_to_end(&mut rest);
    let mut silent = dial(at);
    let _ = silent.read_to_end(&mut rest);
    assert!(began.elapsed() < Duration::from_secs(13), "{:?}", began.elapsed());
}

#[test]
fn the_operators_door_is_not_for_browsers() {
    let folder = Folder::new("admin");
    let server = Server::start(Config { nodes: 2, ..Config::local(folder.path()) }).unwrap();
    let at = server.admin_address();
    let user = "{\"name\":\"alice\",\"password\":\"wonderland\"}";
    let added = post(at, "/users", "", user);
    assert!(added.starts_with("HTTP/1.1 201"), "{added}");
    let metrics = get(at, "/metrics");
    assert!(metrics.contains("presently_store_commits "), "{metrics}");
    for origin in ["http://localhost:1863", "null", "http://127.0.0.1:1864"] {
        let answer = post(at, "/users", &format!("Origin: {origin}\r\n"), user);
        assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
    }
    let rebound = "GET /metrics HTTP/1.1\r\nHost: evil.example:1864\r\nConnection: close\r\n\r\n";
    assert!(request(at, rebound).starts_with("HTTP/1.1 403"));
    assert!(post(at, "/users", "", "{}").starts_with("HTTP/1.1 400"));
    assert!(post(at, "/users", "", &"x".repeat(10_000)).starts_with("HTTP/1.1 400"));
    assert!(get(at, "/").starts_with("HTTP/1.1 404"));
}

#[test]
fn a_node_that_is_fenced_off_does_not_take_its_life_back() {
    let folder = Folder::new("fenced");
    let mut first = Server::start(Config::local(folder.path())).unwrap();
    std::fs::remove_file(folder.path().join("lock")).unwrap();
    let second = Server::start(Config::local(folder.path())).unwrap();
    let user = |name| format!("{{\"name\":\"{name}\",\"password\":\"wonderland\"}}");
    assert!(!post(first.admin_address(), "/users", "", &user("alice")).starts_with("HTTP/1.1 201"));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let why = runtime.block_on(first.fenced());
    assert!(matches!(why, StartError::Fenced(NodeId(0))), "{why}");
    // A broken invariant is followed by a new life within 0.1 s; not here.
    assert_eq!(runtime.block_on(first.admin().crash(NodeId(0))), Some(true));
    std::thread::sleep(Duration::from_secs(1));
    let added = post(second.admin_address(), "/users", "", &user("bob"));
    assert!(added.starts_with("HTTP/1.1 201"), "{added}");
    let began = Instant::now();
    first.shutdown();
    assert!(began.elapsed() < Duration::from_secs(5));
}
