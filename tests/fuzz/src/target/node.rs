//! Another node that lies (PROTOCOL §9.3): parcels that are none, and parcels that any machine could
//! have sent, out of turn and about everybody.

use arbitrary::Unstructured;
use presently_core::edge::{Address, Addressed, Envelope, Role, Tell};
use presently_core::hub::Input;
use presently_core::id::{Flow, Incarnation, NodeId, OpId};
use presently_core::trunk::{Parcel, ParcelBody};
use presently_tests::words::value::any;

use super::link::{act, bounded};
use crate::memory::decoding;
use crate::stage::node::Stage;

const ACTS_MAX: usize = 256;
/// The node that lies.
const LIAR: NodeId = NodeId(1);

/// Parcels as postcard bytes: a node may cost another one no more than a client may.
pub fn parcels(data: &[u8]) {
    let parcel = decoding(data.len(), || postcard::from_bytes::<Parcel>(data));
    let Ok(parcel) = parcel else { return };
    let bytes = postcard::to_allocvec(&parcel).unwrap_or_default();
    assert_eq!(postcard::from_bytes::<Parcel>(&bytes), Ok(parcel), "a parcel reads back");
}

/// What the liar knows of the understanding it is in.
struct Liar {
    parcel: Parcel,
    /// The next number of its reliable stream.
    next: u64,
    role: Role,
}

/// A node whose only neighbour says anything, to each of its machines, while people are signed in.
pub fn lying_node(data: &[u8]) {
    let mut from = Unstructured::new(data);
    let mut stage = Stage::with_neighbour();
    let people = stage.people.clone();
    let (here, _) = stage.sign_in(&people[0], 1);
    stage.sign_in(&people[1], 2);
    let Some(heard) = stage.parcels.first().map(|(_, parcel)| parcel.clone()) else {
        panic!("a node greets its neighbour");
    };
    let parcel = Parcel {
        from: Incarnation(1),
        to: Some(heard.from),
        session: heard.session,
        sent: heard.sent,
        body: ParcelBody::Hello,
    };
    let mut liar = Liar { parcel, next: 0, role: Role::Gate };
    stage.input(Input::Parcel { from: LIAR, parcel: liar.parcel.clone() });
    stage.settle(here, people[1].user);
    for number in 0..4 {
        stage.pool.number(number << 32);
    }
    bounded(&mut stage, |stage| {
        for _ in 0..ACTS_MAX {
            if from.is_empty() || step(stage, &mut liar, &mut from).is_none() {
                break;
            }
            stage.parcels.clear();
        }
        stage.answer_all();
        stage.pass(120_000);
        stage.answer_all();
        stage.parcels = Vec::new();
    });
}

fn step(stage: &mut Stage, liar: &mut Liar, from: &mut Unstructured<'_>) -> Option<()> {
    match from.arbitrary::<u8>().ok()? {
        0..=191 => {
            let body = lie(stage, liar, from)?;
            let parcel = Parcel { body, ..liar.parcel.clone() };
            stage.input(Input::Parcel { from: LIAR, parcel });
        }
        192..=199 => {
            // Another life, another session, or a node that is not there.
            let parcel: Parcel = any(from, &stage.pool)?;
            let who = NodeId(from.arbitrary::<u8>().ok()?.into());
            if who == LIAR && parcel.to == liar.parcel.to {
                (liar.parcel, liar.next) = (parcel.clone(), 0);
            }
            stage.input(Input::Parcel { from: who, parcel });
        }
        200..=207 => liar.role = ROLES[from.choose_index(ROLES.len()).ok()?],
        _ => act(stage, from)?,
    }
    Some(())
}

const ROLES: [Role; 8] = [
    Role::Gate,
    Role::Account,
    Role::Cs,
    Role::Ps,
    Role::AddressBook,
    Role::Inbox,
    Role::Mixer,
    Role::Placement,
];

fn lie(stage: &Stage, liar: &mut Liar, from: &mut Unstructured<'_>) -> Option<ParcelBody> {
    Some(match from.arbitrary::<u8>().ok()? {
        0..=199 => {
            let tells = vec![Box::new(told(stage, liar, from)?)];
            let first = liar.next;
            liar.next += 1;
            ParcelBody::Reliable { first, ack: 1_000, tells }
        }
        200..=223 => ParcelBody::Ephemeral(told(stage, liar, from)?),
        224..=239 => {
            let tell = told(stage, liar, from)?;
            ParcelBody::State { number: from.arbitrary().ok()?, tell }
        }
        _ => any(from, &stage.pool)?,
    })
}

/// A tell to any machine, mostly to the one the liar is after, from any machine of the liar's.
fn told(stage: &Stage, liar: &Liar, from: &mut Unstructured<'_>) -> Option<Addressed> {
    let pool = &stage.pool;
    let tell = match liar.role {
        Role::Account => Tell::Account(any(from, pool)?),
        Role::Cs => Tell::Cs(any(from, pool)?),
        Role::Ps => Tell::Ps(any(from, pool)?),
        Role::AddressBook => Tell::AddressBook(any(from, pool)?),
        Role::Inbox => Tell::Inbox(any(from, pool)?),
        Role::Mixer => Tell::Mixer(any(from, pool)?),
        Role::Placement => Tell::Placement(any(from, pool)?),
        Role::Gate => any(from, pool)?,
    };
    let role = ROLES[from.choose_index(ROLES.len()).ok()?];
    let slot = u32::from(from.arbitrary::<u8>().ok()? & 15);
    let op = match slot {
        0..=3 => None,
        4..=11 => Some(OpId { slot: slot - 4, generation: 0 }),
        _ => any(from, pool)?,
    };
    let address = Address { role, node: LIAR };
    // Most come to whoever is meant; the others are addressed to a shard.
    let range = if from.arbitrary::<u8>().ok()? < 200 { None } else { any(from, pool)? };
    let envelope = Envelope { flow: Flow::default(), from: address, op, tell };
    Some(Addressed { range, envelope })
}
