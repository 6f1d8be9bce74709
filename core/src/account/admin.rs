//! The operator's door, and who has a name (R8: asking tells nothing).

use alloc::string::String;
use alloc::vec;

use super::pending::{Asker, Cause, Name, Stage};
use super::rows::{self, AccountRow};
use super::{Account, LATER_MS, Output};
use crate::edge::book_account::ToBook;
use crate::edge::{Post, To};
use crate::error::{Code, Refusal};
use crate::id::{Flow, UserId};
use crate::limits::{PASSWORD_BYTES_MAX, PHC_BYTES_MAX};
use crate::model::name::account_name;
use crate::operator::AdminSecret;
use crate::operator::{AdminReply, AdminRequest};
use crate::password::{HashReply, HashRequest};
use crate::redact::Pii;
use crate::store::{Key, Reply, Request, Write};

impl Account {
    pub(super) fn on_admin(&mut self, op: u64, request: AdminRequest) {
        let cause = Cause::new(Asker::Operator(op), Flow::default());
        let outcome = match request {
            AdminRequest::AddUser { name, secret } => self.on_add_user(&cause, &name, secret),
            AdminRequest::Befriend { a, b } => self.on_befriend(&cause, &a, &b),
            AdminRequest::MintSignIn { name, endpoint } => self.admit().and_then(|()| {
                let name = named(&name)?;
                self.read_account(cause.clone().with(Stage::Account { name, endpoint }));
                Ok(())
            }),
            // The hub answers these, or the placer.
            AdminRequest::Counts | AdminRequest::Move { .. } | AdminRequest::Places => {
                Err(Refusal::of(Code::Unsupported))
            }
        };
        if let Err(refusal) = outcome {
            self.refuse(&cause, refusal);
        }
    }

    fn on_add_user(
        &mut self,
        cause: &Cause,
        name: &str,
        secret: AdminSecret,
    ) -> Result<(), Refusal> {
        let name = named(name)?;
        self.admit()?;
        match secret {
            AdminSecret::Password(Pii(password)) => {
                if password.is_empty() || password.len() > PASSWORD_BYTES_MAX {
                    return Err(Refusal::of(Code::Invalid));
                }
                self.admit_hash()?;
                let work = cause.clone().with(Stage::Hashing { name });
                self.hash(work, HashRequest::Make { password: Pii(password) });
            }
            AdminSecret::Phc(phc) => {
                if phc.0.is_empty() || phc.0.len() > PHC_BYTES_MAX {
                    return Err(Refusal::of(Code::Invalid));
                }
                self.add(cause.clone(), name, phc);
            }
        }
        Ok(())
    }

    pub(super) fn on_made(&mut self, cause: Cause, name: Name, reply: HashReply) {
        match reply {
            HashReply::Made(phc) => self.add(cause, name, phc),
            HashReply::Verified(_) | HashReply::Failed => {
                self.refuse(&cause, Refusal::later(Code::Busy, LATER_MS));
            }
        }
    }

    fn add(&mut self, cause: Cause, name: Name, phc: Pii<String>) {
        let user = UserId(self.rng.bytes());
        let key = Key::account(name.as_str());
        let row = AccountRow { user, phc, endpoints_given: 0 };
        let write = Write {
            checks: self.checks(name.as_str(), &key, None),
            puts: vec![(key, rows::encode(&row))],
            ..Write::default()
        };
        self.write(cause.with(Stage::Adding { name, user, write }));
    }

    pub(super) fn on_added(&mut self, cause: Cause, name: &Name, user: UserId, reply: &Reply) {
        if let Reply::Written { .. } = reply {
            if let Asker::Operator(op) = cause.asker {
                self.reply(op, AdminReply::Added(user));
            }
            return;
        }
        // Either the name is taken, or the fence does not hold.
        self.store(cause.with(Stage::Taken { user }), Request::Read(Key::account(name.as_str())));
    }

    pub(super) fn on_taken(&mut self, cause: &Cause, user: UserId, reply: &Reply) {
        let code = match super::read_row::<AccountRow>(reply) {
            // A write of unknown outcome had come through.
            Some((row, _)) if row.user == user => {
                if let Asker::Operator(op) = cause.asker {
                    self.reply(op, AdminReply::Added(user));
                }
                return;
            }
            Some(_) => Code::NameTaken,
            None => Code::Retry,
        };
        self.refuse(cause, Refusal::of(code));
    }

    fn on_befriend(&mut self, cause: &Cause, a: &str, b: &str) -> Result<(), Refusal> {
        self.admit()?;
        let (a, b) = (named(a)?, named(b)?);
        if a == b {
            return Err(Refusal::of(Code::Yourself));
        }
        let request = Request::Read(Key::account(a.as_str()));
        self.store(cause.clone().with(Stage::Befriending { a, b, first: None }), request);
        Ok(())
    }

    pub(super) fn on_befriending(
        &mut self,
        cause: Cause,
        (a, b): (Name, Name),
        first: Option<UserId>,
        reply: &Reply,
    ) {
        let Some((row, _)) = super::read_row::<AccountRow>(reply) else {
            return self.refuse(&cause, Refusal::of(Code::Invalid));
        };
        let Some(first) = first else {
            let request = Request::Read(Key::account(b.as_str()));
            let stage = Stage::Befriending { a, b, first: Some(row.user) };
            return self.store(cause.with(stage), request);
        };
        let flow = Flow::default();
        for (user, peer, peer_name) in [(first, row.user, b), (row.user, first, a)] {
            let tell = ToBook::Befriend { user, peer, peer_name };
            self.out.push(Output::Tell(Post::home(flow, user, tell)));
        }
        if let Asker::Operator(op) = cause.asker {
            self.reply(op, AdminReply::Done);
        }
    }

    pub(super) fn on_find(&mut self, cause: Cause, name: &Name) {
        if self.admit().is_err() {
            return;
        }
        let name = account_name(name.as_str()).unwrap_or_else(|| name.clone());
        let request = Request::Read(Key::account(name.as_str()));
        self.store(cause.with(Stage::Finding { name }), request);
    }

    pub(super) fn on_finding(&mut self, cause: &Cause, name: &Name, reply: &Reply) {
        let Asker::Book { from, op } = &cause.asker else { return };
        // The same work for a name that somebody has.
        let phantom = self.setup.keys.phantom(name.as_str());
        let found = super::read_row::<AccountRow>(reply).map(|(row, _)| row.user);
        let tell = ToBook::Found { user: found.unwrap_or(phantom) };
        let post = Post { flow: cause.flow, to: To::Node(from.node), op: *op, tell: tell.into() };
        self.out.push(Output::Tell(post));
    }
}

fn named(name: &str) -> Result<Name, Refusal> {
    account_name(name).ok_or(Refusal::of(Code::Invalid))
}
