//! What breaks, when, and how it is mended.
//!
//! A fault is a step of the schedule with all that is particular to it; what follows from it in its
//! time ([`After`]) is not. Each kind has a name, and a run counts how often each took effect.

mod devices;
mod heal;
mod links;
mod nodes;
mod plan;

pub(super) use links::shuffle;
pub(super) use plan::mix;

use presently_core::world::disk::Spell;
use serde::{Deserialize, Serialize};

use super::world::World;
use crate::timeline;

/// What kinds there are: each seed draws how often each happens, some never.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A client link is cut, at any byte.
    Cut,
    /// A client link is dead in both directions, and nobody is told.
    Stall,
    /// A client link is dead in one direction.
    HalfOpen,
    /// One direction of a client link holds everything for a while.
    Clog,
    /// A client link carries little.
    SlowPath,
    /// A client hardly reads.
    SlowReader,
    /// A node panics and is built again.
    KillNode,
    /// The process of all nodes ends.
    Crash,
    /// The machine of all nodes ends, and what was not synced with it.
    MachineCrash,
    /// One of these two while a write is on its way to the disk.
    CrashAtWrite,
    /// A node stands still.
    Pause,
    /// The process of all nodes stands still.
    PauseAll,
    /// A node is started elsewhere while its old process stands still, which then goes on beside it.
    Replace,
    /// Two nodes cannot reach each other.
    Part,
    /// One node cannot reach another that reaches it.
    PartOneWay,
    /// One direction between two nodes holds everything for a while.
    FabricClog,
    /// One direction between two nodes is slow.
    FabricSlow,
    /// Some directions are cut one by one and restored in another order.
    Swizzle,
    /// The disk answers nothing for a while.
    DiskStill,
    /// The disk fails all that is asked.
    DiskFailing,
    /// The disk is full.
    DiskFull,
    /// The wall clocks of all nodes jump.
    Jump,
    /// The wall clock of one node jumps.
    Skew,
    /// A client process is killed and starts again with its cache.
    KillDevice,
    /// An app is closed and opened again later.
    Close,
    /// A client process is killed, and its cache lost.
    Wipe,
    /// A device starts from a copy of the cache of another one of its person.
    Clone,
    /// A device has no network for a while.
    Away,
    /// A device is suspended and woken.
    Suspend,
    /// A client sends as much as it can.
    Flood,
    /// A node is gone for minutes: others take its ranges over, and it gets them back.
    Gone,
    /// A node stands still for so long that others own its ranges when it goes on.
    Outlived,
    /// A node is drained under load and comes back.
    Drain,
    /// An operator moves a range.
    Move,
    /// A client lies.
    Lie,
}

/// A node that is away or stands still for so long has lost its ranges, milliseconds.
const LONG_MS: u64 = 40_000;

impl Kind {
    /// All of them, in order.
    pub const ALL: [Self; 35] = [
        Self::Cut,
        Self::Stall,
        Self::HalfOpen,
        Self::Clog,
        Self::SlowPath,
        Self::SlowReader,
        Self::KillNode,
        Self::Crash,
        Self::MachineCrash,
        Self::CrashAtWrite,
        Self::Pause,
        Self::PauseAll,
        Self::Replace,
        Self::Part,
        Self::PartOneWay,
        Self::FabricClog,
        Self::FabricSlow,
        Self::Swizzle,
        Self::DiskStill,
        Self::DiskFailing,
        Self::DiskFull,
        Self::Jump,
        Self::Skew,
        Self::KillDevice,
        Self::Close,
        Self::Wipe,
        Self::Clone,
        Self::Away,
        Self::Suspend,
        Self::Flood,
        Self::Gone,
        Self::Outlived,
        Self::Drain,
        Self::Move,
        Self::Lie,
    ];

    /// Whether it happens to one device.
    #[must_use]
    pub fn is_of_device(self) -> bool {
        matches!(
            self,
            Self::Cut
                | Self::Stall
                | Self::HalfOpen
                | Self::Clog
                | Self::SlowPath
                | Self::SlowReader
                | Self::KillDevice
                | Self::Wipe
                | Self::Away
                | Self::Suspend
        )
    }

