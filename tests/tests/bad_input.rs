//! What is wrong gets one clear line or one typed error, and the right exit code; a server that is
//! told to stop says so to everyone and loses nothing.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use bytes::Bytes;
use presently_core::error::{CloseReason, Code};
use presently_core::id::Channel;
use presently_core::limits::{FRAME_BYTES_MAX, SIGN_IN_FAILURES_BURST, TEXT_BYTES_MAX};
use presently_core::wire::body::account::FromAccount;
use presently_core::wire::body::link::{FromGate, Ping, ToGate};
use presently_core::wire::frame::{Deframer, Frame};
use presently_core::wire::hello::{HELLO, WELCOME};
use presently_core::wire::tail::Tail;
use presently_tests::process::{Ended, JsonClient, Scratch, Server, ServerOptions, frames, run};
use serde_json::{Value, json};

const SOON: Duration = Duration::from_secs(20);

fn serve(data: &str, more: &[&str]) -> Ended {
    let ports = ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"];
    let mut arguments = vec!["serve", "--data", data];
    arguments.extend(ports.chunks(2).filter(|port| !more.contains(&port[0])).flatten());
    arguments.extend(more);
    run(&arguments, "")
}

#[test]
fn a_server_that_cannot_serve_says_why() {
    let scratch = Scratch::new("cannot-serve");
    let at = |name: &str| scratch.path().join(name).display().to_string();
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let taken = taken.local_addr().expect("it is bound").to_string();
    serve(&at("a"), &["--listen", &taken]).is_one_line(2, "in use");
    serve(&at("a"), &["--admin", &taken]).is_one_line(2, "in use");
    serve(&at("a"), &["--listen", "0.0.0.0:0"]).is_one_line(2, "loopback");
    serve(&at("a"), &["--listen", "[::]:0"]).is_one_line(2, "loopback");
    serve(&at("a"), &["--admin", "192.0.2.1:0"]).is_one_line(2, "loopback");
    serve(&at("a"), &["--nodes", "0"]).is_one_line(2, "nodes");
    serve(&at("a"), &["--listen", "nowhere"]).is_one_line(2, "listen");
    run(&[], "").is_one_line(2, "presently");
    run(&["dance"], "").is_one_line(2, "dance");
    std::fs::write(scratch.path().join("file"), "").expect("the scratch can be written");
    // Whoever runs this, root too: below a file nothing can be made.
    serve(&at("file/below"), &[]).is_one_line(5, "data directory");
    serve(&at("file"), &[]).is_one_line(5, "data directory");
}

#[test]
fn a_data_directory_of_another_or_of_the_future_is_refused() {
    let mut server = Server::start("locked", ServerOptions { demo: false, ..Default::default() });
    let data = server.data().display().to_string();
    serve(&data, &[]).is_one_line(5, "another process");
    assert_eq!(server.stop().0, Some(0));
    let file = server.data().join("presently.db");
    let change = rusqlite::Connection::open(file).expect("the database opens");
    change
        .execute("UPDATE meta SET value = 999 WHERE name = 'schema'", [])
        .expect("it can be written");
    change.close().expect("it closes");
    serve(&data, &[]).is_one_line(5, "later version");
}

#[test]
fn accounts_are_refused_by_name() {
    let server = Server::start("user-add", ServerOptions::default());
    let admin = server.ready().admin.clone();
    let add = |name: &str, input: &str| {
        run(&["user", "add", name, "--password-stdin", "--admin", &admin], input)
    };
    assert_eq!(add("dora", "secret\n").code, Some(0));
    add("dora", "other\n").is_one_line(3, "taken");
    add("ALICE", "other\n").is_one_line(3, "taken");
    for bad in ["", "two words", "grüß", &"x".repeat(65), "a/b", "a\nb"] {
        add(bad, "secret\n").is_one_line(3, "not allowed");
    }
    add("emil", "").is_one_line(2, "password");
    add("emil", &"x".repeat(257)).is_one_line(3, "not allowed");
    let free = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let nobody = free.local_addr().expect("it is bound").to_string();
    drop(free);
    run(&["user", "add", "emil", "--password-stdin", "--admin", &nobody], "secret\n")
        .is_one_line(4, "cannot reach");
    run(&["user", "add", "emil", "--admin", &admin], "secret\n").is_one_line(2, "password-stdin");
}

