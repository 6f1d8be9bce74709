//! Argon2id on threads of its own, as many as there are cores.

use std::sync::{Arc, Mutex, PoisonError, mpsc};

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use presently_core::hub::{HashReply, HashRequest};
use presently_core::redact::Pii;

type Done = Box<dyn FnOnce(HashReply) + Send>;

/// The way to the pool. What waits is bounded by the nodes: each has a bound on what it asks.
#[derive(Clone)]
pub(crate) struct Hashing {
    jobs: mpsc::Sender<(HashRequest, Done)>,
}

impl Hashing {
    /// Threads end when the last clone is gone.
    pub(crate) fn start() -> std::io::Result<Self> {
        let (jobs, taken) = mpsc::channel::<(HashRequest, Done)>();
        let taken = Arc::new(Mutex::new(taken));
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        for number in 0..cores {
            let taken = Arc::clone(&taken);
            std::thread::Builder::new().name(format!("hash/{number}")).spawn(move || {
                loop {
                    let job = taken.lock().unwrap_or_else(PoisonError::into_inner).recv();
                    let Ok((request, done)) = job else { return };
                    done(answer(&request));
                }
            })?;
        }
        Ok(Self { jobs })
    }

    /// `done` is called once, on a thread of the pool.
    pub(crate) fn ask(&self, request: HashRequest, done: impl FnOnce(HashReply) + Send + 'static) {
        if let Err(mpsc::SendError((_, done))) = self.jobs.send((request, Box::new(done))) {
            done(HashReply::Failed);
        }
    }
}

/// Does the work at once.
fn answer(request: &HashRequest) -> HashReply {
    match request {
        HashRequest::Make { password } => {
            let made: Result<PasswordHash, _> =
                Argon2::default().hash_password(password.0.as_bytes());
            made.map_or(HashReply::Failed, |hash| HashReply::Made(Pii(hash.to_string())))
        }
        HashRequest::Verify { password, phc: Some(phc) } => match PasswordHash::new(&phc.0) {
            Ok(hash) => {
                let fits = Argon2::default().verify_password(password.0.as_bytes(), &hash);
                HashReply::Verified(fits.is_ok())
            }
            Err(_) => HashReply::Failed,
        },
        HashRequest::Verify { password, phc: None } => {
            // The same work as for a name that exists.
            let work: Result<PasswordHash, _> =
                Argon2::default().hash_password(password.0.as_bytes());
            std::hint::black_box(work.is_ok());
            HashReply::Verified(false)
        }
    }
}

/// A PHC string for a password: for many accounts made with one prepared hash.
#[must_use]
pub fn prepared_hash(password: &str) -> Option<String> {
    match answer(&HashRequest::Make { password: Pii(password.to_owned()) }) {
        HashReply::Made(Pii(phc)) => Some(phc),
        HashReply::Verified(_) | HashReply::Failed => None,
    }
}
