//! Service 5: the Mixer, one channel per conversation (PROTOCOL §4.6).

use super::{bodies, kinds};
use crate::id::UserId;
use crate::limits::{MEMBERS_MAX, PAGE_ENTRIES_MAX, TEXT_BYTES_MAX};
use crate::model::entry::Entry;
use crate::time::Wall;
use crate::wire::bounded::{Blob, List};
use crate::wire::record::Record;

/// Content of an entry: text of [`TEXT_BYTES_MAX`] at most.
pub type Content = Blob<TEXT_BYTES_MAX>;

bodies! {
    /// A counter and the tag drawn for it: what one endpoint calls one send.
    SendId {
        /// Never reused by an endpoint.
        counter: u64,
        /// 8 random bytes.
        tag: [u8; 8],
    }
    /// Reads the end of the conversation. The first thing said on the channel; live entries follow
    /// its answer without a gap. Answer: [`Joined`].
    Join {}
    /// Stores an entry. Answers: [`Stored`], [`Expected`] or a refusal.
    Send {
        /// This send.
        id: SendId,
        /// The send before it that this endpoint still wants stored in this conversation.
        after: Option<SendId>,
        /// What the content is.
        content_type: u16,
        /// Opaque to the server.
        content: Content,
    }
    /// Reads entries with `from <= sequence < until`, oldest first. Answer: [`Page`].
    ReadEntries {
        /// First sequence.
        from: u64,
        /// Sequence after the last; `u64::MAX`: to the end.
        until: u64,
        /// At most this many.
        limit: u16,
        /// Where the limit cuts, keep the newest.
        newest: bool,
    }
    /// This person writes. No answer.
    Typing {}
    /// This device has shown everything through a sequence. No answer.
    Delivered {
        /// The last sequence shown.
        through: u64,
    }
    /// The conversation as it stands.
    Joined {
        /// The last sequence.
        head: u64,
        /// The members.
        members: List<UserId, MEMBERS_MAX>,
        /// What this person's devices have been shown.
        delivered: u64,
        /// What this endpoint stored last.
        last: Option<SendId>,
    }
    /// A send is durable.
    Stored {
        /// The send that is (and so every one before it in this conversation).
        id: SendId,
        /// Its place.
        sequence: u64,
        /// The server's stamp.
        at: Wall,
    }
    /// `after` does not name what is stored: nothing changed; go on from here.
    Expected {
        /// What this endpoint stored last in this conversation.
        last: Option<SendId>,
    }
    /// Entries in order.
    Page {
        /// The entries.
        entries: List<Record<Entry>, PAGE_ENTRIES_MAX>,
        /// Whether a limit cut.
        more: bool,
    }
    /// A new entry.
    NewEntry {
        /// The entry.
        entry: Record<Entry>,
    }
    /// A member writes.
    TypingOf {
        /// Who.
        user: UserId,
    }
}

kinds! {
    /// What a client says to a Mixer.
    ToMixer {
        /// Join.
        0x0501 Join(Join),
        /// Say something.
        0x0502 Send(Send),
        /// Read.
        0x0503 Read(ReadEntries),
        /// Writing.
        0x0504 Typing(Typing),
        /// Shown.
        0x0505 Delivered(Delivered),
    }
}

kinds! {
    /// What a Mixer says.
    FromMixer {
        /// The conversation.
        0x0511 Joined(Joined),
        /// The ack.
        0x0512 Stored(Stored),
        /// Go back.
        0x0513 Expected(Expected),
        /// Entries.
        0x0514 Page(Page),
        /// A live entry.
        0x0515 Entry(NewEntry),
        /// Somebody writes.
        0x0516 Typing(TypingOf),
    }
}
