//! Signing in by password, or minted for the operator (PROTOCOL §4.2, §5.1).

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use bytes::Bytes;

use super::pending::{Asker, Cause, Name, Signed, Stage, Work};
use super::rows::{self, AccountRow, EndpointRow};
use super::{Account, LATER_MS, Output};
use crate::edge::Post;
use crate::edge::gate_service::{ToGate, Who};
use crate::error::{Code, Refusal};
use crate::id::{EndpointId, Shard};
use crate::limits::{REFRESH_MS, SCAN_ROWS_MAX, SIGN_INS_MAX, TICKET_MS};
use crate::model::name::account_name;
use crate::operator::AdminReply;
use crate::password::{HashReply, HashRequest};
use crate::redact::Pii;
use crate::store::{Check, Key, Part, Reply, Request, Row, Space, Write};
use crate::ticket::{Purpose, RefreshClaims, SessionClaims};
use crate::time::{Timestamp, Wall};
use crate::wire::body::account as body;
use crate::wire::body::link::Service;
use crate::wire::bounded::List;

impl Account {
    pub(super) fn on_sign_in(
        &mut self,
        cause: &Cause,
        sign_in: body::SignIn,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        // A name that cannot be one is read all the same: nobody has it.
        let name = account_name(sign_in.name.as_str()).unwrap_or(sign_in.name);
        self.is_here(name.as_str())?;
        self.admit_hash()?;
        if let Err(wait) = self.guard.attempt(name.as_str(), cause.origin, now) {
            self.hashes -= 1;
            let wait = u32::try_from(wait).unwrap_or(u32::MAX);
            return Err(Refusal::later(Code::TooFast, wait));
        }
        let request = Request::Read(Key::account(name.as_str()));
        let password = Pii(sign_in.password.into_string());
        let stage = Stage::Credentials { name, password, endpoint: sign_in.endpoint };
        self.store(cause.clone().with(stage), request);
        Ok(())
    }

    pub(super) fn on_credentials(
        &mut self,
        cause: Cause,
        (name, password, endpoint): (Name, Pii<String>, EndpointId),
        reply: &Reply,
    ) {
        let account: Option<(AccountRow, u64)> = super::read_row(reply);
        let phc = account.as_ref().map(|(row, _)| row.phc.clone());
        let stage = Stage::Verifying { name, endpoint, account };
        self.hash(cause.with(stage), HashRequest::Verify { password, phc });
    }

    pub(super) fn on_verified(
        &mut self,
        cause: Cause,
        (name, endpoint): (Name, EndpointId),
        account: Option<(AccountRow, u64)>,
        reply: &HashReply,
    ) {
        let refusal = match (reply, account) {
            (HashReply::Verified(true), Some(account)) => {
                self.guard.forgive(name.as_str(), cause.origin);
                return self.on_account(cause, (name, endpoint), Some(account));
            }
            (HashReply::Failed | HashReply::Made(_), _) => {
                self.guard.forgive(name.as_str(), cause.origin);
                Refusal::later(Code::Busy, LATER_MS)
            }
            (HashReply::Verified(_), _) => Refusal::of(Code::NotSignedIn),
        };
        self.refuse(&cause, refusal);
    }

    /// Reads the account's row for a stage that waits for it.
    pub(super) fn read_account(&mut self, work: Work) {
        let Stage::Account { name, .. } = &work.stage else {
            unreachable!("the account is read for its stage")
        };
        let request = Request::Read(Key::account(name.as_str()));
        self.store(work, request);
    }

    pub(super) fn on_account(
        &mut self,
        cause: Cause,
        (name, endpoint): (Name, EndpointId),
        account: Option<(AccountRow, u64)>,
    ) {
        let Some((account, revision)) = account else {
            return self.refuse(&cause, Refusal::of(Code::NotSignedIn));
        };
        let request = Request::Scan {
            space: Space::Endpoint,
            prefix: vec![Part::Text(name.as_str().into())],
            after: None,
            limit: u32::try_from(SCAN_ROWS_MAX).expect("500"),
        };
        self.store(cause.with(Stage::Devices { name, endpoint, account, revision }), request);
    }

