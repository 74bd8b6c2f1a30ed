// SPDX-License-Identifier: GPL-2.0

//! The caller's array of events, as a harvest fills it.

use super::{epitem::Epitem, ffi};
use kernel::{bindings, prelude::*};

/// How many events are collected before they are copied out together.
pub(crate) const BATCH: usize = 32;

/// An array of events in user space that fills up.
pub(crate) struct UserEvents {
    /// Where the next event goes.
    next: u64,
    /// For how many events there is room in all.
    room: u32,
    /// At most `room`.
    pub(crate) stored: u32,
}

impl UserEvents {
    /// `addr`: user address with room for `room` events, as `access_ok()` has confirmed.
    pub(crate) fn new(addr: u64, room: u32) -> Self {
        Self {
            next: addr,
            room,
            stored: 0,
        }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.stored == self.room
    }

    /// How many events may be collected before they have to be stored.
    pub(crate) fn batch(&self) -> usize {
        BATCH.min(self.room.wrapping_sub(self.stored) as usize)
    }

    /// Stores the events of `slots`, as many as can be written, none for a task that is being killed;
    /// tells how many. May sleep.
    pub(crate) fn put(&mut self, slots: &[Slot<'_>]) -> usize {
        // SAFETY: `slots` is valid for reads, and a slot what the callee takes it for; the user
        // address is checked by the callee.
        let stored =
            unsafe { ffi::repoll_put_events(self.next, slots.as_ptr().cast(), slots.len() as u32) };
        let size = size_of::<bindings::epoll_event>() as u64;
        self.next = self.next.wrapping_add(u64::from(stored).wrapping_mul(size));
        self.stored = self.stored.wrapping_add(stored);
        stored as usize
    }
}

/// An event that is about to be copied out, and its epitem. The same as `struct repoll_slot`.
#[repr(C)]
pub(crate) struct Slot<'a> {
    pub(crate) data: u64,
    pub(crate) events: u32,
    pub(crate) item: &'a Epitem,
}
