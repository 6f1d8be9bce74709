//! Signing in with a refresh token, and signing out (PROTOCOL §5.1).
//!
//! The row holds the generation last used. That token stays good until the next one is first used;
//! anything older ends the sign-in. Each use writes the row: its revision says which of a device's
//! sessions is the newest.

use alloc::vec;

use super::Account;
use super::pending::{Asker, Cause, End, Signed, Stage, Work};
use super::rows::{self, EndpointRow};
use crate::error::{Code, Refusal};
use crate::limits::{TICKET_BYTES_MAX, WALL_LEEWAY_MS};
use crate::store::{Key, Reply, Request, Write};
use crate::ticket::{Purpose, RefreshClaims};
use crate::time::Timestamp;
use crate::wire::body::account as body;
use crate::wire::bounded::{Blob, Text};

impl Account {
    pub(super) fn on_resume(
        &mut self,
        cause: &Cause,
        refresh: &Blob<TICKET_BYTES_MAX>,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let claims = self.open_refresh(refresh)?;
        if self.setup.wall.at(now).0 > claims.expires.0.saturating_add(WALL_LEEWAY_MS) {
            return Err(Refusal::of(Code::SignInEnded));
        }
        let stage = Stage::Resuming { claims };
        self.read_device(cause.clone().with(stage));
        Ok(())
    }

    pub(super) fn on_sign_out(
        &mut self,
        cause: &Cause,
        refresh: &Blob<TICKET_BYTES_MAX>,
    ) -> Result<(), Refusal> {
        let claims = self.open_refresh(refresh)?;
        let stage = Stage::SigningOut { claims };
        self.read_device(cause.clone().with(stage));
        Ok(())
    }

    fn open_refresh(&self, refresh: &[u8]) -> Result<RefreshClaims, Refusal> {
        self.admit()?;
        let claims = self.setup.keys.open(Purpose::Refresh, refresh);
        let claims: RefreshClaims = claims.map_err(|_| Refusal::of(Code::BadTicket))?;
        self.is_here(&claims.name)?;
        Ok(claims)
    }

    /// Reads the device's row for a stage that waits for it.
    pub(super) fn read_device(&mut self, work: Work) {
        let (Stage::Resuming { claims } | Stage::SigningOut { claims }) = &work.stage else {
            unreachable!("the device is read for its stages")
        };
        let request = Request::Read(Key::endpoint(&claims.name, claims.endpoint));
        self.store(work, request);
    }

    pub(super) fn on_resuming(&mut self, cause: Cause, claims: RefreshClaims, reply: &Reply) {
        let found: Option<(EndpointRow, u64)> = super::read_row(reply);
        let Some((row, revision)) = found.filter(|(row, _)| row.user == claims.user) else {
            return self.on_ended(&cause, End::Stale);
        };
        let signed = Signed {
            name: Text::new(&*claims.name).expect("a sealed name is in its bound"),
            user: row.user,
            endpoint: claims.endpoint,
            number: row.number,
            generation: claims.generation + 1,
        };
        if !(row.generation..=row.generation + 1).contains(&claims.generation) {
            return self.delete(cause, claims, End::Stale, revision);
        }
        let key = Key::endpoint(&claims.name, claims.endpoint);
        let row = EndpointRow { generation: claims.generation, ..row };
        let write = Write {
            checks: self.checks(&claims.name, &key, Some(revision)),
            puts: vec![(key, rows::encode(&row))],
            ..Write::default()
        };
        self.write(cause.with(Stage::Using { claims, signed, write }));
    }

    pub(super) fn on_signing_out(&mut self, cause: Cause, claims: RefreshClaims, reply: &Reply) {
        let found: Option<(EndpointRow, u64)> = super::read_row(reply);
        match found {
            Some((_, revision)) => self.delete(cause, claims, End::SignedOut, revision),
            None => {
                self.on_ended(&cause, End::SignedOut);
            }
        }
    }

    fn delete(&mut self, cause: Cause, claims: RefreshClaims, end: End, revision: u64) {
        let key = Key::endpoint(&claims.name, claims.endpoint);
        let write = Write {
            checks: self.checks(&claims.name, &key, Some(revision)),
            deletes: vec![key],
            ..Write::default()
        };
        self.write(cause.with(Stage::Ending { claims, end, write }));
    }

    /// The row is gone.
    pub(super) fn on_ended(&mut self, cause: &Cause, end: End) {
        match (end, &cause.asker) {
            (End::SignedOut, Asker::Client { port, request }) => {
                let word = body::FromAccount::SignedOut(body::SignedOut {});
                self.answer(cause.flow, *port, *request, &word);
            }
            (End::SignedOut | End::Stale, _) => {
                self.refuse(cause, Refusal::of(Code::SignInEnded));
            }
        }
    }
}
