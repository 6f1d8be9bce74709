//! One person at their home: devices, status, profile, who watches.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::watches::Watches;
use crate::edge::Post;
use crate::edge::cs_ps::ToCs;
use crate::error::Refusal;
use crate::id::{Act, EndpointId, Flow, NodeId, OpId, Shard, UserId};
use crate::limits::{ENDPOINTS_MAX, PROFILE_BYTES_MAX};
use crate::model::presence::{Presence, Profile, Status};
use crate::time::Timestamp;
use crate::wire::bounded::Text;
use crate::wire::record::Record;

/// A device of a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Endpoint {
    pub(super) endpoint: EndpointId,
    /// Its CS, and the CS's session.
    pub(super) node: NodeId,
    pub(super) session: OpId,
    /// Which sign-in of the device that is.
    pub(super) sign_in: u64,
    pub(super) is_published: bool,
    /// Its link is lost: it counts as there until then.
    pub(super) lingers_until: Option<Timestamp>,
}

impl Endpoint {
    pub(super) fn is_live(&self) -> bool {
        self.lingers_until.is_none()
    }

    pub(super) fn is_of(&self, node: NodeId, session: OpId) -> bool {
        self.node == node && self.session == session
    }
}

/// Who may see the person, from the book of the same home.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Visible {
    /// Nobody needed to know yet.
    Unasked,
    /// Asked; nothing is decided until the answer.
    Asked,
    /// Sorted.
    To(Vec<UserId>),
}

impl Visible {
    /// Whether somebody may see; `None`: not known yet.
    pub(super) fn includes(&self, watcher: UserId) -> Option<bool> {
        match self {
            Self::Unasked | Self::Asked => None,
            Self::To(friends) => Some(friends.binary_search(&watcher).is_ok()),
        }
    }

    /// One person may see, or may not any longer. Where the list is not here yet, it will say so.
    pub(super) fn set(&mut self, friend: UserId, allowed: bool) {
        let Self::To(friends) = self else {
            return;
        };
        match (friends.binary_search(&friend), allowed) {
            (Err(at), true) => friends.insert(at, friend),
            (Ok(at), false) => {
                friends.remove(at);
            }
            (Ok(_), true) | (Err(_), false) => {}
        }
    }
}

/// The profile row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct StoredProfile {
    pub(super) record: Record<Profile>,
    pub(super) revision: Option<u64>,
    /// What others see of it, where it was changed while the person hid: somebody who is not there
    /// changes nothing.
    veil: Option<Profile>,
    /// The last change of each device, the newest device last.
    taken: Vec<Taken>,
}

/// The last changes that a process of a device made: by these it is known which were made, should
/// the device say them again (PROTOCOL §5.2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Taken {
    endpoint: EndpointId,
    process: u64,
    /// The number of the last act that changed the name, and of the one that changed the message.
    name: u64,
    message: u64,
}

impl StoredProfile {
    /// The row as read; `None`: none that this machine could have written.
    pub(super) fn decode(value: &[u8], revision: u64) -> Option<Self> {
        let record: Record<Profile> = Record::decode(value).ok()?;
        record.tail.has_room(&[SHOWN, TAKEN]).then(|| Self::new(record, Some(revision)))
    }

    pub(super) fn new(record: Record<Profile>, revision: Option<u64>) -> Self {
        let veil = record.tail.value(SHOWN).and_then(|bytes| postcard::from_bytes(bytes).ok());
        let taken = record.tail.value(TAKEN).and_then(|bytes| postcard::from_bytes(bytes).ok());
        Self { record, revision, veil, taken: taken.unwrap_or_default() }
    }

    /// Whether a change was made before.
    pub(super) fn has(&self, save: &Save) -> bool {
        let Some((endpoint, act)) = save.said else { return false };
        let number = act.number.get();
        let of = |taken: &&Taken| taken.endpoint == endpoint && taken.process == act.process;
        self.taken.iter().find(of).is_some_and(|taken| {
            (save.name.is_none() || taken.name >= number)
                && (save.message.is_none() || taken.message >= number)
        })
    }

