// SPDX-License-Identifier: GPL-2.0

//! The ready ring of an instance: its memory, and what wakeups and calls post to it.
//!
//! [`crate::ring`] has the entries and what may happen to them. Here is which of an epitem's events
//! go where. A wakeup that tells that there is something to be read, or room to write, is posted at
//! once. Any other, one with no key, an error, a hang-up, of an instance, is for the file to say, which a
//! wakeup cannot ask: the epitem is queued on the ovflist, as it always is without a ring, and the
//! consumers are told that there is *more*. So it is if the ring is full. A call asks the files of
//! what is on the lists, and posts: [`crate::ring_enter`].
//!
//! A level-triggered epitem is queued in any case: when its entry has been taken, the next call asks
//! its file, and posts again if it is still ready. An edge has been delivered when it is posted. A
//! one-shot epitem is disarmed by the post.
//!
//! # No event is missed
//!
//! * What cannot be posted is on the ovflist *before* the consumers are told that there is more; a call
//!   says that there is no more *before* it drains the ovflist. Full fences are in between. So what
//!   a call has not found leaves the flag set.
//! * A waiter is on the wait queue, then, after a full fence, asks [`ReadyRing::has_news`]. Who posts,
//!   or says that there is more, looks for waiters after a full fence: ordering 3 of [`crate::ready`].

use super::{
    atomic::{fence, AtomicBool, AtomicU32, AtomicU64, Ordering},
    epitem::Epitem,
    events::Events,
    ffi,
    file::TargetKind,
    quota::{User, WatchCharge},
    raw_lock::IrqLock,
    ring::{Entry, Ring},
};
use core::{mem::size_of, ptr::NonNull, slice};
use kernel::{bindings, error::to_result, prelude::*};

/// `REPOLL_RING_OFFSET`.
const OFFSET: usize = 4096;

/// `REPOLL_RING_MORE`.
const MORE: u32 = 1 << 0;

/// How many entries take as much memory as a watch is supposed to.
const ENTRIES_PER_WATCH: usize = 8;

/// `struct repoll_ring_header`.
#[repr(C)]
struct Header {
    head: AtomicU32,
    _pad1: [u32; 15],
    flags: AtomicU32,
    entries: AtomicU32,
    _pad2: [u32; 14],
}

/// The memory of a ring, zeroed at first, and charged for.
///
/// # Invariants
///
/// `at` is that of `repoll_ring_alloc(self.size())`, owned: a page for the header, and `entries` entries.
/// Others may have it mapped: it is used by atomics only, and nothing that is read there is trusted.
struct Memory {
    at: NonNull<u8>,
    entries: usize,
}

impl Memory {
    /// `ENOSPC` if the user has too many watches, `ENOMEM`. May sleep.
    fn new(user: &User, entries: usize) -> Result<Self> {
        if !WatchCharge::take_many(user, entries / ENTRIES_PER_WATCH) {
            return Err(ENOSPC);
        }
        // SAFETY: In process context.
        let at = unsafe { ffi::repoll_ring_alloc(Self::size_of(entries)) };
        match NonNull::new(at.cast()) {
            // INVARIANT: Just allocated and charged for.
            Some(at) => Ok(Self { at, entries }),
            None => {
                WatchCharge::give_back_many(user, entries / ENTRIES_PER_WATCH);
                Err(ENOMEM)
            }
        }
    }

    /// `entries`: no more than `REPOLL_RING_MAX`.
    const fn size_of(entries: usize) -> usize {
        OFFSET + entries * size_of::<Entry>()
    }

    fn header(&self) -> &Header {
        // SAFETY: By the type's invariant; any bits make a header, and others use it as atomics.
        unsafe { self.at.cast().as_ref() }
    }

    fn entries(&self) -> &[Entry] {
        // SAFETY: As above.
        unsafe { slice::from_raw_parts(self.at.as_ptr().add(OFFSET).cast(), self.entries) }
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: By the type's invariant. A mapping keeps the file; whoever has pinned a page keeps that.
        unsafe { ffi::repoll_ring_free(self.at.as_ptr().cast()) };
    }
}

/// A ring. Posts, and what epitems note of their entries, are guarded by `lock`, and so are the
/// masks and data of epitems of an instance with a ring: wakeups use them.
///
/// # Invariants
///
/// `lock` is initialised and stays in place.
pub(crate) struct ReadyRing {
    memory: Memory,
    lock: IrqLock,
    tail: AtomicU64,
    /// What the header's flag says, for who does not trust it.
    more: AtomicBool,
}

// SAFETY: All is atomic, or guarded by the lock.
unsafe impl Send for ReadyRing {}
// SAFETY: As above.
unsafe impl Sync for ReadyRing {}

/// What became of an epitem's events.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Posted {
    /// They are none of those that it is for.
    No,
    /// They are in the ring, and that is all.
    Done,
    /// They are in the ring, and the file is to be asked again when they have been taken.
    Level,
    /// They are not in the ring: the file is to be asked.
    Ask,
}

