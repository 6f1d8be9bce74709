//! The record of a node: all that came into its hub, and a digest of all that came out (PROTOCOL
//! §9.6).
//!
//! A hub is a function of its seed, its inputs and their instants, so a record played into a fresh
//! hub gives equal outputs at equal places; where it does not, the host decided something, or the
//! hub was moved by what no input told it. Hosts note inputs where they come in and outputs where
//! they carry them out, never at the hub itself, so that what happens between is on trial too.
//! Tested by `record_test` and, with real hosts, by the replay in `tests`.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::{Config, Input, Output, StoreOp};
use crate::redact::Pii;
use crate::time::{Timestamp, Wall};

/// How every record begins.
const MAGIC: [u8; 8] = *b"PRSNTREC";
/// The form of what follows.
const FORMAT: u16 = 1;
/// Magic and form.
const HEADER_BYTES: usize = MAGIC.len() + 2;
/// Length and checksum before each entry.
const FRAME_BYTES: usize = 8;
/// Room kept for the entry that says that the record is full.
const FULL_BYTES: usize = FRAME_BYTES + 8;

/// What a life of a hub begins with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Life {
    /// Who recorded: the program's version. Another one may rightly give other outputs.
    pub build: String,
    /// The newest protocol version it speaks.
    pub protocol: u16,
    /// The hub's.
    pub config: Config,
    /// The hub's: whoever knows it can make this life's tickets.
    pub seed: Pii<[u8; 32]>,
    /// The hub's.
    pub wall: Wall,
    /// The hub's.
    pub now: Timestamp,
}

/// One entry of a record. `I`: an [`Input`], or a reference where one is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Entry<I> {
    /// A hub was made.
    Life(Life),
    /// `handle_input`.
    Input {
        /// When.
        now: Timestamp,
        /// What.
        input: I,
    },
    /// `handle_timeout`.
    Timeout {
        /// When.
        now: Timestamp,
    },
    /// An output was carried out.
    Output(Summary),
    /// `poll_output` had no more.
    Drained,
    /// The hub panicked at the call before.
    Panicked,
    /// The operator asked for the end of this life.
    Crashed,
    /// The record's bound is reached; nothing follows until another life.
    Full,
}

/// Which output it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum OutputKind {
    /// [`Output::LinkSend`].
    LinkSend,
    /// [`Output::LinkClose`].
    LinkClose,
    /// [`Output::Handover`].
    Handover,
    /// [`Output::Store`].
    Store,
    /// [`Output::Hash`].
    Hash,
    /// [`Output::Parcel`].
    Parcel,
    /// [`Output::Admin`].
    Admin,
    /// [`Output::Hop`].
    Hop,
    /// [`Output::Ready`].
    Ready,
    /// [`Output::Drained`].
    Drained,
    /// [`Output::Fenced`].
    Fenced,
}

/// What a record keeps of an output: enough to compare, and to say which it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Which.
    pub kind: OutputKind,
    /// The link, node, request or hop it is about; 0: the node itself.
    pub about: u64,
    /// Bytes of its serialized form.
    pub bytes: u64,
    /// Over its serialized form.
    pub digest: [u8; 8],
}

impl core::fmt::Display for Summary {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let digest = u64::from_be_bytes(self.digest);
        write!(f, "{:?} about {}, {} bytes, {digest:016x}", self.kind, self.about, self.bytes)
    }
}

impl Summary {
    /// Of an output.
    #[must_use]
    pub fn of(output: &Output) -> Self {
        Self::with(output, &mut Vec::new())
    }

