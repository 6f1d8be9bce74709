//! Writes the inputs that fuzzing begins with: golden vectors, real traffic of the machines, and noise
//! for targets whose input is a list of choices.
//!
//! `seeds FOLDER` fills FOLDER/TARGET. What is committed under `corpus/` grew from these by coverage and
//! was minimized; this program is for targets that come later.

#![expect(clippy::print_stdout, reason = "a tool talks to the person at the terminal")]

use std::fs;
use std::path::{Path, PathBuf};

use presently_core::client::Command;
use presently_core::id::{EndpointId, UserId};
use presently_core::rng::Rng;
use presently_core::ticket::{Keys, Purpose, SessionClaims};
use presently_core::time::Wall;
use presently_core::world::MemoryRows;
use presently_fuzz::TARGETS;
use presently_fuzz::stage::{device, node};

fn main() {
    let folder = PathBuf::from(std::env::args().nth(1).expect("a folder to fill"));
    let mut written = 0;
    for target in TARGETS {
        let to = folder.join(target.name);
        fs::create_dir_all(&to).expect("the folder can be made");
        for (number, input) in seeds(target.name).into_iter().enumerate() {
            (target.run)(&input);
            fs::write(to.join(format!("seed-{number}")), input).expect("it can be written");
            written += 1;
        }
    }
    println!("{written} inputs written to {}", folder.display());
}

fn seeds(target: &str) -> Vec<Vec<u8>> {
    match target {
        "frames" => with_first(100, frames()),
        "hello" => vectors().into_iter().filter(|v| v.kind <= 2).map(|v| v.bytes).collect(),
        "tails" => with_first(7, vec![tail()]),
        "records" => records(),
        "bodies_from_client" | "bodies_from_server" => bodies(),
        "parcels" => parcels(),
        "tickets" => tickets(),
        "link_bytes" => vec![[&[0, 50], &*client_traffic()].concat()],
        "server_bytes" => vec![[&[0, 50], &*server_traffic()].concat()],
        "first_bytes" => first_bytes(),
        "web_socket" => with_first(40, web_socket()),
        "json_lines" => lines(),
        choices => noise(choices),
    }
}

struct Vector {
    kind: u16,
    name: String,
    bytes: Vec<u8>,
}

/// The golden bytes of every kind.
fn vectors() -> Vec<Vector> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../vectors/frames.txt");
    let text = fs::read_to_string(path).expect("the golden vectors are there");
    let read = |line: &str| {
        let (kind, rest) = line.split_once(' ')?;
        let (name, hex) = rest.rsplit_once(' ')?;
        let kind = u16::from_str_radix(kind, 16).ok()?;
        let byte = |at| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok();
        let bytes = (0..hex.len()).step_by(2).map(byte).collect::<Option<_>>()?;
        Some(Vector { kind, name: name.to_owned(), bytes })
    };
    text.lines().filter_map(read).collect()
}

fn with_first(first: u8, inputs: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    inputs.into_iter().map(|input| [&[first], &*input].concat()).collect()
}

fn frames() -> Vec<Vec<u8>> {
    let whole = vectors().into_iter().filter(|vector| vector.name.starts_with("frame"));
    let mut inputs: Vec<Vec<u8>> = whole.map(|vector| vector.bytes).collect();
    inputs.extend([client_traffic(), server_traffic()]);
    inputs
}

fn tail() -> Vec<u8> {
    let tail = vectors().into_iter().find(|vector| vector.name.starts_with("tail"));
    tail.expect("there is a tail among the vectors").bytes
}

/// What stands behind the length in bodies that are a record and little else.
fn records() -> Vec<Vec<u8>> {
    let tail = tail();
    let changed = vectors().into_iter().filter(|v| matches!(v.kind, 0x0212 | 0x0312 | 0x0515));
    let bodies = changed.map(|v| v.bytes[if v.kind == 0x0515 { 1 } else { 2 }..].to_vec());
    bodies.flat_map(|body| [[&*body, &*tail].concat(), body]).collect()
}

fn bodies() -> Vec<Vec<u8>> {
    let tail = tail();
    let kinds = vectors().into_iter().filter(|v| v.kind > 2 && v.name.contains("::"));
    let whole = kinds.map(|v| [&v.kind.to_be_bytes(), &*v.bytes].concat());
    whole.flat_map(|body| [[&*body, &*tail].concat(), body]).collect()
}

