//! Pure values and how they merge: used by client and servers alike.

pub mod contact;
pub mod conversation;
pub mod entry;
pub mod name;
pub mod presence;
