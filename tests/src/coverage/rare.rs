//! Marks that no seed is expected to reach, and why. One that is reached all the same is named in the
//! summary: its line here can go.

const LOCAL: &str = "between machines of one node: no parcel carries it";
const SMALL: &str = "these worlds stay below the limits";

/// Names and reasons.
const RARE: &[(&str, &str)] = &[
    ("client.lagged", "apps of the simulator take every event; what drops them is the driver"),
    ("close.gone", "a host that lost a link says so, and closes nothing"),
    ("close.signed_out", "a client that signs out closes its link before its gate does"),
    ("close.unavailable", "no node is full, and none of its first reads is refused"),
    ("error.bad_command", "commands of the simulator are typed"),
    ("error.busy", SMALL),
    ("error.draining", "an operator must ask a node that is handing its ranges over"),
    ("error.limit_reached", SMALL),
    ("error.name_taken", "the operator makes each account once"),
    ("error.outbox_full", SMALL),
    ("error.too_large", "apps say nothing so long; a frame over its bound ends its link"),
    ("offline.fault", "clients keep to the protocol: who lies is none"),
    ("offline.refused", "everybody knows their password"),
    ("tell.address_book.expected", "a target forgets nothing, and a source tells in order"),
    ("tell.address_book.visible", LOCAL),
    ("tell.cs.attach", LOCAL),
    ("tell.cs.closed", LOCAL),
    ("tell.cs.frame", LOCAL),
    ("tell.gate.close", LOCAL),
    ("tell.ps.visibility_changed", LOCAL),
    ("tell.ps.visible_to", LOCAL),
];

/// Why a mark need not be reached.
#[must_use]
pub fn why(name: &str) -> Option<&'static str> {
    RARE.iter().find(|(rare, _)| *rare == name).map(|(_, why)| *why)
}

/// Marks that are excused.
pub fn all() -> impl Iterator<Item = &'static str> {
    RARE.iter().map(|(name, _)| *name)
}
