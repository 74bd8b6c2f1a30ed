// SPDX-License-Identifier: GPL-2.0

//! The harvest: from the ready list to the caller's array of events.

use super::{
    epitem::{Epitem, ForeignReady},
    eventpoll::Eventpoll,
    events::Events,
    ffi,
    file::TargetKind,
    foreign,
    interest::Interest,
};
use core::ptr;
use kernel::{bindings, prelude::*};

/// How many events are collected before they are copied out together.
const BATCH: usize = 16;

/// An array of events in user space that fills up.
pub(crate) struct UserEvents {
    addr: u64,
    room: usize,
    stored: usize,
}

impl UserEvents {
    /// `addr`: user address with room for `room` events.
    pub(crate) fn new(addr: u64, room: usize) -> Self {
        Self {
            addr,
            room,
            stored: 0,
        }
    }

    fn room_left(&self) -> usize {
        self.room.saturating_sub(self.stored)
    }

    /// Stores `events`, as many as can be written; tells how many. May sleep.
    fn put(&mut self, events: &[bindings::epoll_event]) -> usize {
        let addr = self.stored.wrapping_mul(size_of::<bindings::epoll_event>()) as u64;
        // SAFETY: `events` is valid for reads; the user address is checked by the callee.
        let stored = unsafe {
            ffi::repoll_put_events(
                self.addr.wrapping_add(addr),
                events.as_ptr(),
                events.len() as u32,
            )
        } as usize;
        self.stored = self.stored.saturating_add(stored);
        stored
    }
}

/// Epitems off the ready list whose events are about to be copied out.
///
/// # Invariants
///
/// The first `len` entries of `items` are valid for `'a`.
struct Batch<'a> {
    items: [Option<&'a Epitem>; BATCH],
    events: [bindings::epoll_event; BATCH],
    len: usize,
}

impl<'a> Batch<'a> {
    fn new() -> Self {
        Self {
            items: [None; BATCH],
            events: [bindings::epoll_event { events: 0, data: 0 }; BATCH],
            len: 0,
        }
    }

    fn push(&mut self, item: &'a Epitem, events: Events) {
        if let (Some(slot), Some(event)) =
            (self.items.get_mut(self.len), self.events.get_mut(self.len))
        {
            *slot = Some(item);
            *event = bindings::epoll_event {
                events: events.bits(),
                data: item.data.get(),
            };
            self.len = self.len.wrapping_add(1);
        }
    }

    /// Copies the batch out and gives each epitem the state that follows from it. Returns false on
    /// a fault, with what could not be stored back at the front of the ready list, in order: no
    /// edge and no one-shot is lost.
    fn deliver(mut self, interest: &Interest, out: &mut UserEvents) -> bool {
        let (events, _) = self.events.split_at(self.len.min(BATCH));
        let stored = out.put(events);
        let (done, rest) = self.items.split_at_mut(stored.min(BATCH));
        for item in done.iter().flatten() {
            let events = item.events.load();
            if events.intersects(Events::ONESHOT) {
                item.events.store(events.disarmed());
            } else if !events.intersects(Events::ET) {
                // Level: the next harvest asks the file again.
                interest.rdllist.push_back(item);
                item.ws.stay_awake();
            }
        }
        for item in rest.iter().flatten().rev() {
            interest.rdllist.push_front(item);
            item.ws.stay_awake();
        }
        stored == self.len
    }
}

impl Eventpoll {
    /// Delivers what is ready to the caller's array. May sleep.
    ///
    /// Returns how many events were stored, possibly 0: that an epitem is on the ready list is a
    /// rumour, only its file knows. `EINTR` at once when a fatal signal is pending, so that a
    /// thread can be killed however many events there are; `EFAULT` when not even the first event
    /// could be stored.
    pub(crate) fn harvest(&self, events: u64, maxevents: usize) -> Result<usize> {
        let mut out = UserEvents::new(events, maxevents);
        loop {
            // SAFETY: No requirements.
            if unsafe { ffi::repoll_fatal_signal_pending() } {
                return Err(EINTR);
            }
            if self.has_foreign() {
                foreign::refresh(self, 0);
            }
            let interest = self.interest.lock();
            self.drain(&interest);
            let (fault, unknown) = self.scan(&interest, &mut out);
            self.finish_scan(&interest);
            if out.stored == 0 && fault {
                return Err(EFAULT);
            }
            // A foreign instance that turned ready since its refresh must not make this a zero.
            if out.stored > 0 || !unknown {
                return Ok(out.stored);
            }
        }
    }

    /// Looks once at each epitem that is on the ready list now, until `out` is full. Tells whether
    /// a copy faulted, and whether a foreign instance was left for another refresh.
    fn scan(&self, interest: &Interest, out: &mut UserEvents) -> (bool, bool) {
        let Some(last) = interest.rdllist.back() else {
            return (false, false);
        };
        let mut unknown = false;
        let mut more = true;
        while more && out.room_left() > 0 {
            let mut batch = Batch::new();
            while more && batch.len < BATCH.min(out.room_left()) {
                let Some(item) = interest.rdllist.front() else {
                    break;
                };
                more = !ptr::eq(item, last);
                // The instance's wakeup source takes over before the epitem's own relaxes, lest the
                // system fall asleep in between.
                if item.ws.is_some() {
                    if item.ws.is_active() {
                        interest.ws.stay_awake();
                    }
                    item.ws.relax();
                }
                interest.rdllist.remove(item);
                if item.kind == TargetKind::Foreign && item.foreign.get() == ForeignReady::Unknown {
                    interest.rdllist.push_back(item);
                    unknown = true;
                    continue;
                }
                let ready = self.poll_item(item, 1);
                if !ready.is_empty() {
                    batch.push(item, ready);
                }
            }
            if batch.len > 0 && !batch.deliver(interest, out) {
                return (true, unknown);
            }
        }
        (false, unknown)
    }
}
