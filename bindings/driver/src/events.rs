//! Events on their way to the app: bounded, and never silently lost.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use async_channel::{Receiver, Sender};
use presently_core::client::Event;
use presently_core::limits::EVENTS_MAX;
use presently_core::sorted::SortedMap;

#[derive(Debug, Default)]
struct Queue {
    events: VecDeque<Event>,
    missed: u64,
    /// Messages in the hands of the app.
    handed: u64,
    /// Messages that the app is done with or that were dropped, not told yet.
    done: u64,
    ended: bool,
    /// Commands whose outcome somebody waits for, rather than for it to come as an event.
    waiters: SortedMap<u64, Sender<Event>>,
}

/// The number of the command that an event answers.
fn answers(event: &Event) -> Option<u64> {
    match event {
        Event::Acked { id, .. }
        | Event::Contacts { id, .. }
        | Event::History { id, .. }
        | Event::Done { id }
        | Event::Error { id, .. } => *id,
        Event::SignedIn { .. }
        | Event::Presence { .. }
        | Event::Invited { .. }
        | Event::Contact { .. }
        | Event::Message { .. }
        | Event::Typing { .. }
        | Event::Offline { .. }
        | Event::Lagged { .. } => None,
    }
}

/// 1 for a message.
fn messages(event: &Event) -> u64 {
    u64::from(matches!(event, Event::Message { .. }))
}

/// The queue between a driver and its app. Clones share it; each event goes to one of them.
#[derive(Clone, Debug)]
pub struct Events {
    queue: Arc<Mutex<Queue>>,
    rings: Receiver<()>,
}

/// The driver's end.
#[derive(Debug)]
pub(crate) struct EventsIn {
    queue: Arc<Mutex<Queue>>,
    ring: Sender<()>,
}

pub(crate) fn queue() -> (EventsIn, Events) {
    let queue = Arc::new(Mutex::new(Queue::default()));
    let (ring, rings) = async_channel::bounded(1);
    (EventsIn { queue: Arc::clone(&queue), ring }, Events { queue, rings })
}

impl EventsIn {
    pub(crate) fn push(&self, event: Event) {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(waiter) = answers(&event).and_then(|id| queue.waiters.remove(&id)) {
            // Who gave up waiting does not need it any more.
            waiter.try_send(event).ok();
            return;
        }
        if queue.events.len() >= EVENTS_MAX {
            // The oldest go: an app that lagged reads again, and the newest say most.
            let oldest = queue.events.pop_front();
            queue.missed += 1;
            queue.done += oldest.as_ref().map_or(0, messages);
        }
        queue.events.push_back(event);
        drop(queue);
        // A full channel already says that there is something.
        self.ring.try_send(()).ok();
    }
}

impl Drop for EventsIn {
    fn drop(&mut self) {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.ended = true;
        queue.waiters.clear();
    }
}

impl Events {
    /// Takes the outcome of a command out of the events, for who waits for it. Ended: no outcome comes.
    pub(crate) fn expect(&self, id: u64) -> Receiver<Event> {
        let (outcome, waits) = async_channel::bounded(1);
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        if !queue.ended {
            queue.waiters.insert(id, outcome);
        }
        waits
    }

    /// The app asks for more: messages that it is done with since the last time.
    pub(crate) fn done(&self) -> u64 {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut queue.handed) + std::mem::take(&mut queue.done)
    }

    /// They could not be told.
    pub(crate) fn put_back(&self, messages: u64) {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.done += messages;
    }

    /// Waits for events; at most `max` of them, at least one. Empty: the client has ended.
    ///
    /// After an overflow the first event is [`Event::Lagged`].
    pub async fn next_batch(&self, max: usize) -> Vec<Event> {
        loop {
            if let Some(batch) = self.take(max.max(1)) {
                return batch;
            }
            // An error says that the driver is gone: the next look finds the end.
            self.rings.recv().await.ok();
        }
    }

    /// What is there now, without waiting; `None`: nothing yet.
    fn take(&self, max: usize) -> Option<Vec<Event>> {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let missed = std::mem::take(&mut queue.missed);
        let lagged = (missed > 0).then_some(Event::Lagged { missed });
        let room = max - usize::from(lagged.is_some());
        let count = queue.events.len().min(room);
        let batch: Vec<_> = lagged.into_iter().chain(queue.events.drain(..count)).collect();
        queue.handed += batch.iter().map(messages).sum::<u64>();
        if batch.is_empty() && !queue.ended { None } else { Some(batch) }
    }
}
