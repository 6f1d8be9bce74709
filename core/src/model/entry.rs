//! One item of a conversation's log.

use serde::{Deserialize, Serialize};

use crate::id::{EndpointId, UserId};
use crate::time::Wall;
use crate::wire::body::mixer::{Content, SendId};

/// What an entry is: an integer on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EntryKind(pub u8);

impl EntryKind {
    /// A message.
    pub const MESSAGE: Self = Self(1);
}

/// Content that is UTF-8 text.
pub const CONTENT_TEXT: u16 = 1;

/// The body of the Entry record: an envelope stamped by the server around opaque content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its place in the conversation, from 1.
    pub sequence: u64,
    /// What it is.
    pub kind: EntryKind,
    /// Who wrote it.
    pub user: UserId,
    /// On which device.
    pub endpoint: EndpointId,
    /// What that device called it.
    pub id: SendId,
    /// When the server stored it; never before its predecessor's stamp.
    pub at: Wall,
    /// What the content is.
    pub content_type: u16,
    /// The content.
    pub content: Content,
}
