// SPDX-License-Identifier: GPL-2.0

//! An instance, in the steps of the module's `eventpoll.rs`, `deliver.rs`, `ctl.rs`, `wait.rs` and
//! `wait_many.rs`: the same order of operations on the same lists.

use super::{
    epitem::{item_of, Epitem, File},
    events::Events,
    rdllist::Rdllist,
    ready::{self, Ovflist},
    wait_queue::WaitQueue,
};
use crate::{atomic::Ordering, sync::Mutex};
use std::sync::Arc;

/// What the instance's mutex guards.
pub(crate) struct Interest {
    set: Vec<Box<Epitem>>,
    rdllist: Rdllist,
    /// Under the model checker removed epitems are kept, so that a broken protocol comes across
    /// them and not across freed memory.
    removed: Vec<Box<Epitem>>,
}

// SAFETY: Cells in there are used under the mutex only.
unsafe impl Send for Interest {}

impl Interest {
    fn position(&self, fd: usize) -> usize {
        self.set
            .iter()
            .position(|item| item.fd == fd)
            .expect("registered")
    }
}

pub(crate) struct Eventpoll {
    interest: Mutex<Interest>,
    ovflist: Ovflist,
    wq: WaitQueue,
}

/// A delivered event: whose, and how much had happened to the file when it was polled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) fd: usize,
    pub(crate) happened: u32,
}