    /// Its name, for people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Cut => "link cut",
            Self::Stall => "link stalled",
            Self::HalfOpen => "link half-open",
            Self::Clog => "link clogged",
            Self::SlowPath => "slow path",
            Self::SlowReader => "slow reader",
            Self::KillNode => "node killed",
            Self::Crash => "process killed",
            Self::MachineCrash => "machine killed",
            Self::CrashAtWrite => "killed at a write",
            Self::Pause => "node paused",
            Self::PauseAll => "process paused",
            Self::Replace => "node replaced beside its old process",
            Self::Part => "nodes parted",
            Self::PartOneWay => "nodes parted one way",
            Self::FabricClog => "fabric clogged",
            Self::FabricSlow => "fabric slow one way",
            Self::Swizzle => "fabric swizzled",
            Self::DiskStill => "disk still",
            Self::DiskFailing => "disk failing",
            Self::DiskFull => "disk full",
            Self::Jump => "clocks jumped",
            Self::Skew => "one clock jumped",
            Self::KillDevice => "client killed",
            Self::Close => "app closed",
            Self::Wipe => "cache wiped",
            Self::Clone => "cache cloned",
            Self::Away => "no network",
            Self::Suspend => "phone suspended",
            Self::Flood => "flood",
            Self::Gone => "node gone for long",
            Self::Outlived => "node paused past its time",
            Self::Drain => "node drained",
            Self::Move => "range moved",
            Self::Lie => "lies",
        }
    }
}