    /// The last changes of each device after one more.
    fn taken_with(&self, endpoint: EndpointId, act: Act, save: &Save) -> Vec<Taken> {
        let mut all = self.taken.clone();
        let before = all.iter().position(|taken| taken.endpoint == endpoint);
        let before = before.map(|at| all.remove(at)).filter(|old| old.process == act.process);
        let process = act.process;
        let mut taken = before.unwrap_or(Taken { endpoint, process, name: 0, message: 0 });
        if save.name.is_some() {
            taken.name = act.number.get();
        }
        if save.message.is_some() {
            taken.message = act.number.get();
        }
        all.push(taken);
        let more = all.len().saturating_sub(ENDPOINTS_MAX);
        all.drain(..more);
        all
    }

    /// What others see of it.
    pub(super) fn shown(&self) -> &Profile {
        self.veil.as_ref().unwrap_or(&self.record.value)
    }

    /// Whether others see something else than what was chosen.
    pub(super) fn is_veiled(&self) -> bool {
        self.veil.is_some()
    }

    /// The row after a change; others see the one before as long as the person hides.
    pub(super) fn changed(&self, save: &Save, hides: bool) -> Record<Profile> {
        let mut record = self.record.clone();
        if let Some(name) = &save.name {
            record.value.name = name.clone();
        }
        if let Some(message) = &save.message {
            record.value.message = message.clone();
        }
        if let Some((endpoint, act)) = save.said {
            let taken = self.taken_with(endpoint, act, save);
            let taken = postcard::to_allocvec(&taken).expect("numbers serialize");
            record.tail.set(TAKEN, &taken);
        }
        record.tail.remove(SHOWN);
        if hides && record.value != *self.shown() {
            let shown = postcard::to_allocvec(self.shown()).expect("profiles serialize");
            record.tail.set(SHOWN, &shown);
        }
        record
    }
}

/// Tag of a profile row's tail: what others see of it.
const SHOWN: u32 = 2;
/// Tag of a profile row's tail: the last change of each device.
const TAKEN: u32 = 4;

/// A change of the profile that somebody asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Save {
    pub(super) flow: Flow,
    pub(super) node: NodeId,
    pub(super) op: Option<OpId>,
    /// Which act of which device it is.
    pub(super) said: Option<(EndpointId, Act)>,
    pub(super) name: Option<Text<PROFILE_BYTES_MAX>>,
    pub(super) message: Option<Text<PROFILE_BYTES_MAX>>,
    pub(super) conflicts: u32,
}

impl Save {
    /// Whether nobody asked for it: the row is only written without what it held back.
    pub(super) fn is_unveiling(&self) -> bool {
        self.op.is_none()
    }

    pub(super) fn answer(&self, outcome: Result<(), Refusal>) -> Post {
        Post::node(self.flow, self.node, ToCs::Saved { outcome }).with_op(self.op)
    }
}

/// A person somebody needs: with a device, a watcher, or a change under way.
#[derive(Debug)]
pub(super) struct Person {
    pub(super) user: UserId,
    /// Of their home.
    pub(super) shard: Shard,
    /// Oldest arrival first, one of each device.
    pub(super) endpoints: Vec<Endpoint>,
    /// Published last, on whichever device.
    pub(super) status: Status,
    /// When that was, on this node's clock; before 0 where it was before the node started.
    pub(super) chosen: i64,
    /// On which device, by which session.
    pub(super) chosen_on: Option<(EndpointId, NodeId, OpId)>,
    /// `None`: being read.
    pub(super) profile: Option<StoredProfile>,
    pub(super) visible: Visible,
    /// The profile is read once more before a watch is answered, as of somebody whom nobody needed.
    pub(super) is_cold: bool,
    pub(super) watches: Watches,
    /// What admitted watchers were told last, and under which version.
    pub(super) told: Option<Presence>,
    pub(super) version: u64,
    /// What the person's own devices were told last.
    pub(super) own_told: Option<Presence>,
    /// No change goes out before.
    pub(super) quiet_until: Timestamp,
    /// The act that the next telling follows from.
    pub(super) flow: Flow,
    /// The first is being written.
    pub(super) saves: VecDeque<Save>,
    pub(super) is_saving: bool,
}

