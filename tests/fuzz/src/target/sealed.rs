//! Tickets and refresh tokens (PROTOCOL §5.1): what was not sealed here opens nowhere, and what was
//! opens only for its purpose.

use std::fmt::Debug;

use presently_core::limits::WALL_LEEWAY_MS;
use presently_core::rng::Rng;
use presently_core::ticket::{Keys, Purpose, RefreshClaims, SeatClaims, SessionClaims};
use presently_core::time::Wall;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::memory::decoding;

const PURPOSES: [Purpose; 5] =
    [Purpose::Book, Purpose::Inbox, Purpose::Cs, Purpose::Seat, Purpose::Refresh];

/// The input as a sealed thing, and as the plain text of one that was sealed with the right key.
pub fn tickets(data: &[u8]) {
    let keys = Keys::new(vec![(1, [1; 32]), (2, [2; 32])]);
    for purpose in PURPOSES {
        assert!(decoding(data.len(), || keys.open::<SessionClaims>(purpose, data)).is_err());
        assert!(decoding(data.len(), || keys.open::<RefreshClaims>(purpose, data)).is_err());
        assert!(decoding(data.len(), || keys.open::<SeatClaims>(purpose, data)).is_err());
    }
    claims::<SessionClaims>(&keys, data);
    claims::<RefreshClaims>(&keys, data);
    claims::<SeatClaims>(&keys, data);
}

/// Claims that a lying node may have sealed: they decode or do not, and open for one purpose only.
fn claims<T: Serialize + DeserializeOwned + PartialEq + Debug>(keys: &Keys, data: &[u8]) {
    let Ok(claims) = decoding(data.len(), || postcard::from_bytes::<T>(data)) else { return };
    if postcard::to_allocvec(&claims).map_or(true, |plain| plain.len() > 400) {
        return;
    }
    let mut rng = Rng::new([3; 32]);
    for purpose in PURPOSES {
        let sealed = keys.seal(purpose, &claims, &mut rng);
        for other in PURPOSES {
            let opened = keys.open::<T>(other, &sealed).ok();
            assert_eq!(opened.as_ref(), (other == purpose).then_some(&claims));
        }
        // Whoever sealed it, what has run out does not open.
        assert!(match keys.open_session(purpose, &sealed, Wall(u64::MAX)) {
            Ok(session) => session.expires.0 >= u64::MAX - WALL_LEEWAY_MS,
            Err(_) => true,
        });
    }
}
