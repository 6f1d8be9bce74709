//! The load on pairs and rings, the same for the server and for the relay.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use futures_util::future::try_join_all;
use presently_core::wire::frame::Frame;

use crate::link::{Link, Voice};

/// Longest wait for a run to come to its end.
const RUN_TIMEOUT: Duration = Duration::from_secs(120);
/// Longest wait for the last notifications of a run.
const LAST_TIMEOUT: Duration = Duration::from_secs(5);

/// What one who speaks says, and how it hears that it was taken.
pub(crate) trait Script {
    /// The next frame to send.
    fn next(&mut self) -> Bytes;
    /// Whether this is an ack for one of them.
    ///
    /// # Errors
    /// Where it is a refusal.
    fn is_ack(&self, frame: &Frame) -> Result<bool>;
    /// Whether this is one that was passed on.
    fn is_passed_on(&self, frame: &Frame) -> bool;
}

/// Two links, one of which speaks.
#[derive(Debug)]
pub(crate) struct Pair<S> {
    pub(crate) speaker: Link,
    pub(crate) hearer: Link,
    pub(crate) script: S,
}

impl<S: Script> Pair<S> {
    /// Sends `count` with at most `window` unacked; done when all are acked and heard.
    async fn talk(&mut self, count: u64, window: u64) -> Result<()> {
        let Self { speaker, hearer, script } = self;
        let heard = Cell::new(0);
        let script = std::cell::RefCell::new(script);
        let speak = async {
            let (mut sent, mut acked) = (0, 0);
            let mut bytes = Vec::new();
            while acked < count {
                while sent < count && sent - acked < window {
                    bytes.extend_from_slice(&script.borrow_mut().next());
                    sent += 1;
                }
                if !bytes.is_empty() {
                    speaker.say(&bytes).await?;
                    bytes.clear();
                }
                let mut frame = Some(speaker.frame().await?);
                while let Some(here) = frame {
                    acked += u64::from(script.borrow().is_ack(&here)?);
                    frame = speaker.ready_frame()?;
                }
            }
            Ok(())
        };
        let hear = async {
            while heard.get() < count {
                let frame = hearer.frame().await?;
                heard.set(heard.get() + u64::from(script.borrow().is_passed_on(&frame)));
            }
            Ok::<_, anyhow::Error>(())
        };
        futures_util::future::try_join(speak, hear).await?;
        Ok(())
    }
}

/// All pairs at once, each `count` messages with `window` outstanding; how long it took.
pub(crate) async fn talk_all<S: Script>(
    pairs: &mut [Pair<S>],
    count: u64,
    window: u64,
) -> Result<Duration> {
    let began = Instant::now();
    let talks = try_join_all(pairs.iter_mut().map(|pair| pair.talk(count, window)));
    tokio::time::timeout(RUN_TIMEOUT, talks).await.context("a run did not end")??;
    Ok(began.elapsed())
}

/// Links that are read for ever, and what they heard that counts.
#[derive(Debug, Default)]
pub(crate) struct Crowd {
    pub(crate) voices: Vec<Voice>,
    heard: Rc<Cell<u64>>,
    lost: Rc<Cell<u64>>,
    readers: Vec<tokio::task::JoinHandle<()>>,
}

impl Crowd {
    /// Takes a link in.
    pub(crate) fn add(&mut self, mut link: Link, counts: impl Fn(&Frame) -> bool + 'static) {
        self.voices.push(link.voice().clone());
        let (heard, lost) = (Rc::clone(&self.heard), Rc::clone(&self.lost));
        self.readers.push(tokio::task::spawn_local(async move {
            while let Ok(frame) = link.frame().await {
                heard.set(heard.get() + u64::from(counts(&frame)));
            }
            lost.set(lost.get() + 1);
        }));
    }

    /// How much was heard that counts.
    pub(crate) fn heard(&self) -> u64 {
        self.heard.get()
    }

    /// Fails where a link has ended.
    pub(crate) fn whole(&self) -> Result<()> {
        ensure!(self.lost.get() == 0, "{} links ended by themselves", self.lost.get());
        Ok(())
    }

    /// Waits until nothing was heard for a while.
    pub(crate) async fn quiet(&self, still: Duration) {
        let mut heard = self.heard();
        loop {
            tokio::time::sleep(still).await;
            if self.heard() == heard {
                return;
            }
            heard = self.heard();
        }
    }

    /// Everybody says something in turn, spread evenly; then waits for `each` notifications of every
    /// one. How many came.
    pub(crate) async fn take_turns(
        &self,
        rounds: u32,
        per_second: u64,
        each: u64,
        say: impl Fn(u32) -> Bytes,
    ) -> Result<u64> {
        let before = self.heard();
        let mut turns = (0..rounds).flat_map(|round| self.voices.iter().map(move |v| (round, v)));
        let mut said = 0;
        let began = Instant::now();
        let mut tick = tokio::time::interval(Duration::from_millis(1));
        'turns: loop {
            tick.tick().await;
            let micros = u64::try_from(began.elapsed().as_micros())?;
            while said < micros * per_second / 1_000_000 {
                let Some((round, voice)) = turns.next() else { break 'turns };
                voice.say(&say(round)).await?;
                said += 1;
            }
        }
        let last = Instant::now();
        while self.heard() - before < said * each && last.elapsed() < LAST_TIMEOUT {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        self.whole()?;
        Ok(self.heard() - before)
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        for reader in &self.readers {
            reader.abort();
        }
    }
}
