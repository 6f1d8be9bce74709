//! The measured server: the library with one node and a data directory, and the operator's door for
//! whoever started it.

use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use futures_util::stream::{self, StreamExt, TryStreamExt};
use presently_core::error::Code;
use presently_core::hub::{AdminReply, AdminRequest, AdminSecret};
use presently_core::id::EndpointId;
use presently_core::redact::Pii;
use presently_server::{Admin, Config, Server, prepared_hash};

use crate::child::{Answer, Ask, Used, answer_all, cpu_ns};

/// Requests to the operator's door under way at once.
const WINDOW: usize = 64;
/// Wait before a request that found the door too busy is made again.
const AGAIN: std::time::Duration = std::time::Duration::from_millis(20);

struct Operator {
    runtime: tokio::runtime::Runtime,
    admin: Admin,
    /// Numbers the devices that were minted, so that none is given twice.
    devices: u64,
}

/// The server process: `DIRECTORY`.
///
/// # Errors
/// Where the server does not start, or the lines of whoever started it end badly.
pub fn main(args: &[String]) -> Result<ExitCode> {
    super::machine::raise_descriptors();
    let data = args.first().context("a data directory")?.into();
    let server = Server::start(Config::local(data))?;
    let counts = server.counts();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut operator = Operator { runtime, admin: server.admin(), devices: seed() };
    answer_all(server.listen(), |ask| {
        if ask == Ask::Used {
            return Answer::Used(Used { cpu_ns: cpu_ns(), commits: counts.commits() });
        }
        operator.carry_out(&ask).unwrap_or_else(|error| Answer::Failed(format!("{error:#}")))
    })?;
    server.shutdown();
    Ok(ExitCode::SUCCESS)
}

/// Devices of another life of this directory's server have other numbers.
fn seed() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs()) << 32
}

fn name(prefix: &str, number: usize) -> String {
    format!("{prefix}{number}")
}

impl Operator {
    fn carry_out(&mut self, ask: &Ask) -> Result<Answer> {
        match ask {
            Ask::Users { prefix, count } => {
                let phc = prepared_hash("the same for everybody").context("no hash")?;
                let secret = AdminSecret::Phc(Pii(phc));
                self.all((0..*count).map(|number| {
                    let secret = secret.clone();
                    AdminRequest::AddUser { name: name(prefix, number), secret }
                }))?;
            }
            Ask::Ring { prefix, count, each } => {
                let pairs =
                    (0..*count).flat_map(|a| (1..=*each).map(move |b| (a, (a + b) % count)));
                self.befriend(prefix, pairs)?;
            }
            Ask::Pairs { prefix, count } => {
                self.befriend(prefix, (0..*count).step_by(2).map(|a| (a, a + 1)))?;
            }
            Ask::Mint { prefix, from, count } => return self.mint(prefix, *from, *count),
            Ask::Used => bail!("answered before"),
        }
        Ok(Answer::Done)
    }

    fn befriend(&self, prefix: &str, pairs: impl Iterator<Item = (usize, usize)>) -> Result<()> {
        let named = |number| name(prefix, number);
        self.all(pairs.map(|(a, b)| AdminRequest::Befriend { a: named(a), b: named(b) }))?;
        Ok(())
    }

    fn mint(&mut self, prefix: &str, from: usize, count: usize) -> Result<Answer> {
        let first = self.devices;
        self.devices += u64::try_from(count)?;
        let replies = self.all((from..from + count).zip(first..).map(|(number, device)| {
            let mut endpoint = [0; 16];
            endpoint.iter_mut().zip(device.to_be_bytes()).for_each(|(to, byte)| *to = byte);
            AdminRequest::MintSignIn { name: name(prefix, number), endpoint: EndpointId(endpoint) }
        }))?;
        let tokens = replies.into_iter().map(|reply| {
            let AdminReply::SignIn(token) = reply else {
                bail!("asked for a sign-in, the server said {reply:?}");
            };
            Ok(token.to_vec())
        });
        Ok(Answer::Minted(tokens.collect::<Result<_>>()?))
    }

    /// Makes requests, some at once; answers in their order.
    fn all(&self, requests: impl Iterator<Item = AdminRequest>) -> Result<Vec<AdminReply>> {
        let asked = requests.map(|request| ask(&self.admin, request));
        self.runtime.block_on(stream::iter(asked).buffered(WINDOW).try_collect())
    }
}

async fn ask(admin: &Admin, request: AdminRequest) -> Result<AdminReply> {
    loop {
        match admin.ask(request.clone()).await {
            None | Some(AdminReply::Refused(Code::Busy | Code::Retry)) => {
                tokio::time::sleep(AGAIN).await;
            }
            Some(AdminReply::Refused(code)) => bail!("{request:?} was refused: {code}"),
            Some(reply) => return Ok(reply),
        }
    }
}
