// SPDX-License-Identifier: GPL-2.0

//! The harvest: from the ready list to the caller's array of events.

use super::{
    epitem::ForeignReady, eventpoll::Eventpoll, events::Events, ffi, file::TargetKind, foreign,
    interest::Interest,
};
use core::ptr;
use kernel::{bindings, prelude::*};

/// An array of events in user space that fills up.
struct UserEvents {
    /// Where the next event goes.
    next: u64,
    room: u32,
    stored: u32,
}

impl UserEvents {
    /// `addr`: user address with room for `room` events, as `access_ok()` has confirmed.
    fn new(addr: u64, room: u32) -> Self {
        Self {
            next: addr,
            room,
            stored: 0,
        }
    }

    fn is_full(&self) -> bool {
        self.stored >= self.room
    }

    /// Stores one event; tells whether that was possible. May sleep.
    fn put(&mut self, events: Events, data: u64) -> bool {
        // SAFETY: The user address is checked by the callee.
        let stored = unsafe { ffi::repoll_put_event(self.next, events.bits(), data) };
        if stored {
            self.next = self
                .next
                .wrapping_add(size_of::<bindings::epoll_event>() as u64);
            self.stored = self.stored.wrapping_add(1);
        }
        stored
    }
}

impl Eventpoll {
    /// Delivers what is ready to the caller's array. May sleep.
    ///
    /// Returns how many events were stored, possibly 0: that an epitem is on the ready list is a
    /// rumour, only its file knows. `EINTR` at once when a fatal signal is pending, so that a
    /// thread can be killed however many events there are; `EFAULT` when not even the first event
    /// could be stored.
    pub(crate) fn harvest(&self, events: u64, maxevents: u32) -> Result<u32> {
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
    /// a store faulted, and whether a foreign instance was left for another refresh.
    ///
    /// What stays on the list stays in its place. In the end the list begins with what was not
    /// delivered: next time it is the turn of that. An event that could not be stored is as if
    /// nobody had looked: no edge and no one-shot is lost.
    fn scan(&self, interest: &Interest, out: &mut UserEvents) -> (bool, bool) {
        let rdllist = &interest.rdllist;
        let (mut next, last) = (rdllist.front(), rdllist.back());
        let mut unknown = false;
        while let Some(item) = next {
            if out.is_full() {
                rdllist.begin_with(item);
                break;
            }
            next = match last {
                Some(last) if ptr::eq(item, last) => None,
                _ => rdllist.behind(item),
            };
            // The instance's wakeup source takes over before the epitem's own relaxes, lest the
            // system fall asleep in between.
            if item.ws.is_some() {
                if item.ws.is_active() {
                    interest.ws.stay_awake();
                }
                item.ws.relax();
            }
            if item.kind == TargetKind::Foreign && item.foreign.get() == ForeignReady::Unknown {
                unknown = true;
                continue;
            }
            let ready = self.poll_item(item, 1);
            if ready.is_empty() {
                rdllist.remove(item);
                continue;
            }
            if !out.put(ready, item.data.get()) {
                rdllist.begin_with(item);
                item.ws.stay_awake();
                return (true, unknown);
            }
            let events = item.events.load();
            if !events.intersects(Events::ONESHOT | Events::ET) {
                // Level: the next harvest asks the file again.
                item.ws.stay_awake();
                continue;
            }
            rdllist.remove(item);
            if events.intersects(Events::ONESHOT) {
                item.events.store(events.disarmed());
            }
        }
        (false, unknown)
    }
}
