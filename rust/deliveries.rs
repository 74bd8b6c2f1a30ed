// SPDX-License-Identifier: GPL-2.0

//! Which threads are at work with what they have been delivered, for deletions that wait for them.
//!
//! A thread that a wait has delivered something to is *at work* until it comes back: by its next wait
//! on the instance, by a deletion that waits or a `REPOLL_IOC_SYNC`, or by its exit. Waits that deliver
//! are numbered, and a thread at work is known by the number of its wait; a registration notes the
//! waits that have delivered its event ([`Generation`]).
//!
//! The place of a thread among those at work is allocated with its
//! [`Holder`](crate::holder::Holder), before a wait looks for events: no allocation comes between the
//! delivery of an event and the note of who has it.

use super::{
    epitem::{Epitem, Key},
    generation::{self, Generation, Waits},
    holder::TaskId,
    interest::Interest,
    returns::Returns,
    uapi::CtlFlags,
};
use core::cell::Cell;
use kernel::{
    prelude::*,
    rbtree::{RBTree, RBTreeNodeReservation},
    sync::Arc,
};

/// Memory for the place of a thread among those at work.
pub(crate) type Place = RBTreeNodeReservation<u64, ()>;

/// Memory for the [`Generation`] of a registration that is to be.
pub(crate) type GenerationMemory = RBTreeNodeReservation<Key, Generation>;

/// What is known of the deliveries of an instance that has, or has had, registrations whose deletion
/// can be waited for. Guarded by the instance's mutex.
///
/// # Invariants
///
/// * Each number of `at_work` is the `since` of one [`Holder`](crate::holder::Holder) of the set, and
///   at most `waits`.
/// * The threads that have an event of a registration, and have not come back since, are at work since
///   one of the `waits` of its generation.
pub(crate) struct Deliveries {
    generations: RBTree<Key, Generation>,
    /// The number that the last generation was given.
    last_number: u32,
    /// How many waits have delivered something that there is a generation of.
    waits: u64,
    /// The wait that goes on has.
    delivering: Cell<bool>,
    /// The waits of those threads that have not come back.
    at_work: RBTree<u64, ()>,
    returns: Arc<Returns>,
}

impl Deliveries {
    /// May sleep. `ENOMEM`.
    pub(crate) fn new() -> Result<Self> {
        // INVARIANT: There is nobody yet.
        Ok(Self {
            generations: RBTree::new(),
            last_number: 0,
            waits: 0,
            delivering: Cell::new(false),
            at_work: RBTree::new(),
            returns: Returns::new()?,
        })
    }

    /// All waits so far.
    pub(crate) fn waits(&self) -> Waits {
        Waits::up_to(self.waits)
    }

    /// Whether a thread is at work since one of these.
    pub(crate) fn at_work_since(&self, waits: Waits) -> bool {
        let cursor = self.at_work.cursor_lower_bound(&waits.first);
        cursor.is_some_and(|cursor| *cursor.current().0 <= waits.last)
    }

    /// Where they come back to.
    pub(crate) fn returns(&self) -> &Arc<Returns> {
        &self.returns
    }

    /// The event of a registration has been delivered by the wait that goes on.
    fn note(&self, generation: &Generation) {
        let wait = self.waits.wrapping_add(1);
        let before = generation.waits.get();
        let first = if self.at_work_since(before) {
            before.first
        } else {
            wait
        };
        // INVARIANT: Those who had it before are among these, or have come back.
        generation.waits.set(Waits { first, last: wait });
        self.delivering.set(true);
    }
}

impl Interest {
    /// May sleep. `ENOMEM`.
    pub(crate) fn generation_memory() -> Result<GenerationMemory> {
        GenerationMemory::new(GFP_KERNEL_ACCOUNT)
    }

    /// From here on the deletion of the registration with this key can be waited for.
    pub(crate) fn begin_generation(&mut self, memory: GenerationMemory, key: Key) {
        if let Some(deliveries) = &mut self.deliveries {
            deliveries.last_number = generation::number_after(deliveries.last_number);
            let generation = Generation::new(deliveries.last_number);
            deliveries
                .generations
                .insert(memory.into_node(key, generation));
        }
    }

    /// The registration with this key leaves the set.
    pub(crate) fn end_generation(&mut self, key: Key) {
        if let Some(deliveries) = &mut self.deliveries {
            deliveries.generations.remove(&key);
        }
    }

    /// That of a registration whose deletion can be waited for.
    pub(crate) fn generation_of(&self, item: &Epitem) -> Option<&Generation> {
        if !item.tied.get().intersects(CtlFlags::SYNC) {
            return None;
        }
        self.deliveries.as_ref()?.generations.get(&item.key)
    }

    /// The events of these have been delivered to the current task, for which there is a
    /// [`Holder`](crate::holder::Holder) if any of them has a generation.
    pub(crate) fn note_deliveries<'a>(&self, items: impl Iterator<Item = &'a Epitem>) {
        let Some(deliveries) = &self.deliveries else {
            return;
        };
        for generation in items.filter_map(|item| self.generation_of(item)) {
            deliveries.note(generation);
        }
    }

    /// Ends a wait: the current task is at work if [`Self::note_deliveries`] has noted any. It has
    /// come back before.
    pub(crate) fn begin_work(&mut self) {
        let Some(deliveries) = &mut self.deliveries else {
            return;
        };
        if !deliveries.delivering.take() {
            return;
        }
        let Some(holder) = self.holders.get(&TaskId::current()) else {
            return;
        };
        let wait = deliveries.waits.wrapping_add(1);
        deliveries.waits = wait;
        if let Some(place) = holder.place.take() {
            holder.since.set(wait);
            // INVARIANT: The number of the wait is that of one holder, and the last so far.
            deliveries.at_work.insert(place.into_node(wait, ()));
        }
    }

    /// `task`, the current one, has come back, if it was at work.
    pub(crate) fn come_back(&mut self, task: TaskId) {
        let Some(deliveries) = &mut self.deliveries else {
            return;
        };
        let Some(holder) = self.holders.get(&task) else {
            return;
        };
        if let Some(node) = deliveries.at_work.remove_node(&holder.since.take()) {
            holder.place.set(Some(node.into_reservation()));
            deliveries.returns.note();
        }
    }
}