impl Eventpoll {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            interest: Mutex::new(Interest {
                set: Vec::new(),
                rdllist: Rdllist::new(),
                removed: Vec::new(),
            }),
            ovflist: Ovflist::new(),
            wq: WaitQueue::new(),
        })
    }

    /// `EPOLL_CTL_ADD`.
    pub(crate) fn add(self: &Arc<Self>, fd: usize, file: &Arc<File>, events: Events) {
        let mut interest = self.interest.lock().unwrap();
        interest.set.push(Epitem::new(fd, file, events));
        let item = interest.set.last().expect("just pushed");
        file.hook(item, self);
        if Self::poll_item(item).is_some() {
            self.post(&interest, item);
        }
    }

    /// `EPOLL_CTL_MOD`.
    pub(crate) fn modify(&self, fd: usize, events: Events) {
        let interest = self.interest.lock().unwrap();
        let item = &interest.set[interest.position(fd)];
        item.events.store(events);
        ready::event_happened();
        if Self::poll_item(item).is_some() {
            self.post(&interest, item);
        }
    }

    /// `EPOLL_CTL_DEL`.
    pub(crate) fn delete(&self, fd: usize) {
        let mut interest = self.interest.lock().unwrap();
        let position = interest.position(fd);
        let item = &interest.set[position];
        item.file.unhook();
        if item.is_queued() {
            self.drain(&interest);
        }
        interest.rdllist.remove(item);
        item.gone.store(true, Ordering::Relaxed);
        let item = interest.set.remove(position);
        if cfg!(feature = "loom") {
            interest.removed.push(item);
        }
        self.settle(&interest);
    }

    /// `epoll_wait()` without a timeout.
    pub(crate) fn wait(&self, maxevents: usize) -> Vec<Event> {
        let mut available = self.ovflist.available();
        loop {
            if available {
                let events = self.harvest(maxevents);
                if !events.is_empty() {
                    return events;
                }
            }
            self.wq.sleep_on(|| self.ovflist.available());
            available = true;
        }
    }

    /// `epoll_wait()` with a timeout of zero.
    pub(crate) fn wait_zero(&self, maxevents: usize) -> Vec<Event> {
        if self.ovflist.available() {
            self.harvest(maxevents)
        } else {
            Vec::new()
        }
    }

    /// A wakeup, by a hook's node.
    pub(crate) fn notify(&self, node: &ready::Node) {
        // SAFETY: The queue's lock is held. Pushed to its epitem's own instance only, and drained
        // before that is removed.
        let queued = unsafe { self.ovflist.push(node) };
        self.wake_waiter(queued);
    }

    fn wake_waiter(&self, news: bool) {
        if self.wq.is_active() {
            self.wq.wake_one(news);
        }
    }

    fn drain(&self, interest: &Interest) {
        let mut drained = Vec::new();
        let mut arrivals = interest.rdllist.arrivals();
        // SAFETY: The mutex is held; nodes are those of epitems of this set.
        unsafe {
            self.ovflist.drain(|node| {
                assert!(!drained.contains(&node), "twice on the ovflist");
                drained.push(node);
                let item = item_of(node).as_ref();
                item.assert_alive();
                arrivals.prepend(item);
            })
        };
        arrivals.append();
    }

    fn settle(&self, interest: &Interest) {
        self.ovflist.settle(!interest.rdllist.is_empty());
    }

    fn post(&self, interest: &Interest, item: &Epitem) {
        self.drain(interest);
        if interest.rdllist.push_back(item) {
            self.settle(interest);
            self.wake_waiter(true);
        }
    }

    /// How much has happened to the item's file, if that is something to its mask.
    fn poll_item(item: &Epitem) -> Option<u32> {
        let events = item.events.load();
        match item.file.happened() {
            0 => None,
            happened => events.intersects(Events::IN).then_some(happened),
        }
    }

    /// `REPOLL_IOC_WAIT_MANY` without a timeout, and with a delay that never ends.
    pub(crate) fn wait_many(&self, maxevents: usize, enough: usize) -> Vec<Event> {
        let this = self.wq.join();
        loop {
            match self.harvest_many(maxevents, enough, || self.wq.forget(&this)) {
                Ok(events) => {
                    self.wq.leave(&this);
                    return events;
                }
                Err(ready) => self.wq.collect(&this, enough - ready),
            }
        }
    }

    /// Events, or how many there are if they are not enough.
    fn harvest_many(
        &self,
        maxevents: usize,
        enough: usize,
        looking: impl FnOnce(),
    ) -> Result<Vec<Event>, usize> {
        let interest = self.interest.lock().unwrap();
        looking();
        self.drain(&interest);
        let ready = Self::count_ready(&interest, enough);
        if ready >= enough {
            return Ok(self.harvest_drained(&interest, maxevents));
        }
        self.settle(&interest);
        Err(ready)
    }

    fn count_ready(interest: &Interest, enough: usize) -> usize {
        let mut ready = 0;
        let mut next = interest.rdllist.front();
        while let Some(item) = next.filter(|_| ready < enough) {
            item.assert_alive();
            next = interest.rdllist.behind(item);
            if Self::poll_item(item).is_some() {
                ready += 1;
            } else {
                interest.rdllist.remove(item);
            }
        }
        ready
    }

    fn harvest(&self, maxevents: usize) -> Vec<Event> {
        let interest = self.interest.lock().unwrap();
        self.drain(&interest);
        self.harvest_drained(&interest, maxevents)
    }

    fn harvest_drained(&self, interest: &Interest, maxevents: usize) -> Vec<Event> {
        let delivered = self.scan(interest, maxevents);
        self.settle(interest);
        if !interest.rdllist.is_empty() {
            self.wake_waiter(true);
        }
        delivered
    }

    /// What is level-triggered stays in its place; in the end the list begins with what nobody has
    /// looked at.
    fn scan(&self, interest: &Interest, maxevents: usize) -> Vec<Event> {
        let rdllist = &interest.rdllist;
        let mut oneshot = Vec::new();
        let mut delivered = Vec::new();
        let mut next = rdllist.front();
        while let Some(item) = next {
            if delivered.len() == maxevents {
                rdllist.begin_with(item);
                break;
            }
            item.assert_alive();
            next = rdllist.behind(item);
            let events = item.events.load();
            let Some(happened) = Self::poll_item(item) else {
                rdllist.unlink(item);
                continue;
            };
            if events.intersects(Events::ONESHOT | Events::ET) {
                rdllist.unlink(item);
            }
            if events.intersects(Events::ONESHOT) {
                oneshot.push(item);
            }
            delivered.push(Event {
                fd: item.fd,
                happened,
            });
        }
        // The events have been stored.
        for item in oneshot {
            item.events.store(item.events.load().disarmed());
        }
        delivered
    }
}
