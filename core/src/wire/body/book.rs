//! Service 2: the Address Book (PROTOCOL §4.3).

use super::{bodies, kinds};
use crate::id::UserId;
use crate::limits::{INVITE_BYTES_MAX, LIST_ITEMS_MAX, NAME_CHARS_MAX};
use crate::model::contact::Contact;
use crate::wire::bounded::{List, Text};
use crate::wire::record::Record;

bodies! {
    /// Asks for what changed after a revision; 0: everything. Answer: [`Contacts`], in parts.
    FetchBook {
        /// The revision the client has.
        revision: u64,
    }
    /// Asks a person to become a contact. Answer: [`BookChanged`]; the same for a name nobody has.
    Invite {
        /// The account's name.
        name: Text<NAME_CHARS_MAX>,
        /// What the other sees with it.
        text: Text<INVITE_BYTES_MAX>,
    }
    /// Accepts an invitation. Answer: [`BookChanged`].
    Accept {
        /// Who invited.
        user: UserId,
    }
    /// Declines an invitation; the other learns nothing. Answer: [`BookChanged`].
    Decline {
        /// Who invited.
        user: UserId,
    }
    /// Removes a contact or takes an invitation back, at both sides. Answer: [`BookChanged`].
    Remove {
        /// The contact.
        user: UserId,
    }
    /// A part of the list, or of what changed in it.
    Contacts {
        /// The list's revision.
        revision: u64,
        /// Everything: forget what is not named. Else only what changed.
        full: bool,
        /// Contacts; in a delta those that went have state `NONE`.
        contacts: List<Record<Contact>, LIST_ITEMS_MAX>,
    }
    /// One contact changed, here or on another device, or by its person.
    BookChanged {
        /// The list's revision.
        revision: u64,
        /// As it is now.
        contact: Record<Contact>,
    }
}

kinds! {
    /// What a client says to its Address Book.
    ToBook {
        /// Read.
        0x0201 Fetch(FetchBook),
        /// Ask somebody.
        0x0202 Invite(Invite),
        /// Yes.
        0x0203 Accept(Accept),
        /// No.
        0x0204 Decline(Decline),
        /// Part.
        0x0205 Remove(Remove),
    }
}

kinds! {
    /// What the Address Book says.
    FromBook {
        /// The list or its delta.
        0x0211 Contacts(Contacts),
        /// One change: an answer, or pushed.
        0x0212 Changed(BookChanged),
    }
}