    /// The same with a buffer to use again.
    fn with(output: &Output, scratch: &mut Vec<u8>) -> Self {
        let mut bytes = core::mem::take(scratch);
        bytes.clear();
        let bytes = append(output, bytes);
        let (kind, about) = match output {
            Output::LinkSend { link, .. } => (OutputKind::LinkSend, link.0),
            Output::LinkClose { link, .. } => (OutputKind::LinkClose, link.0),
            Output::Handover { link, .. } => (OutputKind::Handover, link.0),
            Output::Store { op, .. } => (OutputKind::Store, request(op)),
            Output::Hash { op, .. } => (OutputKind::Hash, request(op)),
            Output::Parcel { to, .. } => (OutputKind::Parcel, u64::from(to.0)),
            Output::Admin { op, .. } => (OutputKind::Admin, *op),
            Output::Hop(hop) => (OutputKind::Hop, hop.flow.hop),
            Output::Ready => (OutputKind::Ready, 0),
            Output::Drained => (OutputKind::Drained, 0),
            Output::Fenced => (OutputKind::Fenced, 0),
        };
        let digest = digest(&bytes).to_le_bytes();
        let summary = Self { kind, about, bytes: bytes.len() as u64, digest };
        *scratch = bytes;
        summary
    }
}

fn request(op: &StoreOp) -> u64 {
    u64::from(op.op.slot)
}

fn append<T: Serialize>(value: &T, to: Vec<u8>) -> Vec<u8> {
    postcard::to_extend(value, to).expect("plain data of known length has a postcard form")
}

/// 64 bits over bytes, a word at a time. Not for enemies: a record is as trusted as its file.
fn digest(bytes: &[u8]) -> u64 {
    const MIX: u64 = 0xff51_afd7_ed55_8ccd;
    let mut state = 0x9e37_79b9_7f4a_7c15 ^ bytes.len() as u64;
    for chunk in bytes.chunks(8) {
        let mut word = [0; 8];
        word.iter_mut().zip(chunk).for_each(|(to, from)| *to = *from);
        state = (state ^ u64::from_le_bytes(word)).wrapping_mul(MIX).rotate_left(29);
    }
    state = (state ^ (state >> 33)).wrapping_mul(MIX);
    state ^ (state >> 33)
}

fn checksum(bytes: &[u8]) -> u32 {
    (digest(bytes) & u64::from(u32::MAX)) as u32
}

/// Writes a record into memory, for its host to put away.
///
/// A record never outgrows its bound: the entry that would is replaced by [`Entry::Full`], and all
/// that follows is left out until [`Recorder::renew`].
#[derive(Debug)]
pub struct Recorder {
    out: Vec<u8>,
    scratch: Vec<u8>,
    used: usize,
    bytes_max: usize,
    full: bool,
    /// Nothing came since the hub was drained.
    quiet: bool,
}

impl Recorder {
    /// An empty record of at most that many bytes.
    #[must_use]
    pub fn new(bytes_max: usize) -> Self {
        let mut recorder = Self {
            out: Vec::new(),
            scratch: Vec::new(),
            used: 0,
            bytes_max,
            full: false,
            quiet: false,
        };
        recorder.renew();
        recorder
    }

    /// Goes on in a new, empty record.
    pub fn renew(&mut self) {
        (self.used, self.full) = (HEADER_BYTES, false);
        self.out.extend_from_slice(&MAGIC);
        self.out.extend_from_slice(&FORMAT.to_le_bytes());
    }

