//! What strace wrote: calls of the system, and whether each ack stands on a sync.

use std::collections::BTreeMap;

/// The kind of the frame that acks a send: `mixer::Stored`.
const STORED: [u8; 2] = [0x05, 0x12];

/// What strace is told: every write and sync of every thread, whole, with its file. The file follows.
pub const WRITES_AND_SYNCS: [&str; 12] = [
    "-D",
    "-f",
    "-y",
    "-xx",
    "-s",
    "100000",
    "-e",
    "trace=write,writev,pwrite64,pwritev,sendto,sendmsg,fsync,fdatasync",
    "-e",
    "signal=none",
    "-q",
    "-o",
];

/// A call of the system, by the lines of the trace on which it began and ended.
#[derive(Debug)]
pub struct Call {
    name: String,
    rest: String,
    began: usize,
    ended: usize,
}

/// Puts calls together that other threads' calls interrupted in the trace.
#[must_use]
pub fn calls(trace: &str) -> Vec<Call> {
    let mut open: BTreeMap<&str, (String, usize)> = BTreeMap::new();
    let mut calls = Vec::new();
    for (at, line) in trace.lines().enumerate() {
        let Some((thread, said)) = line.split_once(' ') else { continue };
        let said = said.trim_start();
        if let Some(start) = said.strip_suffix(" <unfinished ...>") {
            open.insert(thread, (start.to_owned(), at));
            continue;
        }
        let (whole, began) =
            match said.strip_prefix("<... ").and_then(|it| it.split_once(" resumed>")) {
                Some((_, rest)) => {
                    let Some((start, began)) = open.remove(thread) else { continue };
                    (start + rest, began)
                }
                None => (said.to_owned(), at),
            };
        if let Some((name, rest)) = whole.split_once('(') {
            calls.push(Call { name: name.into(), rest: rest.into(), began, ended: at });
        }
    }
    calls
}

/// What strace printed as `\xNN`.
fn unescape(string: &str) -> Vec<u8> {
    let pairs = string.split("\\x").skip(1);
    pairs.map(|pair| u8::from_str_radix(pair, 16).expect("two hexadecimal digits")).collect()
}

impl Call {
    /// The bytes of every string, one after the other.
    fn bytes(&self) -> Vec<u8> {
        self.rest.split('"').skip(1).step_by(2).flat_map(unescape).collect()
    }

    /// What its file is called: `7</path>`.
    fn file(&self) -> String {
        let name = self.rest.split(['<', '>']).nth(1).unwrap_or_default();
        if name.contains("\\x") {
            String::from_utf8_lossy(&unescape(name)).into_owned()
        } else {
            name.to_owned()
        }
    }

    fn is_sync(&self) -> bool {
        matches!(&*self.name, "fsync" | "fdatasync")
    }

    fn succeeded(&self) -> bool {
        self.rest.ends_with("= 0")
    }
}

/// How many frames of a kind stand in what was written to a socket, cut at frames as servers do.
fn frames(bytes: &[u8], kind: [u8; 2]) -> usize {
    let (mut rest, mut found) = (bytes, 0);
    while let [a, b, c, body @ ..] = rest {
        let length = u32::from_be_bytes([0, *a, *b, *c]) as usize;
        let Some((frame, more)) = body.split_at_checked(length) else {
            panic!("a write that ends within a frame: {rest:?}")
        };
        found += usize::from(frame.starts_with(&kind));
        rest = more;
    }
    found
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

/// How often the database's files were synced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Syncs {
    /// Those that succeeded.
    pub good: usize,
    /// Those that failed.
    pub failed: usize,
}

/// Holds it against a trace of sends whose acks came one at a time: each ack stands on a write of its
/// message and a later sync of the same file that succeeded, with no failed one between the two, after
/// which the system may have dropped what was written.
///
/// # Errors
/// The ack that stands on nothing.
pub fn judge(calls: &[Call], texts: &[String]) -> Result<Syncs, String> {
    let to_files = calls.iter().filter(|call| call.file().contains("presently.db"));
    let (syncs, writes): (Vec<&Call>, Vec<&Call>) = to_files.partition(|call| call.is_sync());
    let syncs: Vec<(String, &Call)> = syncs.into_iter().map(|call| (call.file(), call)).collect();
    let writes: Vec<_> = writes.into_iter().map(|call| (call, call.bytes())).collect();
    let to_sockets = calls.iter().filter(|call| call.file().starts_with("socket:"));
    let acks: Vec<&Call> = to_sockets.filter(|call| frames(&call.bytes(), STORED) > 0).collect();
    if acks.len() != texts.len() {
        return Err(format!("{} writes hold acks, not {}", acks.len(), texts.len()));
    }
    for (ack, text) in acks.iter().zip(texts) {
        let covered = writes.iter().filter(|(_, bytes)| holds(bytes, text)).any(|(write, _)| {
            let file = write.file();
            let after = syncs.iter().filter(|(of, sync)| *of == file && sync.began > write.ended);
            let first = after.map(|(_, sync)| *sync).min_by_key(|sync| sync.ended);
            first.is_some_and(|sync| sync.succeeded() && sync.ended < ack.began)
        });
        if !covered {
            return Err(format!("the ack of {text:?} left before a sync of it: {ack:?}"));
        }
    }
    let good = syncs.iter().filter(|(_, sync)| sync.succeeded()).count();
    Ok(Syncs { good, failed: syncs.len() - good })
}
