// SPDX-License-Identifier: GPL-2.0

//! Where epitems come from and go to: the slab cache, one by one, or for a chunk of a batch all at
//! once, which takes a fraction of the work.

use super::{
    add::Registration,
    epitem::{Epitem, EpitemBox, CACHE},
    eventpoll::Eventpoll,
    events::Events,
    ops::CHUNK,
    quota::WatchCharge,
};
use core::{mem::MaybeUninit, ptr::NonNull, sync::atomic::Ordering};
use kernel::{bindings, ffi::c_void, prelude::*};

/// Makes and ends the registrations of one instance.
pub(crate) trait Items {
    /// An epitem for `new` whose mask is `events` for now. `ENOMEM`, `ENOSPC`. May sleep.
    fn make(&mut self, ep: &Eventpoll, new: &Registration<'_>, events: Events)
        -> Result<EpitemBox>;

    /// To be told of each epitem that has left the set. May sleep.
    fn end(&mut self, item: EpitemBox);
}

/// One by one.
pub(crate) struct OneByOne;

impl Items for OneByOne {
    #[inline(always)]
    fn make(
        &mut self,
        ep: &Eventpoll,
        new: &Registration<'_>,
        events: Events,
    ) -> Result<EpitemBox> {
        EpitemBox::new(ep, new, events)
    }

    #[inline(always)]
    fn end(&mut self, item: EpitemBox) {
        drop(item);
    }
}

/// Memory of epitems, and the charges for them: what is there for as many ADDs as there may be, and
/// what DELs have left.
///
/// # Invariants
///
/// The first `len` of `memory` are uninitialised objects of [`CACHE`] that this owns.
struct Memory {
    memory: [MaybeUninit<NonNull<Epitem>>; CHUNK],
    len: usize,
}

impl Memory {
    #[inline(always)]
    fn none() -> Self {
        // INVARIANT: None of them.
        Self {
            memory: [const { MaybeUninit::uninit() }; CHUNK],
            len: 0,
        }
    }

    /// Gets memory of `n` epitems, where there is none yet; or not, if there is none. May sleep.
    #[inline(always)]
    fn get(&mut self, n: usize) {
        if n > CHUNK || self.len > 0 {
            return;
        }
        // SAFETY: The cache exists as long as there are instances; there is room for `n` pointers.
        let got = unsafe {
            bindings::kmem_cache_alloc_bulk_noprof(
                CACHE.load(Ordering::Relaxed),
                bindings::GFP_KERNEL,
                n,
                self.memory.as_mut_ptr().cast::<*mut c_void>(),
            )
        };
        // INVARIANT: All of them are there, or none is.
        self.len = if got { n } else { 0 };
    }

    #[inline(always)]
    fn pop(&mut self) -> Option<NonNull<Epitem>> {
        let last = self.len.checked_sub(1)?;
        let item = self.memory.get(last)?;
        self.len = last;
        // SAFETY: By the type's invariant. It is the caller's from here on.
        Some(unsafe { item.assume_init_read() })
    }

    /// Takes ownership of `item`; gives it back if there is no room.
    #[inline(always)]
    fn push(&mut self, item: EpitemBox) -> Option<EpitemBox> {
        let Some(room) = self.memory.get_mut(self.len) else {
            return Some(item);
        };
        // INVARIANT: Owned, and not initialised any more.
        room.write(item.into_memory());
        self.len = self.len.wrapping_add(1);
        None
    }
}

impl Memory {
    #[inline(always)]
    fn free(&mut self) {
        if self.len == 0 {
            return;
        }
        // SAFETY: By the type's invariant; interrupts are on in process context.
        unsafe {
            bindings::kmem_cache_free_bulk(
                CACHE.load(Ordering::Relaxed),
                self.len,
                self.memory.as_mut_ptr().cast::<*mut c_void>(),
            )
        };
        self.len = 0;
    }
}

impl Drop for Memory {
    #[inline(always)]
    fn drop(&mut self) {
        self.free();
    }
}

/// All at once, for as many operations as a chunk has.
pub(crate) struct Stock<'a> {
    ep: &'a Eventpoll,
    /// For ADDs.
    fresh: Memory,
    /// From DELs. Not used again: it is charged to who made the registration.
    ended: Memory,
    /// A DEL has to make room for an ADD behind it.
    one_by_one: bool,
}

impl<'a> Stock<'a> {
    /// Empty.
    // Filled in its place: it is too large to be moved about.
    #[inline(always)]
    pub(crate) fn new(ep: &'a Eventpoll) -> Self {
        Self {
            ep,
            fresh: Memory::none(),
            ended: Memory::none(),
            one_by_one: false,
        }
    }

    /// Gets what `adds` ADDs need, but for where there is no memory, or where the limit of watches is
    /// so near that each has to be asked for in its turn. May sleep.
    #[inline(always)]
    pub(crate) fn fill(&mut self, adds: usize) {
        if adds == 0 {
            return;
        }
        self.fresh.get(adds);
        if self.fresh.len > 0 && !WatchCharge::take_many(self.ep.user(), self.fresh.len) {
            self.fresh.free();
        }
        self.one_by_one = self.fresh.len == 0;
    }
}

impl Items for Stock<'_> {
    #[inline(always)]
    fn make(
        &mut self,
        ep: &Eventpoll,
        new: &Registration<'_>,
        events: Events,
    ) -> Result<EpitemBox> {
        match self.fresh.pop() {
            // SAFETY: From the cache, owned and charged.
            Some(item) => Ok(unsafe { EpitemBox::in_memory(item, ep, new, events) }),
            None => OneByOne.make(ep, new, events),
        }
    }

    #[inline(always)]
    fn end(&mut self, item: EpitemBox) {
        if self.one_by_one {
            drop(item);
        } else {
            drop(self.ended.push(item));
        }
    }
}

impl Drop for Stock<'_> {
    fn drop(&mut self) {
        let charges = self.fresh.len.wrapping_add(self.ended.len);
        if charges > 0 {
            WatchCharge::give_back_many(self.ep.user(), charges);
        }
    }
}
