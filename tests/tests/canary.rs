//! What people say and their secrets stand in frames and in the store, and nowhere else: not in what the
//! server and its clients log when they log all they can, not in a trace of hops, in a panic, in
//! arguments, or on the operators' pages.

use std::fmt::Write as _;
use std::fs;
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use presently_core::limits::TEXT_BYTES_MAX;
use presently_tests::process::{Ended, JsonClient, Scratch, Server, ServerOptions, frames, run_in};
use serde_json::{Value, json};
use tungstenite::{Message, client};

/// In every secret and every text.
const CANARY: &str = "xyzzy-plugh";

const SOON: Duration = Duration::from_secs(20);

/// Everything is logged that any library would say.
const LOUD: [(&str, &str); 3] =
    [("PRESENTLY_LOG", "trace"), ("RUST_LOG", "trace"), ("RUST_BACKTRACE", "full")];

/// How a text may look in a log: itself, as hexadecimal, as a list of bytes.
fn forms() -> [String; 3] {
    let hex = CANARY.bytes().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    });
    let bytes: Vec<String> = CANARY.bytes().map(|byte| byte.to_string()).collect();
    [CANARY.into(), hex, bytes.join(", ")]
}

fn assert_silent(place: &str, text: &str) {
    let text = text.to_lowercase();
    for form in forms() {
        let Some(at) = text.find(&form) else { continue };
        // Where it stands is enough to find it: the line is not said again here.
        panic!(
            "{place} shows a secret or a text, as {form:?}, in line {}",
            text[..at].lines().count()
        );
    }
}

fn canary(of: &str) -> String {
    format!("{CANARY} {of}")
}

/// A session of the client for programs: its password, then its commands.
fn session(server: &Server, user: &str, password: &str, commands: &[Value]) -> Ended {
    let arguments = ["client", "--server", &server.ready().listen, "--user", user];
    let arguments = [&arguments[..], &["--password-stdin"]].concat();
    let lines =
        commands.iter().fold(format!("{password}\n"), |lines, line| format!("{lines}{line}\n"));
    let ended = run_in(&LOUD, &arguments, &lines);
    assert_silent(&format!("what {user}'s client complains of"), &ended.err);
    ended
}

/// A sign-in over a WebSocket, whose library has words of its own for what passes.
fn guess_over_web_socket(server: &Server) {
    let url = format!("ws://{}/ws", server.ready().listen);
    let socket = TcpStream::connect(&server.ready().listen).expect("the server listens");
    let (mut socket, _) = client(url, socket).expect("the server speaks WebSocket");
    let words = [
        frames::hello(),
        frames::attach_account("dora").encode(),
        frames::sign_in("dora", &canary("guess")).encode(),
    ];
    for frame in words {
        socket.send(Message::Binary(frame)).expect("the server reads");
    }
    // Welcome, attached, refused.
    for _ in 0..3 {
        assert!(socket.read().expect("an answer").is_binary());
    }
    // No frame begins like that: the link ends, and the log says why.
    socket.send(Message::Binary(canary("no frame").into())).expect("the server reads");
    while socket.read().is_ok() {}
}

#[test]
fn secrets_and_texts_stand_in_no_log_trace_panic_argument_or_page() {
    let scratch = Scratch::new("canary");
    let (log, hops) = (scratch.path().join("log"), scratch.path().join("hops.jsonl"));
    let own = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    let server = Server::start(
        "canary",
        ServerOptions {
            nodes: 2,
            trace_hops: Some(hops.clone()),
            log: Some(log.clone()),
            env: LOUD.map(own).to_vec(),
            ..ServerOptions::default()
        },
    );
    let (password, said) = (canary("password"), canary("said"));
    server.add_user("dora", &password);
    server.befriend("dora", "alice");
    let refused = session(&server, "dora", &canary("guess"), &[json!({"cmd": "sync"})]);
    assert_eq!(refused.code, Some(3), "{refused:?}");
    guess_over_web_socket(&server);

    let mut alice = JsonClient::start(&server.ready().listen, "alice");
    alice.wait_event("signed_in");
    let commands = [
        json!({"cmd": "name", "id": 1, "name": canary("name"), "text": canary("name")}),
        json!({"cmd": "message", "id": 2, "text": canary("message")}),
        json!({"cmd": "send", "id": 3, "to": "alice", "text": said}),
        json!({"cmd": "add", "id": 4, "user": "carol", "text": canary("invitation")}),
        json!({"cmd": "send", "id": 5, "to": "alice", "text": canary(&"x".repeat(TEXT_BYTES_MAX))}),
        json!({"cmd": canary("no command"), "id": 6}),
        json!({"cmd": "history", "id": 7, "with": "alice"}),
    ];
    let talk = session(&server, "dora", &password, &commands);
    // What is looked for was there: stored, acked, read again, and heard by the other.
    assert_eq!(talk.code, Some(0), "{}", talk.err);
    assert!(talk.out.contains(&said), "the history shows what was said");
    for id in 1..=7 {
        assert!(talk.out.contains(&format!("\"id\":{id}")), "command {id} has an outcome");
    }
    alice.wait("what dora said", SOON, |event| event["text"] == said);

    // A node that panics tells its last inputs; who is there comes back, and talks again.
    assert!(server.crash_node(0) && server.crash_node(1), "both nodes had a life");
    let again = [json!({"cmd": "send", "id": 8, "to": "alice", "text": canary("after the crash")})];
    let again = session(&server, "dora", &password, &again);
    assert!(again.out.contains("acked"), "{}", again.err);

    for page in ["/metrics", "/places"] {
        assert_silent(page, &server.get(&server.ready().admin, page));
    }
    if let Ok(arguments) = fs::read(format!("/proc/{}/cmdline", server.pid())) {
        assert_silent("the server's arguments", &String::from_utf8_lossy(&arguments));
    }
    drop(server);
    let written = |path: &Path| fs::read(path).map(|it| String::from_utf8_lossy(&it).into_owned());
    let (log, hops) = (written(&log).expect("a log"), written(&hops).expect("hops"));
    assert!(
        log.contains("DEBUG") && log.contains("panicked"),
        "the log is loud, and tells the panics"
    );
    assert!(hops.lines().count() > 10, "hops were traced");
    assert_silent("the log", &log);
    assert_silent("the trace of hops", &hops);
}

#[test]
fn who_looks_for_it_would_find_it() {
    for form in forms() {
        let seen = std::panic::catch_unwind(|| assert_silent("a test", &format!("a\nb {form} c")));
        assert!(seen.is_err(), "{form} is seen");
    }
    assert_silent("a test", "nothing of the kind");
}
