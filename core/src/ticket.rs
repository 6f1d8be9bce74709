//! Tickets: sealed claims, each good for one service (PROTOCOL §5.1).
//!
//! XChaCha20-Poly1305; the nonce comes from the machine's stream, the key's number and the purpose are
//! authenticated with it, so a ticket of one service never opens at another.

use alloc::boxed::Box;
use alloc::vec::Vec;

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key as CipherKey, XChaCha20Poly1305, XNonce};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::edge::gate_service::Who;
use crate::id::{ConversationId, EndpointId, Incarnation, NodeId, OpId, UserId};
use crate::limits::{TICKET_BYTES_MAX, WALL_LEEWAY_MS};
use crate::rng::Rng;
use crate::time::Wall;
use crate::wire::bounded::Blob;

/// What a sealed thing is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To attach to the Address Book.
    Book,
    /// To attach to the inbox.
    Inbox,
    /// To attach to a CS.
    Cs,
    /// To attach to a conversation.
    Seat,
    /// To sign in again.
    Refresh,
}

/// What a book, inbox or cs ticket says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionClaims {
    /// The person.
    pub user: UserId,
    /// The device.
    pub endpoint: EndpointId,
    /// Name and number, for traces and for those who are invited.
    pub who: Who,
    /// Which sign-in of the device: greater with each (PROTOCOL §5.1). As long whatever it is: it counts
    /// what others write too, and a ticket's length must not tell (§5.5).
    #[serde(with = "postcard::fixint::le")]
    pub sign_in: u64,
    /// It ends then.
    pub expires: Wall,
}

/// What a refresh token says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefreshClaims {
    /// The account's name.
    pub name: Box<str>,
    /// The person.
    pub user: UserId,
    /// The device.
    pub endpoint: EndpointId,
    /// Which token of the device's row (PROTOCOL §5.1).
    pub generation: u64,
    /// It ends then.
    pub expires: Wall,
}

/// What a mixer ticket says: a seat held by its mixer, which judges the 120 s by its own clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeatClaims {
    /// The conversation.
    pub conversation: ConversationId,
    /// The person.
    pub user: UserId,
    /// The device.
    pub endpoint: EndpointId,
    /// The seat.
    pub seat: OpId,
    /// Whose seat.
    pub node: NodeId,
    /// In which life.
    pub incarnation: Incarnation,
}

/// The keys of a process, by number; the last seals.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Keys(Vec<(u64, [u8; 32])>);

impl core::fmt::Debug for Keys {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "[{} keys]", self.0.len())
    }
}

/// Not a ticket for this purpose, or not any longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadTicket;

impl Keys {
    /// Keys in ascending order of number.
    ///
    /// # Panics
    /// Where there is none.
    #[must_use]
    pub fn new(keys: Vec<(u64, [u8; 32])>) -> Self {
        assert!(!keys.is_empty(), "a process has at least one ticket key");
        Self(keys)
    }

    /// Seals claims.
    ///
    /// # Panics
    /// Over [`TICKET_BYTES_MAX`]: claims are bounded by the names in them.
    #[must_use]
    pub fn seal(
        &self,
        purpose: Purpose,
        claims: &impl Serialize,
        rng: &mut Rng,
    ) -> Blob<TICKET_BYTES_MAX> {
        let (number, key) = self.0.last().expect("a process has at least one ticket key");
        let plain = postcard::to_allocvec(claims).expect("claims serialize");
        let nonce: [u8; 24] = rng.bytes();
        let aad = aad(purpose, *number);
        let sealed = XChaCha20Poly1305::new(&CipherKey::from(*key))
            .encrypt(&XNonce::from(nonce), Payload { msg: &plain, aad: &aad })
            .expect("a short text seals");
        let mut out = Vec::with_capacity(8 + 24 + sealed.len());
        out.extend_from_slice(&number.to_be_bytes());
        out.extend_from_slice(&nonce);
        out.extend_from_slice(&sealed);
        Blob::new(out).expect("claims are bounded by the names in them")
    }

    /// The id that a name nobody has answers with: the same for ever, told apart by nobody.
    ///
    /// # Panics
    /// Never: a process has at least one ticket key.
    #[must_use]
    pub fn phantom(&self, name: &str) -> UserId {
        let (_, key) = self.0.first().expect("a process has at least one ticket key");
        let mut hash = Sha256::new();
        hash.update(key);
        hash.update(b"presently phantom");
        hash.update(name.as_bytes());
        let digest = hash.finalize();
        let mut id = [0; 16];
        id.copy_from_slice(&digest[..16]);
        UserId(id)
    }

    /// Opens what was sealed for this purpose.
    ///
    /// # Errors
    /// [`BadTicket`].
    pub fn open<T: DeserializeOwned>(
        &self,
        purpose: Purpose,
        sealed: &[u8],
    ) -> Result<T, BadTicket> {
        let (number, rest) = sealed.split_first_chunk::<8>().ok_or(BadTicket)?;
        let (nonce, cipher) = rest.split_first_chunk::<24>().ok_or(BadTicket)?;
        let number = u64::from_be_bytes(*number);
        let (_, key) = self.0.iter().find(|(n, _)| *n == number).ok_or(BadTicket)?;
        let aad = aad(purpose, number);
        let plain = XChaCha20Poly1305::new(&CipherKey::from(*key))
            .decrypt(&XNonce::from(*nonce), Payload { msg: cipher, aad: &aad })
            .map_err(|_| BadTicket)?;
        postcard::from_bytes(&plain).map_err(|_| BadTicket)
    }

    /// Opens a session ticket and judges its end by the wall clock, with leeway.
    ///
    /// # Errors
    /// [`BadTicket`].
    pub fn open_session(
        &self,
        purpose: Purpose,
        sealed: &[u8],
        wall: Wall,
    ) -> Result<SessionClaims, BadTicket> {
        let claims: SessionClaims = self.open(purpose, sealed)?;
        if wall.0 > claims.expires.0.saturating_add(WALL_LEEWAY_MS) {
            return Err(BadTicket);
        }
        Ok(claims)
    }
}

fn aad(purpose: Purpose, number: u64) -> Vec<u8> {
    let word: &[u8] = match purpose {
        Purpose::Book => b"presently ticket book",
        Purpose::Inbox => b"presently ticket inbox",
        Purpose::Cs => b"presently ticket cs",
        Purpose::Seat => b"presently ticket seat",
        Purpose::Refresh => b"presently refresh",
    };
    [word, &number.to_be_bytes()].concat()
}
