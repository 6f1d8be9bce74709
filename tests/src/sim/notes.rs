//! What a timeline is made of: noted while a run is played, where somebody will read it.

use presently_core::edge::Role;
use presently_core::id::NodeId;
use presently_core::store::{Reply, Request};
use presently_core::time::Timestamp;
use presently_core::trunk::{Parcel, ParcelBody};

use super::world::World;
use crate::history::What;

/// One thing that happened.
#[derive(Clone, Debug)]
pub struct Note {
    /// When, on the world's clock.
    pub at: Timestamp,
    /// What.
    pub what: Noted,
}

/// What can be noted beside what is seen from outside.
#[derive(Clone, Debug)]
pub enum Noted {
    /// Seen from outside.
    Seen(What),
    /// A fault or what follows from it; a node's life.
    Said(String),
    /// Frames were handed to a link.
    Frames {
        /// Its client.
        device: usize,
        /// Its gate.
        node: usize,
        /// From the client.
        up: bool,
        /// Their kinds.
        kinds: Vec<u16>,
    },
    /// A parcel was handed to the fabric.
    Parcel {
        /// By whom.
        from: usize,
        /// For whom.
        to: usize,
        /// What is in it, by role and kind.
        tells: Vec<String>,
        /// How many copies arrive.
        copies: usize,
    },
    /// A store did not do what was asked.
    Store {
        /// Who was answered.
        who: String,
        /// What.
        says: String,
    },
    /// A write of entries, or that it is durable.
    Write {
        /// Who asked.
        who: String,
        /// What.
        says: String,
    },
    /// From here on steps are done.
    Begins,
}

impl World {
    /// From now on everything is noted.
    pub fn keep_notes(&mut self) {
        self.notes = Some(Vec::new());
    }

    pub(super) fn remark(&mut self, what: impl FnOnce() -> Noted) {
        if let Some(notes) = &mut self.notes {
            notes.push(Note { at: self.now, what: what() });
        }
    }

    pub(super) fn tell(&mut self, line: impl FnOnce() -> String) {
        self.remark(|| Noted::Said(line()));
    }

    pub(super) fn remark_frames(&mut self, device: usize, node: usize, up: bool, bytes: &[u8]) {
        self.remark(|| Noted::Frames { device, node, up, kinds: kinds(bytes).collect() });
    }

    pub(super) fn remark_parcel(
        &mut self,
        from: usize,
        to: NodeId,
        parcel: &Parcel,
        copies: usize,
    ) {
        let to = usize::from(to.0);
        self.remark(|| Noted::Parcel { from, to, tells: tells(parcel), copies });
    }

    /// A write of entries is on its way to the disk.
    pub(super) fn remark_write(&mut self, node: usize, request: &Request) {
        let Request::Write(write) = request else {
            return;
        };
        let (Some(first), count) = (write.entries.first(), write.entries.len()) else {
            return;
        };
        let places = first.sequence..first.sequence + count as u64;
        self.remark(|| Noted::Write {
            who: format!("mixer of node {node}"),
            says: match count {
                1 => format!("asks the disk to write place {}", places.start),
                _ => {
                    format!("asks the disk to write places {} to {}", places.start, places.end - 1)
                }
            },
        });
    }

    pub(super) fn remark_reply(&mut self, node: usize, role: Option<Role>, reply: &Reply) {
        let says = match reply {
            Reply::Unknown => "does not know whether it was written",
            Reply::Conflict => "a row was not as expected, nothing is written",
            Reply::Failed(_) => "refuses, nothing is written",
            Reply::Found { .. }
            | Reply::Absent
            | Reply::Page { .. }
            | Reply::Tail { .. }
            | Reply::Entries { .. }
            | Reply::Written { .. } => return,
        };
        self.remark(|| {
            let role = role.map_or("hub", Role::name);
            Noted::Store { who: format!("{role} of node {node}"), says: says.to_owned() }
        });
    }
}

/// The kinds of whole frames, as machines hand them over.
pub(super) fn kinds(mut bytes: &[u8]) -> impl Iterator<Item = u16> {
    std::iter::from_fn(move || {
        let [a, b, c, high, low, ..] = *bytes else { return None };
        let len = u32::from_be_bytes([0, a, b, c]) as usize + 3;
        bytes = bytes.get(len..).unwrap_or_default();
        Some(u16::from_be_bytes([high, low]))
    })
}

fn tells(parcel: &Parcel) -> Vec<String> {
    let name =
        |tell: &presently_core::edge::Tell| format!("{}.{}", tell.role().name(), tell.kind());
    match &parcel.body {
        ParcelBody::Reliable { tells, .. } => {
            tells.iter().map(|sent| name(&sent.envelope.tell)).collect()
        }
        ParcelBody::State { tell, .. } | ParcelBody::Ephemeral(tell) => {
            vec![name(&tell.envelope.tell)]
        }
        ParcelBody::DigestAnswer { agreed: false, .. } => vec![String::from("tell me all again")],
        ParcelBody::Hello | ParcelBody::Digest { .. } | ParcelBody::DigestAnswer { .. } => {
            Vec::new()
        }
    }
}