/// One fault, with all that is particular to it. Times are in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// A device's link is cut.
    Cut {
        /// The device.
        device: usize,
    },
    /// A device's cable is pulled.
    Stall {
        /// The device.
        device: usize,
    },
    /// One direction of a device's link is dead.
    HalfOpen {
        /// The device.
        device: usize,
        /// What the device says does not arrive; else what it is told.
        up: bool,
    },
    /// One direction of a device's link holds all for a while and then lets go of it.
    Clog {
        /// The device.
        device: usize,
        /// What the device says; else what it is told.
        up: bool,
        /// For how long.
        ms: u64,
    },
    /// A device's link carries little for a while, or the device hardly reads.
    Slow {
        /// The device.
        device: usize,
        /// Bytes a second.
        rate: u64,
        /// The device hardly reads: what it says goes as fast as ever.
        reader: bool,
        /// For how long.
        ms: u64,
    },
    /// A node is killed and comes back.
    KillNode {
        /// The node.
        node: usize,
        /// How long it is away.
        ms: u64,
    },
    /// All nodes are killed while the next write is on its way to the disk.
    CrashAtWrite {
        /// With their machine.
        machine: bool,
        /// How long they are away.
        ms: u64,
    },
    /// All nodes are killed.
    Crash {
        /// With their machine.
        machine: bool,
        /// How long they are away.
        ms: u64,
    },
    /// A node stands still: a suspended process.
    Pause {
        /// The node.
        node: usize,
        /// For how long.
        ms: u64,
    },
    /// All nodes stand still: a suspended machine.
    PauseAll {
        /// For how long.
        ms: u64,
    },
    /// A node stands still and is started elsewhere; then the old one goes on beside it, and ends.
    Replace {
        /// The node.
        node: usize,
        /// How long it stands still.
        still_ms: u64,
        /// How long it then goes on.
        beside_ms: u64,
        /// It has just been started: it stands still before its first read of the store.
        #[serde(default)]
        starts: bool,
    },
    /// Nodes cannot reach each other, or only in one direction.
    Part {
        /// Whose parcels do not pass.
        from: usize,
        /// To whom.
        to: usize,
        /// Nor the other way.
        both: bool,
        /// For how long.
        ms: u64,
    },
    /// What one node tells another is held for a while.
    FabricClog {
        /// Whose parcels.
        from: usize,
        /// To whom.
        to: usize,
        /// For how long.
        ms: u64,
    },
    /// What one node tells another takes longer.
    FabricSlow {
        /// Whose parcels.
        from: usize,
        /// To whom.
        to: usize,
        /// By how much.
        by_ms: u64,
        /// For how long.
        ms: u64,
    },
    /// Directions between nodes are cut one by one and restored in another order.
    Swizzle {
        /// Which and in which order: a seed.
        order: u64,
        /// From one cut or restoration to the next.
        step_ms: u64,
        /// From the last cut to the first restoration.
        ms: u64,
    },
    /// The servers' disk answers nothing for a while.
    DiskStill {
        /// For how long.
        ms: u64,
    },
    /// The servers' disk fails.
    DiskFailing {
        /// For how long.
        ms: u64,
    },
    /// The servers' disk is full.
    DiskFull {
        /// For how long.
        ms: u64,
    },
    /// The wall clocks of all nodes jump.
    Jump {
        /// By how much, and whether forward.
        ms: i64,
    },
    /// The wall clock of one node is set.
    Skew {
        /// The node.
        node: usize,
        /// How far it is off from then on.
        ms: i64,
    },
    /// A client process is killed, and starts again with its cache or without.
    KillDevice {
        /// The device.
        device: usize,
        /// How long it is away.
        ms: u64,
        /// The gate is not told.
        silently: bool,
        /// It starts again without its cache.
        fresh: bool,
    },
    /// An app is closed, and opened again later.
    Close {
        /// The device.
        device: usize,
        /// How long it is away.
        ms: u64,
        /// The gate is not told: it lost its network before.
        silently: bool,
    },
    /// A device is killed and starts from a copy of another's cache.
    Clone {
        /// Whose cache is copied.
        of: usize,
        /// Who gets it.
        to: usize,
    },
    /// A device has no network for a while.
    Away {
        /// The device.
        device: usize,
        /// For how long.
        ms: u64,
    },
    /// A device stands still for a while.
    Suspend {
        /// The device.
        device: usize,
        /// For how long.
        ms: u64,
        /// Its link is dead when it wakes, and nobody told it.
        severed: bool,
    },
    /// A client is given more to send than it may have on the way.
    Flood {
        /// The device.
        device: usize,
        /// To whom.
        to: usize,
        /// How many messages.
        count: u64,
        /// Of how many bytes each.
        bytes: usize,
        /// Bytes a second that it reads while it does; 0: as many as come.
        #[serde(default)]
        reads: u64,
    },
    /// A node is told to go away, and comes back.
    Drain {
        /// The node.
        node: usize,
        /// How long it is away.
        ms: u64,
    },
    /// An operator moves the range of a shard, whoever owns it.
    Move {
        /// The shard.
        shard: u16,
        /// To which node.
        to: usize,
    },
    /// A client lies.
    Lie {
        /// Its device.
        device: usize,
        /// What it says: a seed.
        order: u64,
        /// How many things.
        words: u64,
    },
}