fn parcels() -> Vec<Vec<u8>> {
    let mut stage = node::Stage::with_neighbour();
    let people = stage.people.clone();
    let (link, _) = stage.sign_in(&people[0], 1);
    stage.settle(link, people[1].user);
    stage.pass(10_000);
    let parcels = std::mem::take(&mut stage.parcels);
    parcels.iter().take(40).filter_map(|(_, parcel)| postcard::to_allocvec(parcel).ok()).collect()
}

fn tickets() -> Vec<Vec<u8>> {
    let claims = SessionClaims {
        user: UserId([1; 16]),
        endpoint: EndpointId([2; 16]),
        who: presently_core::edge::gate_service::Who { name: "alice".into(), number: 1 },
        sign_in: 1,
        expires: Wall(1_700_000_000_000),
    };
    let foreign = Keys::new(vec![(1, [9; 32])]);
    let sealed = foreign.seal(Purpose::Cs, &claims, &mut Rng::new([0; 32]));
    vec![sealed.to_vec(), postcard::to_allocvec(&claims).unwrap_or_default()]
}

fn client_traffic() -> Vec<u8> {
    let mut stage = node::Stage::new(1, &["alice", "bob"]);
    stage.tap = Some(Vec::new());
    let people = stage.people.clone();
    let (link, _) = stage.sign_in(&people[0], 1);
    stage.settle(link, people[1].user);
    stage.tap.unwrap_or_default()
}

fn server_traffic() -> Vec<u8> {
    let mut stage = device::Stage::new(MemoryRows::default());
    stage.tap = Some(Vec::new());
    stage.honest();
    stage.command(Command::Send { to: "bob".into(), text: "hi".into() });
    stage.honest();
    stage.tap.unwrap_or_default()
}

fn first_bytes() -> Vec<Vec<u8>> {
    let upgrade = "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    [
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\nGET /config.json HTTP/1.0\r\n\r\n",
        "POST /ws HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc",
        "HEAD /assets/x.js HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        &format!("{upgrade}\r\n"),
        &format!("{upgrade}Origin: http://localhost:9\r\n\r\nbehind"),
        &format!("{upgrade}Origin: http://evil.example\r\n\r\n"),
        "\u{16}\u{3}\u{1}",
        "\0\0\u{5}\0\u{6}\0\0\0",
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec()
}

/// Masked frames as browsers send them: a message, one in two pieces, a ping, a close.
fn web_socket() -> Vec<Vec<u8>> {
    let masked = |head: u8, payload: &[u8]| {
        let mut frame = vec![head, 0x80 | payload.len().to_le_bytes()[0], 0, 0, 0, 0];
        frame.extend_from_slice(payload);
        frame
    };
    let pieces = [masked(0x02, b"one"), masked(0x80, b"two")].concat();
    let close = masked(0x88, &[0x03, 0xe8]);
    let whole = [masked(0x82, b"message"), pieces.clone(), masked(0x89, b"ping"), close].concat();
    vec![whole, pieces, masked(0x81, b"text")]
}

fn lines() -> Vec<Vec<u8>> {
    let commands = [
        r#"{"cmd":"send","id":1,"to":"bob","text":"hi"}"#,
        r#"{"cmd":"status","status":"busy","id":{"a":[1,2]}}"#,
        r#"{"cmd":"history","with":"bob","before":7,"limit":50}"#,
        r#"{"cmd":"add","user":"bob"}"#,
        r#"{"cmd":"sync"}"#,
        "[]",
        "{",
    ];
    let mut inputs: Vec<Vec<u8>> = commands.map(|line| line.as_bytes().to_vec()).to_vec();
    inputs.push(commands.join("\r\n").into_bytes());
    inputs
}

/// Choices without a pattern.
fn noise(target: &str) -> Vec<Vec<u8>> {
    let mut rng = Rng::new(Rng::child_seed([0; 32], target));
    let block = |rng: &mut Rng| rng.bytes::<256>();
    (0..8).map(|blocks| (0..=blocks).flat_map(|_| block(&mut rng)).collect()).collect()
}
