//! Memory per idle signed-in connection with ten contacts online.

use std::time::Duration;

use anyhow::Result;
use presently_core::id::Channel;
use presently_core::wire::body::link::{Ping, ToGate};

use crate::child::Child;
use crate::link::Transport;
use crate::load::Crowd;
use crate::person::ask;
use crate::report::{Report, Row};
use crate::sign_in::{Group, sign_in};
use crate::stage::{RING, Stage};

/// People who sign in between two rounds of pings.
const GROUP: usize = 1_000;
/// Beyond what presence is held back, and what allocators give back late.
const STILL: Duration = Duration::from_secs(1);
const KIB: f64 = 1_024.0;

/// Both figures.
pub(crate) async fn measure(stage: &Stage, report: &mut Report) -> Result<()> {
    let links = stage.idle_links();
    if links < stage.scale.idle {
        let wanted = stage.scale.idle;
        report
            .skip(format!("{wanted} idle connections: this machine lets one process have {links}"));
        return Ok(());
    }
    for (transport, measure, mark) in [
        (Transport::Tcp, "idle connection, TCP", 8.0),
        (Transport::WebSocket, "idle connection, WebSocket", 12.0),
    ] {
        let mut server = stage.people_server()?;
        let bytes = one_run(&mut server, transport, links).await?;
        Report::note(format!("{measure}: {bytes:.0} bytes each, {links} of them"));
        report.add(Row { measure, unit: "RSS KiB", figure: bytes / KIB, relay: None, mark });
    }
    Ok(())
}

/// Bytes per connection: what the server has grown by since it was ready for the first.
#[expect(clippy::cast_precision_loss, reason = "memory is below 2^52 bytes")]
async fn one_run(server: &mut Child, transport: Transport, links: usize) -> Result<f64> {
    let before = server.resident()?;
    let mut crowd = Crowd::default();
    for (from, number) in (0..links).step_by(GROUP).zip(1_000..) {
        let tokens = server.mint(RING, from, GROUP.min(links - from))?;
        sign_in(server.address(), Group { from, tokens, transport, at_once: 32 }, &mut crowd)
            .await?;
        let ping = ask!(Channel(0), number, ToGate::Ping(Ping {}));
        for voice in &crowd.voices {
            voice.say(&ping).await?;
        }
    }
    crowd.quiet(STILL).await;
    crowd.whole()?;
    let grown = server.resident()?.saturating_sub(before);
    Ok(grown as f64 / links as f64)
}