impl Fault {
    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Cut { .. } => Kind::Cut,
            Self::Stall { .. } => Kind::Stall,
            Self::HalfOpen { .. } => Kind::HalfOpen,
            Self::Clog { .. } => Kind::Clog,
            Self::Slow { reader: false, .. } => Kind::SlowPath,
            Self::Slow { reader: true, .. } => Kind::SlowReader,
            Self::KillNode { ms, .. } if *ms >= LONG_MS => Kind::Gone,
            Self::KillNode { .. } => Kind::KillNode,
            Self::CrashAtWrite { .. } => Kind::CrashAtWrite,
            Self::Crash { machine: false, .. } => Kind::Crash,
            Self::Crash { machine: true, .. } => Kind::MachineCrash,
            Self::Pause { ms, .. } if *ms >= LONG_MS => Kind::Outlived,
            Self::Pause { .. } => Kind::Pause,
            Self::PauseAll { .. } => Kind::PauseAll,
            Self::Replace { .. } => Kind::Replace,
            Self::Part { both: true, .. } => Kind::Part,
            Self::Part { both: false, .. } => Kind::PartOneWay,
            Self::FabricClog { .. } => Kind::FabricClog,
            Self::FabricSlow { .. } => Kind::FabricSlow,
            Self::Swizzle { .. } => Kind::Swizzle,
            Self::DiskStill { .. } => Kind::DiskStill,
            Self::DiskFailing { .. } => Kind::DiskFailing,
            Self::DiskFull { .. } => Kind::DiskFull,
            Self::Jump { .. } => Kind::Jump,
            Self::Skew { .. } => Kind::Skew,
            Self::KillDevice { fresh: false, .. } => Kind::KillDevice,
            Self::KillDevice { fresh: true, .. } => Kind::Wipe,
            Self::Close { .. } => Kind::Close,
            Self::Clone { .. } => Kind::Clone,
            Self::Away { .. } => Kind::Away,
            Self::Suspend { .. } => Kind::Suspend,
            Self::Flood { .. } => Kind::Flood,
            Self::Drain { .. } => Kind::Drain,
            Self::Move { .. } => Kind::Move,
            Self::Lie { .. } => Kind::Lie,
        }
    }
}

/// What a fault is about, by number.
enum Subject {
    Node(usize),
    Device(usize),
}

impl Fault {
    /// The devices it is about.
    #[must_use]
    pub fn devices(&self) -> Vec<usize> {
        let devices = self.subjects().into_iter().filter_map(|subject| match subject {
            Subject::Device(device) => Some(device),
            Subject::Node(_) => None,
        });
        devices.collect()
    }

    /// Whether what it is about exists in a world of that size: a small one has fewer nodes.
    pub(super) fn is_within(&self, nodes: usize, devices: usize) -> bool {
        self.subjects().into_iter().all(|subject| match subject {
            Subject::Node(node) => node < nodes,
            Subject::Device(device) => device < devices,
        })
    }

    fn subjects(&self) -> Vec<Subject> {
        match *self {
            Self::Cut { device }
            | Self::Stall { device }
            | Self::HalfOpen { device, .. }
            | Self::Clog { device, .. }
            | Self::Slow { device, .. }
            | Self::KillDevice { device, .. }
            | Self::Close { device, .. }
            | Self::Away { device, .. }
            | Self::Suspend { device, .. }
            | Self::Flood { device, .. }
            | Self::Lie { device, .. } => vec![Subject::Device(device)],
            Self::Clone { of, to } => vec![Subject::Device(of), Subject::Device(to)],
            Self::KillNode { node, .. }
            | Self::Pause { node, .. }
            | Self::Replace { node, .. }
            | Self::Skew { node, .. }
            | Self::Drain { node, .. }
            | Self::Move { to: node, .. } => vec![Subject::Node(node)],
            Self::Part { from, to, .. }
            | Self::FabricClog { from, to, .. }
            | Self::FabricSlow { from, to, .. } => vec![Subject::Node(from), Subject::Node(to)],
            Self::CrashAtWrite { .. }
            | Self::Crash { .. }
            | Self::PauseAll { .. }
            | Self::Swizzle { .. }
            | Self::DiskStill { .. }
            | Self::DiskFailing { .. }
            | Self::DiskFull { .. }
            | Self::Jump { .. } => Vec::new(),
        }
    }
}

/// What follows from a fault in its time: no step of the schedule.
#[derive(Clone, Copy, Debug)]
pub(super) enum After {
    /// All nodes are killed.
    Crash { machine: bool, ms: u64 },
    /// A direction between two nodes is cut.
    PartWay { from: u16, to: u16 },
    /// A direction between two nodes is open again.
    Join { from: u16, to: u16 },
    /// A trouble is over.
    Over,
    /// A direction between two nodes is as fast as ever.
    Fast { from: u16, to: u16 },
    /// The disk does what is asked.
    DiskWell,
    /// A device has a network again.
    Back { device: usize },
    /// A link carries as much as ever.
    Wide { wire: usize },
    /// The host of a replaced node ends.
    EndHost { host: usize },
}