impl ReadyRing {
    /// An empty ring. `entries`: a power of two, at most `REPOLL_RING_MAX`. As [`Memory::new`].
    pub(crate) fn new(user: &User, entries: usize) -> Result<KBox<Self>> {
        let memory = Memory::new(user, entries)?;
        let ring = KBox::new(
            Self {
                memory,
                lock: IrqLock::uninit(),
                tail: AtomicU64::new(0),
                more: AtomicBool::new(false),
            },
            GFP_KERNEL_ACCOUNT,
        );
        let Ok(ring) = ring else {
            WatchCharge::give_back_many(user, entries / ENTRIES_PER_WATCH);
            return Err(ENOMEM);
        };
        // SAFETY: In its final place: what owns it is a box, and nobody moves out of that.
        unsafe { ring.lock.init() };
        ring.memory
            .header()
            .entries
            .store(entries as u32, Ordering::Relaxed);
        ring.entries().clear();
        Ok(ring)
    }

    /// Gives back what is counted of it to `user`, the one that it was made for.
    pub(crate) fn uncharge(&self, user: &User) {
        WatchCharge::give_back_many(user, self.memory.entries / ENTRIES_PER_WATCH);
    }

    /// How many bytes a mapping has.
    pub(crate) fn size(&self) -> usize {
        // SAFETY: No requirements.
        unsafe { ffi::repoll_ring_size(Memory::size_of(self.memory.entries)) }
    }

    /// Maps the memory into `vma`. May sleep. `EINVAL` for a mapping of another kind or size, `EPERM` for
    /// one to execute, `ENOMEM`.
    ///
    /// # Safety
    ///
    /// Called by the VFS for `vma`, a mapping to be.
    pub(crate) unsafe fn map(&self, vma: *mut bindings::vm_area_struct) -> Result {
        let size = Memory::size_of(self.memory.entries);
        // SAFETY: By the caller's promise, and the invariant of the memory.
        to_result(unsafe { ffi::repoll_ring_map(vma, self.memory.at.as_ptr().cast(), size) })
    }

    fn entries(&self) -> Ring<'_> {
        Ring {
            entries: self.memory.entries(),
            head: &self.memory.header().head,
            tail: &self.tail,
        }
    }

    /// A wakeup of `item` for `key`. Any context.
    ///
    /// [`crate::ready::event_happened`] has been called before.
    pub(crate) fn wakeup(&self, item: &Epitem, key: Events) -> Posted {
        let guard = self.lock.lock();
        let events = item.events.load();
        if !events.is_woken_by(key) {
            return Posted::No;
        }
        let told = events & key;
        let is_plain = item.kind == TargetKind::Plain && !told.is_empty();
        if !is_plain || !told.without(Events::SIMPLE).is_empty() {
            return Posted::Ask;
        }
        let posted = self.post_locked(item, told);
        drop(guard);
        posted
    }

    /// Posts `ready`, for which the file of `item` has been found ready. Any context.
    pub(crate) fn post(&self, item: &Epitem, ready: Events) -> Posted {
        let guard = self.lock.lock();
        let posted = self.post_locked(item, ready & item.events.load());
        drop(guard);
        posted
    }

    fn post_locked(&self, item: &Epitem, ready: Events) -> Posted {
        let events = item.events.load();
        let ready = ready.without(Events::PRIVATE);
        if ready.is_empty() {
            return Posted::No;
        }
        let posted = self
            .entries()
            .post(item.entry.get(), ready.bits(), item.data.get());
        if posted.is_none() {
            return Posted::Ask;
        }
        item.entry.set(posted);
        if events.intersects(Events::ONESHOT) {
            item.events.store(events.disarmed());
            return Posted::Done;
        }
        if events.intersects(Events::ET) {
            return Posted::Done;
        }
        Posted::Level
    }

    /// Whether the last entry of `item` is in the ring. Any context.
    pub(crate) fn holds(&self, item: &Epitem) -> bool {
        let _guard = self.lock.lock();
        self.entries().holds(item.entry.get())
    }

    /// Gives `item` another mask and other data, and takes its entry out of the ring, if it is there.
    /// Does not sleep.
    pub(crate) fn arm(&self, item: &Epitem, events: Events, data: u64) {
        let _guard = self.lock.lock();
        self.take_back(item);
        item.data.set(data);
        item.events.store(events);
    }

    /// Leaves `item` with a mask for nothing, and takes its entry out of the ring, if it is there. When
    /// this returns, no consumer takes an event of it. Does not sleep.
    pub(crate) fn disarm(&self, item: &Epitem) {
        let _guard = self.lock.lock();
        self.take_back(item);
        item.events.store(item.events.load().disarmed());
    }

    /// With the lock held.
    fn take_back(&self, item: &Epitem) {
        if let Some(position) = item.entry.take() {
            self.entries().take_back(position);
        }
    }

    /// How many entries there are, about: 0 if there are none. Any context.
    pub(crate) fn len(&self) -> u32 {
        self.entries().len()
    }

    /// Tells consumers that there is more than the ring has. The epitem is on one of the lists. Ends with
    /// a full fence.
    pub(crate) fn say_more(&self) {
        fence(Ordering::SeqCst);
        self.more.store(true, Ordering::Relaxed);
        self.memory.header().flags.store(MORE, Ordering::Relaxed);
        fence(Ordering::SeqCst);
    }

    /// The caller is about to look at all there is.
    pub(crate) fn say_no_more(&self) {
        self.more.store(false, Ordering::Relaxed);
        self.memory.header().flags.store(0, Ordering::Relaxed);
        fence(Ordering::SeqCst);
    }

    /// Whether there is reason for a waiter to look. Does not sleep.
    pub(crate) fn has_news(&self) -> bool {
        self.more.load(Ordering::Relaxed) || self.len() > 0
    }
}
