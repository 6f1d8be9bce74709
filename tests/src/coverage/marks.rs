//! The marks, one a line.

use presently_core::error::CloseReason;

macro_rules! marks {
    ($($name:ident = $text:literal;)*) => {
        /// Something that the simulator looks out for.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(usize)]
        pub enum Mark { $(#[doc = $text] $name,)* }

        impl Mark {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Its name in reports.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

marks! {
    FabricLost = "fabric.lost";
    FabricDoubled = "fabric.doubled";
    FabricOvertaken = "fabric.overtaken";
    LinkPieces = "link.pieces";
    LinkTorn = "link.torn";
    StoreTorn = "store.torn_group";
    StoreUnread = "store.read_failed";
    StoreUnknown = "store.unknown";
    StoreUnknownLanded = "store.unknown_landed";
    StoreFailed = "store.failed";
    StoreConflict = "store.conflict";
    StoreLost = "store.lost_by_crash";
    CacheLost = "cache.lost_by_crash";
    MixerConflict = "mixer.conflict";
    MixerUnknown = "mixer.unknown";
    MixerFailed = "mixer.failed";
    BookConflict = "address_book.conflict";
    BookUnknown = "address_book.unknown";
    BookFailed = "address_book.failed";
    PsUnknown = "ps.unknown";
    InboxUnknown = "inbox.unknown";
    AccountUnknown = "account.unknown";
    NodeRestarted = "node.restarted";
    NodeFenced = "node.fenced";
    NodeServedStill = "node.input_while_paused";
    GateHandover = "gate.handover";
    TrunkHello = "trunk.hello";
    TrunkNewSession = "trunk.new_session";
    TrunkResent = "trunk.resent";
    TrunkDigest = "trunk.digest";
    TrunkAgreed = "trunk.agreed";
    TrunkResync = "trunk.resync";
    TrunkEphemeral = "trunk.ephemeral";
    TrunkState = "trunk.state";
    ClientReconnected = "client.reconnected";
    ClientNewEndpoint = "client.new_endpoint";
    ClientRepeatedSend = "client.repeated_send";
    ClientTyping = "client.saw_typing";
    ClientLagged = "client.lagged";
    ClientEnded = "client.ended";
    ClientRestored = "client.restored_from_cache";
    HistoryMore = "client.history_more";
    RangesMoved = "ranges.moved";
    RangesClaimed = "ranges.claimed";
}

/// The names of [`close_name`].
pub(super) const CLOSES: [&str; 9] = [
    "gone",
    "fault",
    "silent",
    "pre_auth",
    "slow_consumer",
    "superseded",
    "signed_out",
    "draining",
    "unavailable",
];

/// What a reason for a closed link is called.
#[must_use]
pub fn close_name(reason: CloseReason) -> &'static str {
    match reason {
        CloseReason::Gone => "gone",
        CloseReason::Fault(_) => "fault",
        CloseReason::Silent => "silent",
        CloseReason::PreAuth => "pre_auth",
        CloseReason::SlowConsumer => "slow_consumer",
        CloseReason::Superseded => "superseded",
        CloseReason::SignedOut => "signed_out",
        CloseReason::Draining => "draining",
        CloseReason::Unavailable => "unavailable",
    }
}
