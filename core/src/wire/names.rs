//! Names of kinds, for traces and logs.

/// The name of a kind; `unknown` for one this version does not have.
#[must_use]
pub fn kind_name(kind: u16) -> &'static str {
    match kind {
        0x0001 => "hello",
        0x0002 => "welcome",
        0x0003 => "attach",
        0x0004 => "attached",
        0x0005 => "detach",
        0x0006 => "ping",
        0x0007 => "pong",
        0x0008 => "refused",
        0x0009 => "detached",
        0x000a => "closing",
        0x0101 => "sign_in",
        0x0102 => "resume",
        0x0103 => "sign_out",
        0x0111 => "signed_in",
        0x0112 => "signed_out",
        0x0201 => "fetch_book",
        0x0202 => "invite",
        0x0203 => "accept",
        0x0204 => "decline",
        0x0205 => "remove",
        0x0211 => "contacts",
        0x0212 => "contact_changed",
        0x0301 => "fetch_inbox",
        0x0311 => "conversations",
        0x0312 => "conversation_changed",
        0x0401 => "watch",
        0x0402 => "unwatch",
        0x0403 => "status",
        0x0404 => "profile",
        0x0405 => "contact",
        0x0406 => "leave",
        0x0411 => "done",
        0x0412 => "presence",
        0x0413 => "settling",
        0x0414 => "ticket",
        0x0415 => "ring",
        0x0501 => "join",
        0x0502 => "send",
        0x0503 => "read",
        0x0504 | 0x0516 => "typing",
        0x0505 => "delivered",
        0x0511 => "joined",
        0x0512 => "stored",
        0x0513 => "expected",
        0x0514 => "page",
        0x0515 => "entry",
        _ => "unknown",
    }
}

#[cfg(test)]
#[path = "names_test.rs"]
mod names_test;