    /// A hub is made.
    pub fn life(&mut self, life: Life) {
        self.write(&Entry::<Input<'_>>::Life(life));
    }

    /// An input comes in.
    pub fn input(&mut self, input: &Input<'_>, now: Timestamp) {
        self.write(&Entry::Input { now, input });
    }

    /// The hub is told the time.
    pub fn timeout(&mut self, now: Timestamp) {
        self.write(&Entry::<Input<'_>>::Timeout { now });
    }

    /// An output is carried out.
    pub fn output(&mut self, output: &Output) {
        if !self.full {
            let summary = Summary::with(output, &mut self.scratch);
            self.write(&Entry::<Input<'_>>::Output(summary));
        }
    }

    /// The hub wants no more for now. Said again without anything between, it is not written.
    pub fn drained(&mut self) {
        if !self.quiet {
            self.write(&Entry::<Input<'_>>::Drained);
            self.quiet = true;
        }
    }

    /// The hub panicked.
    pub fn panicked(&mut self) {
        self.write(&Entry::<Input<'_>>::Panicked);
    }

    /// The operator ended this life.
    pub fn crashed(&mut self) {
        self.write(&Entry::<Input<'_>>::Crashed);
    }

    /// Any entry.
    pub fn write<I: Serialize>(&mut self, entry: &Entry<I>) {
        if self.full {
            return;
        }
        self.quiet = false;
        let at = self.out.len();
        self.append(entry);
        if self.used + (self.out.len() - at) + FULL_BYTES > self.bytes_max {
            self.out.truncate(at);
            self.append(&Entry::<Input<'_>>::Full);
            self.full = true;
        }
        self.used += self.out.len() - at;
    }

    fn append<I: Serialize>(&mut self, entry: &Entry<I>) {
        let at = self.out.len();
        self.out.extend_from_slice(&[0; FRAME_BYTES]);
        self.out = append(entry, core::mem::take(&mut self.out));
        let (frame, body) = self.out[at..].split_at_mut(FRAME_BYTES);
        // An entry that is longer does not fit the record either.
        let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
        frame[..4].copy_from_slice(&length.to_le_bytes());
        frame[4..].copy_from_slice(&checksum(body).to_le_bytes());
    }

    /// Bytes of this record so far, those taken included.
    #[must_use]
    pub fn used(&self) -> usize {
        self.used
    }

    /// Whether the bound was reached.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.full
    }

    /// What was written since the last take.
    pub fn take(&mut self) -> Vec<u8> {
        core::mem::take(&mut self.out)
    }

    /// How much there is to take.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.out.len()
    }
}

/// Why a record cannot be read on. Places are in bytes from its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Damage {
    /// It does not begin as records do.
    NotARecord,
    /// Its form is not the one this code reads.
    Format(u16),
    /// An entry is not what was written.
    Changed(usize),
    /// An entry is whole but not one this code knows.
    Unknown(usize),
}

/// Reads a record.
#[derive(Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    /// From its first byte.
    ///
    /// # Errors
    /// Where it is none, or of another form.
    pub fn new(bytes: &'a [u8]) -> Result<Self, Damage> {
        let rest = bytes.strip_prefix(&MAGIC).ok_or(Damage::NotARecord)?;
        let format = rest.first_chunk::<2>().ok_or(Damage::NotARecord)?;
        match u16::from_le_bytes(*format) {
            FORMAT => Ok(Self { bytes, at: HEADER_BYTES }),
            other => Err(Damage::Format(other)),
        }
    }

    /// The next entry; `None` at the end, and at an entry that was still being written when its
    /// process was killed.
    ///
    /// # Errors
    /// Where an entry is damaged. The next call fails the same way.
    pub fn next_entry(&mut self) -> Result<Option<Entry<Input<'a>>>, Damage> {
        let rest = &self.bytes[self.at..];
        let Some((frame, rest)) = rest.split_at_checked(FRAME_BYTES) else { return Ok(None) };
        let (length, sum) = frame.split_at(4);
        let word = |bytes: &[u8]| bytes.first_chunk().map_or(0, |word| u32::from_le_bytes(*word));
        let length = usize::try_from(word(length)).unwrap_or(usize::MAX);
        let Some(body) = rest.get(..length) else { return Ok(None) };
        if checksum(body) != word(sum) {
            return Err(Damage::Changed(self.at));
        }
        let (entry, left) =
            postcard::take_from_bytes(body).map_err(|_| Damage::Unknown(self.at))?;
        if !left.is_empty() {
            return Err(Damage::Unknown(self.at));
        }
        self.at += FRAME_BYTES + length;
        Ok(Some(entry))
    }

    /// Where the next entry begins, in bytes.
    #[must_use]
    pub fn at(&self) -> usize {
        self.at
    }

    /// Bytes left unread: after the end, those of a torn entry.
    #[must_use]
    pub fn left(&self) -> usize {
        self.bytes.len() - self.at
    }
}