#[test]
fn a_node_is_crashed_by_number_and_comes_back() {
    let server = Server::start("crash", ServerOptions { nodes: 2, ..Default::default() });
    let admin = server.ready().admin.clone();
    let mut alice = JsonClient::on_node(&server.ready().listen, "alice", 1);
    alice.wait_event("signed_in");
    let crash = |number: &str| run(&["node", "crash", number, "--admin", &admin], "");
    crash("2").is_one_line(3, "there is no node 2");
    assert_eq!(crash("one").code, Some(2));
    assert_eq!(crash("1").code, Some(0));
    alice.wait_event("offline");
    alice.wait_event("signed_in");
    assert_eq!(crash("0").code, Some(0), "and so does the other");
    alice.give(&json!({"cmd": "send", "id": 1, "to": "bob", "text": "after it"}));
    alice.wait("ack", SOON, |event| event["event"] == "acked" && event["id"] == 1);
    run(&["node", "crash", "0", "--admin", "127.0.0.1:1"], "").is_one_line(4, "cannot reach");
}

#[test]
fn an_operator_moves_shards_and_sees_where_they_are() {
    let server = Server::start("move", ServerOptions { nodes: 2, ..Default::default() });
    let admin = server.ready().admin.clone();
    let node = |args: &[&str]| run(&[&["node"], args, &["--admin", &admin]].concat(), "");
    let list = || node(&["list"]).out;
    assert_eq!(list(), "node 0: 128 ranges\nnode 1: 128 ranges\n");
    assert_eq!(node(&["move", "48", "0"]).code, Some(0), "range 3 is dealt to node 1");
    let moved = "shards 48-63: node 0, dealt to 1, term 1, kept\n";
    assert_eq!(list(), format!("node 0: 129 ranges\nnode 1: 127 ranges\n{moved}"));
    assert_eq!(node(&["move", "63", "0"]).code, Some(0), "it is there");
    node(&["move", "48", "2"]).is_one_line(3, "not allowed");
    node(&["move", "4096", "1"]).is_one_line(3, "expected");
    assert_eq!(node(&["move", "50", "1"]).code, Some(0), "and back");
    assert!(list().contains("node 0: 128 ranges\n"), "{}", list());
}

#[test]
fn a_wrong_password_is_one_error_and_the_end() {
    let server = Server::start("password", ServerOptions::default());
    let listen = &server.ready().listen;
    for (user, password) in [("alice", "wrong"), ("nobody", "wrong"), ("alice", &*"x".repeat(300))]
    {
        let mut client = JsonClient::with(listen, user, password, &[], None);
        let error = client.wait_event("error");
        assert_eq!((&error["code"], &error["id"]), (&json!("wrong_credentials"), &Value::Null));
        assert_eq!(client.finish(), Some(3));
        assert_eq!(client.drain(), Vec::<Value>::new(), "one error and nothing else");
    }
    let mut client = JsonClient::with(listen, "not a name", "x", &[], None);
    assert_eq!(client.wait_event("error")["code"], "invalid");
    assert_eq!(client.finish(), Some(3));
    run(&["client", "--server", listen, "--user", "alice"], "alice\n")
        .is_one_line(2, "password-stdin");
    run(&["client", "--server", listen, "--user", "alice", "--password-stdin"], "")
        .is_one_line(2, "password");
    // No server is no fault of the person: it tries again.
    let free = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let nobody = free.local_addr().expect("it is bound").to_string();
    drop(free);
    let mut client = JsonClient::start(&nobody, "alice");
    assert_eq!(client.wait_event("offline")["reason"], "unreachable");
}