/// A number of a node as ids have it.
pub(super) fn number(node: usize) -> u16 {
    u16::try_from(node).expect("nodes are few")
}

impl World {
    pub(super) fn fault(&mut self, fault: Fault) {
        self.tell(|| timeline::fault(&fault));
        self.trace.step(self.now, 60, &[], || format!("fault {fault:?}"));
        let took = match fault {
            Fault::Cut { device } => self.cut_device(device),
            Fault::Stall { device } => self.stall_device(device),
            Fault::HalfOpen { device, up } => self.half_open(device, up),
            Fault::Clog { device, up, ms } => self.clog_device(device, up, ms),
            Fault::Slow { device, rate, reader, ms } => {
                self.slow_device(device, (rate, reader), ms)
            }
            Fault::KillNode { node, ms } => self.kill_for(node, ms),
            Fault::CrashAtWrite { machine, ms } => {
                self.crash_at_write = Some((machine, ms));
                true
            }
            Fault::Crash { machine, ms } => self.crash(machine, ms),
            Fault::Pause { node, ms } => self.pause_node(node, ms),
            Fault::PauseAll { ms } => self.pause_all(ms),
            Fault::Replace { node, still_ms, beside_ms, starts } => {
                if starts && self.kill_node(self.serving[node]) {
                    self.start_node(node);
                }
                self.replace(node, still_ms, beside_ms)
            }
            Fault::Part { from, to, both, ms } => self.part(from, to, both, ms),
            Fault::FabricClog { from, to, ms } => self.clog_fabric(from, to, ms),
            Fault::FabricSlow { from, to, by_ms, ms } => self.slow_fabric(from, to, by_ms, ms),
            Fault::Swizzle { order, step_ms, ms } => self.swizzle(order, step_ms, ms),
            Fault::DiskStill { ms } => self.still_disk(ms),
            Fault::DiskFailing { ms } => self.disk_spell(Spell::Failing, ms),
            Fault::DiskFull { ms } => self.disk_spell(Spell::Full, ms),
            Fault::Jump { ms } => self.jump(ms),
            Fault::Skew { node, ms } => self.skew(node, ms),
            Fault::KillDevice { device, ms, silently, fresh } => {
                self.kill_device_for(device, ms, (silently, fresh))
            }
            Fault::Close { device, ms, silently } => {
                self.kill_device_for(device, ms, (silently, false))
            }
            Fault::Clone { of, to } => self.clone_device(of, to),
            Fault::Away { device, ms } => self.away(device, ms),
            Fault::Suspend { device, ms, severed } => self.suspend(device, ms, severed),
            Fault::Flood { device, to, count, bytes, reads } => {
                self.flood((device, to), (count, bytes), reads)
            }
            Fault::Drain { node, ms } => self.drain_for(node, ms),
            Fault::Move { shard, to } => self.move_range(shard, to),
            Fault::Lie { device, order, words } => self.lie(device, order, words),
        };
        if took {
            self.counts.faults[fault.kind() as usize] += 1;
        }
    }

    pub(super) fn after(&mut self, after: After) {
        self.tell(|| format!("after a fault: {after:?}").to_lowercase());
        self.trace.step(self.now, 62, &[], || format!("after a fault {after:?}"));
        match after {
            After::Crash { machine, ms } if !self.healed => {
                self.crash(machine, ms);
            }
            After::Crash { .. } => {}
            After::PartWay { from, to } if !self.healed => self.fabric.part(from, to),
            After::PartWay { .. } => {}
            After::Join { from, to } => self.fabric.join(from, to),
            After::Over => self.trouble_ends(),
            After::Fast { from, to } => self.fabric.slow(from, to, 0),
            After::DiskWell => self.disk.set_spell(Spell::None),
            After::Back { device } => {
                self.devices[device].reaches = !self.devices[device].given_up;
            }
            After::Wide { wire } => self.widen(wire),
            After::EndHost { host } => self.end_host(host),
        }
    }
}