    pub(super) fn on_devices(
        &mut self,
        cause: Cause,
        (name, endpoint): (Name, EndpointId),
        (account, revision): (AccountRow, u64),
        reply: Reply,
    ) {
        let Reply::Page { rows, .. } = reply else {
            return self.refuse(&cause, Refusal::later(Code::StoreFailed, LATER_MS));
        };
        let key = Key::endpoint(name.as_str(), endpoint);
        let own = rows.iter().find(|row| row.key == key);
        let old = own.and_then(|row| rows::decode::<EndpointRow>(&row.value));
        let checked = own.map(|row| row.revision);
        let number = old.map_or(account.endpoints_given + 1, |row| row.number);
        // The token handed out last and not yet used must not come after the row either, nor any of a
        // sign-in that has ended: its number was lower.
        let first = u64::from(number) * GENERATIONS;
        let generation = old.map_or(first, |row| row.generation + 2);
        let row = EndpointRow { generation, number, user: account.user };
        let user = account.user;
        let mut write = Write {
            checks: self.checks(name.as_str(), &key, checked),
            puts: vec![(key, rows::encode(&row))],
            deletes: if own.is_none() { oldest(&rows) } else { Vec::new() },
            entries: Vec::new(),
        };
        if old.is_none() {
            let account = AccountRow { endpoints_given: number, ..account };
            let key = Key::account(name.as_str());
            write.checks.push(Check { key: key.clone(), revision: Some(revision) });
            write.puts.push((key, rows::encode(&account)));
        }
        let signed = Signed { name, user, endpoint, number, generation: generation + 1 };
        self.write(cause.with(Stage::SigningIn { signed, write }));
    }

    /// The sign-in stands, its row being written as of a revision: its token, and to a client its
    /// tickets.
    pub(super) fn on_signed_in(
        &mut self,
        cause: &Cause,
        signed: &Signed,
        revision: u64,
        now: Timestamp,
    ) {
        let wall = self.setup.wall.at(now);
        let refresh = RefreshClaims {
            name: signed.name.as_str().into(),
            user: signed.user,
            endpoint: signed.endpoint,
            generation: signed.generation,
            expires: Wall(wall.0.saturating_add(REFRESH_MS)),
        };
        let refresh = self.setup.keys.seal(Purpose::Refresh, &refresh, &mut self.rng);
        let (port, request) = match cause.asker {
            Asker::Client { port, request } => (port, request),
            Asker::Operator(op) => {
                let bytes: Bytes = refresh.bytes();
                return self.reply(op, AdminReply::SignIn(bytes));
            }
            Asker::Book { .. } => return,
        };
        let who = Who { name: Box::from(signed.name.as_str()), number: signed.number };
        let grants = self.grants(signed, &who, revision, wall);
        let known = ToGate::SignedIn { port, who };
        self.out.push(Output::Tell(Post::node(cause.flow, port.node, known)));
        let word = body::FromAccount::SignedIn(body::SignedIn {
            user: signed.user,
            name: signed.name.clone(),
            endpoint: signed.endpoint,
            refresh,
            grants,
        });
        self.answer(cause.flow, port, request, &word);
    }

    fn grants(
        &mut self,
        signed: &Signed,
        who: &Who,
        sign_in: u64,
        wall: Wall,
    ) -> List<body::Grant, 8> {
        let expires = Wall(wall.0.saturating_add(TICKET_MS));
        let claims = SessionClaims {
            user: signed.user,
            endpoint: signed.endpoint,
            who: who.clone(),
            sign_in,
            expires,
        };
        let home = Shard::of_user(signed.user);
        let services = [
            (Service::BOOK, Purpose::Book, home),
            (Service::INBOX, Purpose::Inbox, home),
            (Service::CS, Purpose::Cs, Shard(0)),
        ];
        let grants = services.into_iter().map(|(service, purpose, shard)| {
            let ticket = self.setup.keys.seal(purpose, &claims, &mut self.rng);
            body::Grant { service, node: None, shard, ticket, expires }
        });
        List::new(grants.collect()).expect("three grants")
    }
}

/// Generations that a sign-in counts before those of the next number begin: more than thirty days have.
const GENERATIONS: u64 = 1 << 28;

/// The sign-ins that give way to a new device: those of the lowest numbers.
fn oldest(rows: &[Row]) -> Vec<Key> {
    let excess = (rows.len() + 1).saturating_sub(SIGN_INS_MAX);
    let number = |row: &&Row| rows::decode::<EndpointRow>(&row.value).map(|row| row.number);
    let mut by_number: Vec<&Row> = rows.iter().collect();
    by_number.sort_by_key(number);
    by_number.into_iter().take(excess).map(|row| row.key.clone()).collect()
}