impl Person {
    pub(super) fn new(user: UserId) -> Self {
        Self {
            user,
            shard: Shard::of_user(user),
            endpoints: Vec::new(),
            status: Status::Offline,
            chosen: 0,
            chosen_on: None,
            profile: None,
            visible: Visible::Unasked,
            is_cold: false,
            watches: Watches::default(),
            told: None,
            version: 0,
            own_told: None,
            quiet_until: Timestamp::default(),
            flow: Flow::default(),
            saves: VecDeque::new(),
            is_saving: false,
        }
    }

    /// Whether a choice that says how long ago it was made is later than what stands. Of one session the
    /// last told is, whatever the way there took; that of another may long be dead.
    pub(super) fn is_news(&self, on: (EndpointId, NodeId, OpId), chosen: i64) -> bool {
        let (_, node, session) = on;
        let mut others = self.endpoints.iter().filter(|at| !at.is_of(node, session));
        self.chosen_on == Some(on) || chosen >= self.chosen || !others.any(|at| at.is_published)
    }

    /// Whether something chosen on a device shows.
    pub(super) fn is_published(&self) -> bool {
        self.endpoints.iter().any(|endpoint| endpoint.is_published)
    }

    /// Whether nobody needs the person any more.
    pub(super) fn is_idle(&self) -> bool {
        self.endpoints.is_empty() && self.watches.is_empty() && self.saves.is_empty()
    }

    /// Whether a sign-in of a device is over: there was a later one.
    pub(super) fn is_past(&self, endpoint: EndpointId, sign_in: u64) -> bool {
        self.endpoints.iter().any(|at| at.endpoint == endpoint && at.sign_in > sign_in)
    }

    /// Takes out the registration that an arrival stands in for.
    pub(super) fn replace(&mut self, by: &Endpoint) -> Option<Endpoint> {
        let at = self.endpoints.iter().position(|old| old.endpoint == by.endpoint)?;
        Some(self.endpoints.remove(at))
    }

    fn standing(&self) -> Status {
        if self.is_published() { self.status } else { Status::Offline }
    }

    /// Whether others see the person offline.
    pub(super) fn hides(&self) -> bool {
        self.standing().seen() == Status::Offline
    }

    /// As chosen; `None` until the profile is read.
    pub(super) fn chosen(&self) -> Option<Presence> {
        let Profile { name, message } = self.profile.as_ref()?.record.value.clone();
        Some(Presence { status: self.standing(), name, message })
    }

    /// As others see it; `None` until the profile is read.
    pub(super) fn seen(&self) -> Option<Presence> {
        let Profile { name, message } = self.profile.as_ref()?.shown().clone();
        Some(Presence { status: self.standing().seen(), name, message })
    }

    /// The device that a session is of.
    pub(super) fn endpoint_of(
        &mut self,
        endpoint: EndpointId,
        node: NodeId,
        session: OpId,
    ) -> Option<&mut Endpoint> {
        self.endpoints.iter_mut().find(|at| at.endpoint == endpoint && at.is_of(node, session))
    }

    /// The CSs of the devices that are there, each once.
    pub(super) fn own_nodes(&self) -> Vec<NodeId> {
        let live = self.endpoints.iter().filter(|endpoint| endpoint.is_live());
        let mut nodes: Vec<NodeId> = live.map(|endpoint| endpoint.node).collect();
        nodes.sort_unstable();
        nodes.dedup();
        nodes
    }

    /// When the next linger ends.
    pub(super) fn next_linger(&self) -> Option<Timestamp> {
        self.endpoints.iter().filter_map(|endpoint| endpoint.lingers_until).min()
    }
}