#[test]
fn a_client_refuses_commands_by_type_and_goes_on() {
    let server = Server::start("commands", ServerOptions::default());
    let mut alice = JsonClient::start(&server.ready().listen, "alice");
    alice.wait_event("signed_in");
    let refused = |alice: &mut JsonClient, line: &str, code: &str| {
        alice.give_line(line);
        let (_, error) = alice.wait(line, SOON, |e| e["event"] == "error");
        assert_eq!(error["code"], code, "{line}");
        assert!(!error["text"].as_str().expect("text").is_empty(), "{error}");
        error
    };
    let unknown = refused(&mut alice, r#"{"cmd":"dance","id":"x"}"#, "bad_command");
    assert_eq!(unknown["id"], "x");
    for line in [
        "dance",
        "{",
        "[]",
        "7",
        "\"send\"",
        "{}",
        r#"{"cmd":"send"}"#,
        r#"{"cmd":"send","to":"bob"}"#,
        r#"{"cmd":"send","to":"bob","text":7}"#,
        r#"{"cmd":"send","to":"bob","text":"hi","more":1}"#,
        r#"{"cmd":["send"]}"#,
        "\u{0}",
    ] {
        refused(&mut alice, line, "bad_command");
    }
    refused(&mut alice, &"x".repeat(70_000), "bad_command");
    let coded = |cmd: Value, code: &str| (cmd.to_string(), code.to_owned());
    for (line, code) in [
        coded(json!({"cmd": "status", "status": "dancing"}), "invalid"),
        coded(json!({"cmd": "status", "status": "offline"}), "invalid"),
        coded(json!({"cmd": "message", "text": "x".repeat(129)}), "too_large"),
        coded(json!({"cmd": "message", "text": "two\nlines"}), "invalid"),
        coded(json!({"cmd": "add", "user": "alice"}), "yourself"),
        coded(json!({"cmd": "add", "user": "not a name"}), "invalid"),
        coded(json!({"cmd": "add", "user": "bob"}), "already_contact"),
        coded(json!({"cmd": "accept", "user": "nobody"}), "no_invitation"),
        coded(json!({"cmd": "history", "with": "bob", "limit": 0}), "invalid"),
        coded(json!({"cmd": "send", "to": "nobody", "text": "hi"}), "not_a_contact"),
    ] {
        refused(&mut alice, &line, &code);
    }
    // Two bytes each: the bound is in bytes.
    let most = "ü".repeat(TEXT_BYTES_MAX / 2);
    alice.give(&json!({"cmd": "send", "id": 1, "to": "bob", "text": most}));
    alice.wait("ack", SOON, |e| e["event"] == "acked" && e["id"] == 1);
    let over = json!({"cmd": "send", "id": 2, "to": "bob", "text": format!("{most}x")});
    assert_eq!(refused(&mut alice, &over.to_string(), "too_large")["id"], 2);
    let mut bob = JsonClient::start(&server.ready().listen, "bob");
    let (_, message) = bob.wait("message", SOON, |e| e["event"] == "message");
    assert_eq!(message["text"], most.as_str());
    assert_eq!(alice.finish(), Some(0), "refused commands do not end it badly");
}

/// A link without a client.
struct Raw {
    socket: TcpStream,
    frames: Deframer,
}

impl Raw {
    fn dial(server: &Server) -> Self {
        Self::on(TcpStream::connect(&server.ready().listen).expect("the server listens"))
    }

    fn on(socket: TcpStream) -> Self {
        socket.set_read_timeout(Some(SOON)).expect("a timeout can be set");
        Self { socket, frames: Deframer::default() }
    }

    /// One that was welcomed.
    fn welcomed(server: &Server) -> Self {
        Self::dial(server).with_hello()
    }

    fn with_hello(mut self) -> Self {
        self.say(&frames::hello());
        assert_eq!(self.next().expect("an answer").kind, WELCOME);
        self
    }

    /// One that signed in.
    fn signed_in(server: &Server, name: &str) -> Self {
        let mut link = Self::welcomed(server);
        link.attach_account(name);
        assert_eq!(link.sign_in(name, name), Ok(()));
        link
    }

    fn attach_account(&mut self, name: &str) {
        self.answer_to(&frames::attach_account(name));
    }

    fn sign_in(&mut self, name: &str, password: &str) -> Result<(), Code> {
        let answer = self.answer_to(&frames::sign_in(name, password));
        let refused = FromGate::decode(answer.kind, &answer.body).expect("it decodes");
        if let Some((FromGate::Refused(refusal), _)) = refused {
            return Err(refusal.code);
        }
        let signed = FromAccount::decode(answer.kind, &answer.body).expect("it decodes");
        assert!(matches!(signed, Some((FromAccount::SignedIn(_), _))), "{signed:?}");
        Ok(())
    }

    /// Asks on channel 1; the answer.
    fn ask(&mut self, request: u32, kind: u16, body: Bytes) -> Frame {
        self.answer_to(&Frame::request(kind, Channel(1), request, body))
    }

    fn answer_to(&mut self, ask: &Frame) -> Frame {
        self.say(&ask.encode());
        let answer = self.next().expect("an answer");
        assert_eq!(answer.request, ask.request, "{answer:?}");
        answer
    }

    fn say(&mut self, bytes: &[u8]) {
        // A server that has closed already says why in what it sent.
        self.socket.write_all(bytes).ok();
    }

    /// The next frame, or `None` once the server closed.
    fn next(&mut self) -> Option<Frame> {
        let mut bytes = [0; 4096];
        loop {
            if let Some(frame) = self.frames.next_frame().expect("the server speaks frames") {
                return Some(frame);
            }
            match self.socket.read(&mut bytes) {
                Ok(0) => return None,
                Ok(count) => self.frames.push(&bytes[..count]),
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return None,
                Err(error) => panic!("the server keeps silent: {error}"),
            }
        }
    }

    /// Why the server closes, and that it does.
    fn closing(mut self, what: &str) -> CloseReason {
        let frame = self.next().unwrap_or_else(|| panic!("{what}: closed without a word"));
        let decoded = FromGate::decode(frame.kind, &frame.body).expect("it decodes");
        let Some((FromGate::Closing(closing), _)) = decoded else { panic!("{what}: {frame:?}") };
        assert_eq!(self.next(), None, "{what}: nothing after Closing");
        closing.reason
    }
}

/// A socket to the server from another address of this machine: all of 127/8 are its own.
fn dial_from(source: Ipv4Addr, server: &Server) -> TcpStream {
    use rustix::net::{AddressFamily, SocketType, bind, connect, socket};
    let to: SocketAddrV4 = server.ready().listen.parse().expect("an address");
    let socket = socket(AddressFamily::INET, SocketType::STREAM, None).expect("a socket");
    bind(&socket, &SocketAddrV4::new(source, 0)).expect("the address is this machine's");
    connect(&socket, &to).expect("the server listens");
    TcpStream::from(socket)
}

#[test]
fn who_guesses_elsewhere_shuts_nobody_out() {
    let server = Server::start("guesses", ServerOptions { nodes: 3, ..Default::default() });
    let mut there = Raw::on(dial_from(Ipv4Addr::new(127, 0, 0, 2), &server)).with_hello();
    there.attach_account("alice");
    for _ in 0..SIGN_IN_FAILURES_BURST {
        assert_eq!(there.sign_in("alice", "guess"), Err(Code::NotSignedIn));
    }
    assert_eq!(there.sign_in("alice", "guess"), Err(Code::TooFast));
    assert_eq!(there.sign_in("alice", "alice"), Err(Code::TooFast), "whatever it is");
    Raw::signed_in(&server, "alice");
}

#[test]
fn a_frame_may_have_64_kib_and_not_a_byte_more() {
    let server = Server::start("frame-bytes", ServerOptions { nodes: 2, ..Default::default() });
    let mut link = Raw::signed_in(&server, "alice");
    // Kind 2, flags 1, channel 1, request 1.
    let most = Bytes::from(vec![0; FRAME_BYTES_MAX - 5]);
    let answer = link.ask(3, 0x0f00, most);
    let refused = FromGate::decode(answer.kind, &answer.body).expect("it decodes");
    let Some((FromGate::Refused(refusal), _)) = refused else { panic!("{answer:?}") };
    assert_eq!(refusal.code, Code::Unsupported, "it was read, and is none of any service's");
    link.say(&ping_of(FRAME_BYTES_MAX + 1));
    assert_eq!(link.closing("64 KiB + 1"), CloseReason::Fault(Code::TooLarge));
    // A frame cut in its middle: the link waits for the rest, and goes with its socket.
    let mut cut = Raw::signed_in(&server, "alice");
    cut.say(&ping_of(64)[..20]);
    drop(cut);
    let mut alice = JsonClient::start(&server.ready().listen, "alice");
    alice.wait_event("signed_in");
}

/// A ping with so many bytes behind its header's length field.
fn ping_of(length: usize) -> Vec<u8> {
    let [_, a, b, c] = u32::try_from(length).expect("small").to_be_bytes();
    let mut bytes = vec![a, b, c, 0, 6, 0, 0];
    bytes.resize(length + 3, 0);
    bytes
}

#[test]
fn frames_that_are_none_end_their_link_and_no_other() {
    let server = Server::start("frames", ServerOptions { nodes: 2, ..Default::default() });
    let fault = |code| CloseReason::Fault(code);
    for (what, bytes, code) in [
        ("64 KiB + 1", ping_of(FRAME_BYTES_MAX + 1), Code::TooLarge),
        ("16 MiB", vec![0xff; 3], Code::TooLarge),
        ("too short", vec![0, 0, 3, 0, 6, 0], Code::Malformed),
        (
            "an endless varint",
            vec![0, 0, 9, 0, 6, 0, 255, 255, 255, 255, 255, 255],
            Code::Malformed,
        ),
    ] {
        let mut link = Raw::welcomed(&server);
        link.say(&bytes);
        assert_eq!(link.closing(what), fault(code), "{what}");
    }
    for (what, bytes, code) in [
        ("no hello", ping_of(4), Code::OutOfOrder),
        ("zeros", vec![0; 64], Code::Malformed),
        ("noise", vec![0x7f; 64], Code::TooLarge),
        ("text", b"{\"cmd\":\"send\"}\n".to_vec(), Code::TooLarge),
        (
            "a short hello",
            Frame::event(HELLO, Channel(0), vec![0; 3].into()).encode().into(),
            Code::Malformed,
        ),
    ] {
        let mut link = Raw::dial(&server);
        link.say(&bytes);
        assert_eq!(link.closing(what), fault(code), "{what}");
    }
    // Cut in its middle, and the other half never comes: the budget before sign-in ends it.
    let began = Instant::now();
    let mut cut = Raw::dial(&server);
    cut.say(&frames::hello()[..7]);
    assert_eq!(cut.closing("a truncated frame"), CloseReason::PreAuth);
    assert!((9..=12).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
    // One that says more than it may before it signs in.
    let mut chatty = Raw::welcomed(&server);
    chatty.say(&vec![ping_of(FRAME_BYTES_MAX / 8); 3].concat());
    while let Some(frame) = chatty.next() {
        let said =
            FromGate::decode(frame.kind, &frame.body).expect("it decodes").map(|said| said.0);
        if let Some(FromGate::Closing(closing)) = said {
            assert_eq!(closing.reason, CloseReason::PreAuth);
            break;
        }
    }
    // Who cuts and goes is no fault either.
    let mut gone = Raw::welcomed(&server);
    gone.say(&[0, 0, 9]);
    drop(gone);
    let mut alice = JsonClient::start(&server.ready().listen, "alice");
    alice.wait_event("signed_in");
    let ping = ToGate::Ping(Ping {});
    let mut fresh = Raw::welcomed(&server);
    let frame = Frame::request(ping.kind(), Channel(0), 1, ping.encode(&Tail::default()));
    fresh.say(&frame.encode());
    assert_eq!(fresh.next().expect("a pong").request, 1);
}

fn http(address: &str, head: &str) -> String {
    let mut socket = TcpStream::connect(address).expect("the server listens");
    socket.set_read_timeout(Some(SOON)).expect("a timeout can be set");
    write!(socket, "{head}\r\nHost: {address}\r\nConnection: close\r\n\r\n").expect("it reads");
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).expect("it answers");
    String::from_utf8_lossy(&answer).lines().next().unwrap_or_default().to_owned()
}

#[test]
fn pages_of_others_are_kept_out() {
    let server = Server::start("origins", ServerOptions::default());
    let (listen, admin) = (&server.ready().listen, &server.ready().admin);
    let open = |origin: &str| {
        let mut socket = TcpStream::connect(listen).expect("the server listens");
        socket.set_read_timeout(Some(SOON)).expect("a timeout can be set");
        write!(
            socket,
            "GET /ws HTTP/1.1\r\nHost: {listen}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\
             Origin: {origin}\r\n\r\n"
        )
        .expect("it reads");
        let mut answer = [0; 12];
        socket.read_exact(&mut answer).expect("it answers");
        String::from_utf8_lossy(&answer).into_owned()
    };
    assert_eq!(open(&format!("http://{listen}")), "HTTP/1.1 101");
    assert_eq!(open("http://localhost:5173"), "HTTP/1.1 101");
    for foreign in ["https://evil.example", "null", "http://localhost.evil.example", "file://"] {
        assert_eq!(open(foreign), "HTTP/1.1 403", "{foreign}");
    }
    assert!(http(admin, "GET /metrics HTTP/1.1").contains(" 200 "));
    for origin in [format!("http://{listen}"), "http://localhost:1864".into(), "null".into()] {
        let head = format!("GET /metrics HTTP/1.1\r\nOrigin: {origin}");
        assert!(http(admin, &head).contains(" 403 "), "{origin}");
    }
}

#[test]
fn a_server_told_to_stop_tells_everyone_and_loses_nothing() {
    let mut server = Server::start("draining", ServerOptions { nodes: 2, ..Default::default() });
    let mut alice = JsonClient::on_node(&server.ready().listen, "alice", 0);
    let mut bob = JsonClient::on_node(&server.ready().listen, "bob", 1);
    for client in [&mut alice, &mut bob] {
        client.wait_event("signed_in");
    }
    let give = |alice: &mut JsonClient, ids: std::ops::Range<u64>| {
        for id in ids {
            let text = format!("in flight {id}");
            alice.give(&json!({"cmd": "send", "id": id, "to": "bob", "text": text}));
        }
    };
    give(&mut alice, 0..1_000);
    alice.wait("an ack", SOON, |e| e["event"] == "acked");
    let (code, took) = server.stop();
    assert_eq!(code, Some(0));
    assert!(took < Duration::from_secs(5), "{took:?}");
    for client in [&mut alice, &mut bob] {
        let offline = client.wait_event("offline");
        assert_eq!(offline["reason"], "draining");
    }
    server.restart();
    give(&mut alice, 1_000..1_100);
    let mut acked = vec![0u64; 1_100];
    // The first was taken above.
    for _ in 0..1_099 {
        let (_, ack) = alice.wait("ack", SOON, |e| e["event"] == "acked");
        acked[usize::try_from(ack["id"].as_u64().expect("its id")).expect("small")] += 1;
    }
    assert_eq!(acked.iter().filter(|count| **count == 0).count(), 1, "each acked once");
    for place in 1..=1_100u64 {
        let (_, message) = bob.wait("message", SOON, |e| e["event"] == "message");
        let text = format!("in flight {}", place - 1);
        assert_eq!((&message["seq"], &message["text"]), (&json!(place), &json!(text)));
    }
    println!("a graceful stop with sends in flight took {took:?}");
}
