// SPDX-License-Identifier: GPL-2.0

//! The ready ring: events in memory that the instance shares with those who consume them.
//!
//! Here is what the kernel does to the entries; what a consumer does is in
//! `tools/rust/repoll/src/ring_pop.rs`, and once more, in C, in `tools/lib/repoll/repoll_ring.h`.
//!
//! An entry is a word and the user's data. The word's lower half has the events, its upper half the
//! lower 32 bits of the entry's *position*: positions count all entries there have ever been, and lead
//! to a slot modulo the ring's length. The kernel keeps the *tail*, the position of the next entry, to
//! itself; the *head*, the position of the first that may not have been taken, belongs to the consumers.
//!
//! # States of a slot
//!
//! ```text
//!   free: no events --post()--> live --taken by a consumer, or take_back()--> free
//!                               | ^
//!                               +-+ merge
//! ```
//!
//! The kernel posts to the slot at the tail if it is free, and writes to no other but by a
//! compare-and-exchange of a live word: what is taken stays taken. Who calls is serialised by a lock, so
//! that one that fails has lost against a consumer, and need not be tried again.
//!
//! A consumer looks at the slot at the head. If its word has that position and events, the consumer takes
//! the entry by exchanging the word for one without, and moves the head on. If it has the position and no
//! events, or a later position, the entry has been taken by somebody who has not moved the head yet: it is
//! moved for him, and nobody waits for a thread that sleeps, or died, in between. If it has an
//! earlier position, there is no entry yet.
//!
//! # Orderings
//!
//! 1. *Data against the word.* A post writes the data, then the word (release). A consumer reads the word
//!    (acquire), then the data, then exchanges the word (release): it has the data of the entry that
//!    it takes.
//! 2. *Taking against posting anew.* A post reads that a slot is free (acquire) before it writes its
//!    data: a consumer that is about to take the entry before has read its own.
//!
//! # Trust
//!
//! Whoever has the memory mapped may write anything at any time. So nothing that is read there is an
//! index, a pointer or a count, and no loop here lasts for as long as memory says. A broken word is, at
//! worst, a slot that is not free.
//!
//! The file uses nothing but atomics, so that the same text is checked on the host, as
//! [`crate::ready`].

use super::atomic::{AtomicU32, AtomicU64, Ordering};
use core::num::NonZeroU64;

/// What an epitem remembers of its last entry. Never used again.
pub(crate) type Position = NonZeroU64;

/// A slot, as `struct repoll_ring_entry`.
#[repr(C)]
pub(crate) struct Entry {
    pub(crate) word: AtomicU64,
    pub(crate) data: AtomicU64,
}

/// The events of a word.
const EVENTS: u64 = u32::MAX as u64;

fn word(position: u64, events: u32) -> u64 {
    position << 32 | u64::from(events)
}

/// The entries of one ring, and the two ends.
///
/// # Invariants
///
/// The number of entries is a power of two.
pub(crate) struct Ring<'a> {
    pub(crate) entries: &'a [Entry],
    pub(crate) head: &'a AtomicU32,
    /// Written by posts only, and not shared with anybody.
    pub(crate) tail: &'a AtomicU64,
}

impl<'a> Ring<'a> {
    /// Makes all slots free, the first entry to come being the one at the position after as many as
    /// there are: 0 is none. Before anybody knows the ring.
    pub(crate) fn clear(&self) {
        let len = self.entries.len() as u64;
        for (position, entry) in (0..len).zip(self.entries) {
            entry.word.store(word(position, 0), Ordering::Relaxed);
        }
        self.head.store(len as u32, Ordering::Relaxed);
        self.tail.store(len, Ordering::Relaxed);
    }

    fn slot(&self, position: u64) -> Option<&'a Entry> {
        let mask = (self.entries.len() as u64).wrapping_sub(1);
        self.entries.get((position & mask) as usize)
    }

    /// The slot and the word of the entry at `position`, if nobody has taken it.
    fn live(&self, position: Position) -> Option<(&'a Entry, u64)> {
        let ago = self
            .tail
            .load(Ordering::Relaxed)
            .wrapping_sub(position.get());
        if ago > self.entries.len() as u64 {
            return None;
        }
        let entry = self.slot(position.get())?;
        let now = entry.word.load(Ordering::Relaxed);
        let is_live = now & !EVENTS == word(position.get(), 0) && now & EVENTS != 0;
        is_live.then_some((entry, now))
    }

    /// Whether the entry at `position` is there, and nobody has taken it. With the lock of posts held.
    pub(crate) fn holds(&self, position: Option<Position>) -> bool {
        position.is_some_and(|position| self.live(position).is_some())
    }

    /// Adds `events`, of which there are some, to the entry at `last` if nobody has taken it, else posts
    /// an entry of its own. Returns its position, `None` if the ring is full. With the lock of posts
    /// held.
    pub(crate) fn post(&self, last: Option<Position>, events: u32, data: u64) -> Option<Position> {
        if let Some((entry, now)) = last.and_then(|last| self.live(last)) {
            let merged = now | u64::from(events);
            let exchanged =
                entry
                    .word
                    .compare_exchange(now, merged, Ordering::Release, Ordering::Relaxed);
            if exchanged.is_ok() {
                return last;
            }
        }
        let position = self.tail.load(Ordering::Relaxed);
        let entry = self.slot(position)?;
        // Ordering 2.
        if entry.word.load(Ordering::Acquire) & EVENTS != 0 {
            return None;
        }
        entry.data.store(data, Ordering::Relaxed);
        // Ordering 1.
        entry.word.store(word(position, events), Ordering::Release);
        self.tail.store(position.wrapping_add(1), Ordering::Release);
        NonZeroU64::new(position)
    }

    /// Takes the entry at `position` if no consumer has. When this returns, none will. With the lock of
    /// posts held.
    pub(crate) fn take_back(&self, position: Position) {
        if let Some((entry, now)) = self.live(position) {
            // If this fails, it has been taken.
            let free = now & !EVENTS;
            let _ = entry
                .word
                .compare_exchange(now, free, Ordering::Relaxed, Ordering::Relaxed);
        }
    }

    /// How many entries there are from the first on that nobody has taken; moves the head there. Those
    /// behind it may have been taken back. Any context.
    pub(crate) fn len(&self) -> u32 {
        let room = self.entries.len() as u32;
        let head = self.head.load(Ordering::Acquire);
        let tail = self.tail.load(Ordering::Acquire) as u32;
        // An entry can be seen, and taken, before the tail is behind it.
        if head == tail || head == tail.wrapping_add(1) {
            return 0;
        }
        // What is further back than there is room for has been taken: the head is one that nobody has
        // moved since, or that cannot be.
        let mut first = if tail.wrapping_sub(head) > room {
            tail.wrapping_sub(room)
        } else {
            head
        };
        while first != tail && !self.is_live_at(first) {
            first = first.wrapping_add(1);
        }
        if first != head {
            // If this fails, a consumer has moved it. Release: who finds it there finds the entry.
            let _ = self
                .head
                .compare_exchange(head, first, Ordering::Release, Ordering::Relaxed);
        }
        tail.wrapping_sub(first)
    }

    fn is_live_at(&self, position: u32) -> bool {
        let word = |entry: &Entry| entry.word.load(Ordering::Relaxed);
        let now = self.slot(position.into()).map_or(0, word);
        now >> 32 == u64::from(position) && now & EVENTS != 0
    }
}
