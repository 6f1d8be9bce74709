//! Frame bodies of every kind, from bytes; and what stands in those that come: for the fuzz targets, and
//! for the simulator's client that lies.

pub mod value;

use arbitrary::Unstructured;
use bytes::Bytes;
use presently_core::error::Refusal;
use presently_core::wire::body::{account, book, cs, inbox, link, mixer};
use presently_core::wire::frame::Frame;
use presently_core::wire::tail::Tail;

use self::value::{Pool, any};

macro_rules! kinds {
    ($($kind:literal $direction:path, $variant:ident($body:ty);)*) => {
        [$(|from: &mut Unstructured<'_>, pool: &Pool| {
            type Direction = $direction;
            let tail = tail(from);
            let body = Direction::$variant(any::<$body>(from, pool)?);
            assert_eq!(body.kind(), $kind);
            Some(($kind, body.encode(&tail)))
        }),*]
    };
}

type Make = fn(&mut Unstructured<'_>, &Pool) -> Option<(u16, Bytes)>;

/// What a client can say, by service from the link on.
const FROM_CLIENT: [Make; 18] = kinds! {
    0x0003 link::ToGate, Attach(link::Attach);
    0x0005 link::ToGate, Detach(link::Detach);
    0x0006 link::ToGate, Ping(link::Ping);
    0x0101 account::ToAccount, SignIn(account::SignIn);
    0x0102 account::ToAccount, Resume(account::Resume);
    0x0103 account::ToAccount, SignOut(account::SignOut);
    0x0201 book::ToBook, Fetch(book::FetchBook);
    0x0202 book::ToBook, Invite(book::Invite);
    0x0203 book::ToBook, Accept(book::Accept);
    0x0204 book::ToBook, Decline(book::Decline);
    0x0205 book::ToBook, Remove(book::Remove);
    0x0301 inbox::ToInbox, Fetch(inbox::FetchInbox);
    0x0401 cs::ToCs, Watch(cs::Watch);
    0x0402 cs::ToCs, Unwatch(cs::Unwatch);
    0x0403 cs::ToCs, SetStatus(cs::SetStatus);
    0x0404 cs::ToCs, SetProfile(cs::SetProfile);
    0x0405 cs::ToCs, Contact(cs::Contact);
    0x0406 cs::ToCs, Leave(cs::Leave);
};

/// What a client can say in a conversation.
const FROM_TALKER: [Make; 5] = kinds! {
    0x0501 mixer::ToMixer, Join(mixer::Join);
    0x0502 mixer::ToMixer, Send(mixer::Send);
    0x0503 mixer::ToMixer, Read(mixer::ReadEntries);
    0x0504 mixer::ToMixer, Typing(mixer::Typing);
    0x0505 mixer::ToMixer, Delivered(mixer::Delivered);
};

/// What a server can say.
const FROM_SERVER: [Make; 22] = kinds! {
    0x0004 link::FromGate, Attached(link::Attached);
    0x0007 link::FromGate, Pong(link::Pong);
    0x0008 link::FromGate, Refused(Refusal);
    0x0009 link::FromGate, Detached(link::Detached);
    0x000a link::FromGate, Closing(link::Closing);
    0x0111 account::FromAccount, SignedIn(account::SignedIn);
    0x0112 account::FromAccount, SignedOut(account::SignedOut);
    0x0211 book::FromBook, Contacts(book::Contacts);
    0x0212 book::FromBook, Changed(book::BookChanged);
    0x0311 inbox::FromInbox, Conversations(inbox::Conversations);
    0x0312 inbox::FromInbox, Changed(inbox::InboxChanged);
    0x0411 cs::FromCs, Done(cs::Done);
    0x0412 cs::FromCs, Presence(cs::PresenceOf);
    0x0413 cs::FromCs, Settling(cs::Settling);
    0x0414 cs::FromCs, Mixer(cs::Mixer);
    0x0415 cs::FromCs, Ring(cs::Ring);
    0x0511 mixer::FromMixer, Joined(mixer::Joined);
    0x0512 mixer::FromMixer, Stored(mixer::Stored);
    0x0513 mixer::FromMixer, Expected(mixer::Expected);
    0x0514 mixer::FromMixer, Page(mixer::Page);
    0x0515 mixer::FromMixer, Entry(mixer::NewEntry);
    0x0516 mixer::FromMixer, Typing(mixer::TypingOf);
};

/// A tail, mostly none.
fn tail(from: &mut Unstructured<'_>) -> Tail {
    let mut tail = Tail::default();
    if from.ratio(1u8, 32u8).unwrap_or(false) {
        for _ in 0..from.int_in_range(0..=17).unwrap_or(0) {
            let tag = from.arbitrary::<u8>().unwrap_or(0);
            let value = from.arbitrary::<&[u8]>().unwrap_or_default();
            tail.set(u32::from(tag), value);
        }
    }
    tail
}

/// What a client says: mostly what fits the channel, where channels 1 to 4 are account, book, inbox
/// and cs, and the rest conversations.
#[must_use]
pub fn of_client(channel: u32, from: &mut Unstructured<'_>, pool: &Pool) -> Option<(u16, Bytes)> {
    let fitting: &[Make] = match channel {
        0 => &FROM_CLIENT[..3],
        1 => &FROM_CLIENT[3..6],
        2 => &FROM_CLIENT[6..11],
        3 => &FROM_CLIENT[11..12],
        4 => &FROM_CLIENT[12..],
        _ => &FROM_TALKER,
    };
    let all: &[Make] = if from.ratio(1u8, 8u8).ok()? { &FROM_CLIENT } else { fitting };
    from.choose(all).ok()?(from, pool)
}

/// What a server says.
#[must_use]
pub fn of_server(from: &mut Unstructured<'_>, pool: &Pool) -> Option<(u16, Bytes)> {
    from.choose(&FROM_SERVER).ok()?(from, pool)
}

/// Remembers what a server's frame names.
///
/// # Panics
/// Where it is no frame of a server's.
pub fn learn(frame: &Frame, pool: &mut Pool) {
    let Frame { kind, body, .. } = frame;
    if *kind == presently_core::wire::hello::WELCOME {
        return;
    }
    let mut known = false;
    if let Some((said, _)) =
        account::FromAccount::decode(*kind, body).expect("servers say what decodes")
    {
        known = true;
        if let account::FromAccount::SignedIn(signed) = said {
            pool.id(signed.user.0);
            pool.id(signed.endpoint.0);
            pool.blob(signed.refresh.bytes());
            signed.grants.iter().for_each(|grant| pool.blob(grant.ticket.bytes()));
        }
    }
    if let Some((said, _)) = cs::FromCs::decode(*kind, body).expect("servers say what decodes") {
        known = true;
        if let cs::FromCs::Mixer(cs::Mixer { conversation, grant })
        | cs::FromCs::Ring(cs::Ring { conversation, grant, .. }) = said
        {
            pool.id(conversation.0);
            pool.blob(grant.ticket.bytes());
        }
    }
    if let Some((said, _)) =
        mixer::FromMixer::decode(*kind, body).expect("servers say what decodes")
    {
        known = true;
        match said {
            mixer::FromMixer::Joined(joined) => pool.number(joined.head),
            mixer::FromMixer::Stored(stored) => pool.number(stored.id.counter),
            mixer::FromMixer::Entry(entry) => pool.number(entry.entry.value.sequence),
            mixer::FromMixer::Expected(_)
            | mixer::FromMixer::Page(_)
            | mixer::FromMixer::Typing(_) => {}
        }
    }
    known |= book::FromBook::decode(*kind, body).expect("servers say what decodes").is_some();
    known |= inbox::FromInbox::decode(*kind, body).expect("servers say what decodes").is_some();
    known |= link::FromGate::decode(*kind, body).expect("servers say what decodes").is_some();
    assert!(known, "a server says {kind:#06x}, which is none of its kinds");
}
