// SPDX-License-Identifier: GPL-2.0

//! The caller's array of events, as a harvest fills it.

use super::{epitem::Epitem, ffi, interest::Interest};
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
    /// It is one of `struct repoll_event`.
    generations: bool,
}

impl UserEvents {
    /// `addr`: user address with room for `room` events, as `access_ok()` has confirmed; with
    /// `generations`, of the kind that has these.
    pub(crate) fn new(addr: u64, room: u32, generations: bool) -> Self {
        Self {
            next: addr,
            room,
            stored: 0,
            generations,
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
        self.advance(stored, size_of::<bindings::epoll_event>())
    }

    /// [`Self::put`], with `SPECIAL` for an array of either kind. May sleep.
    #[inline(always)]
    pub(crate) fn put_for<const SPECIAL: bool>(
        &mut self,
        slots: &[Slot<'_>],
        interest: &Interest,
    ) -> usize {
        if SPECIAL && self.generations {
            return self.put_generations(slots, interest);
        }
        self.put(slots)
    }

    #[cold]
    fn put_generations(&mut self, slots: &[Slot<'_>], interest: &Interest) -> usize {
        let mut batch = [UserEvent::NONE; BATCH];
        let mut len: u32 = 0;
        for (event, slot) in batch.iter_mut().zip(slots) {
            *event = UserEvent {
                events: slot.events,
                generation: interest
                    .generation_of(slot.item)
                    .map_or(0, |generation| generation.number),
                data: slot.data,
            };
            len = len.wrapping_add(1);
        }
        // SAFETY: `len` events are valid for reads; the user address is checked by the callee.
        let stored = unsafe { ffi::repoll_put_generations(self.next, batch.as_ptr().cast(), len) };
        self.advance(stored, size_of::<UserEvent>())
    }

    #[inline]
    fn advance(&mut self, stored: u32, size: usize) -> usize {
        let len = u64::from(stored).wrapping_mul(size as u64);
        self.next = self.next.wrapping_add(len);
        self.stored = self.stored.wrapping_add(stored);
        stored as usize
    }
}

/// `struct repoll_event`.
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct UserEvent {
    events: u32,
    generation: u32,
    data: u64,
}

impl UserEvent {
    const NONE: Self = Self {
        events: 0,
        generation: 0,
        data: 0,
    };
}

/// An event that is about to be copied out, and its epitem. The same as `struct repoll_slot`.
#[repr(C)]
pub(crate) struct Slot<'a> {
    pub(crate) data: u64,
    pub(crate) events: u32,
    pub(crate) item: &'a Epitem,
}
