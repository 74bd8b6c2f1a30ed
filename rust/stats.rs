// SPDX-License-Identifier: GPL-2.0

//! Statistics of an instance: who wakes it, how often, and how long it takes to be heard.
//!
//! They are off at first, and then there are none: one bit of [`Extras`], which wakeups and harvests
//! look at anyway, leads to all that is here. Switched on, each registration has a [`Record`], which
//! wakeups find by a pointer in the epitem.
//!
//! A record may be in use by a wakeup as long as the lock of a wait queue is held. When a
//! registration ends, its hooks are off before its record goes. When statistics are switched off, the
//! pointers are taken away, and the records freed after a grace period: who holds a spinlock is in a
//! read-side critical section of RCU.

use super::{
    epitem::Epitem,
    eventpoll::Eventpoll,
    extras::Extras,
    ffi,
    interest::Interest,
    record::{Snapshot, Viewer},
    records::Records,
    stats_request::{InstanceStats, BATCHES, LATENCIES},
    ticks,
};
use core::{
    cell::Cell,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};
use kernel::{alloc::KVVec, bindings, pid_namespace::PidNamespace, prelude::*, sync::aref::ARef};

/// What is counted where there is no lock; there always, and used while statistics are kept.
pub(crate) struct WaitCounts {
    /// Waits that returned no event, times that a thread slept in one, and those of them after which
    /// it had been woken and found nothing.
    empty: AtomicU64,
    sleeps: AtomicU64,
    in_vain: AtomicU64,
}

impl WaitCounts {
    pub(crate) fn new() -> Self {
        Self {
            empty: AtomicU64::new(0),
            sleeps: AtomicU64::new(0),
            in_vain: AtomicU64::new(0),
        }
    }

    fn clear(&self) {
        for counter in [&self.empty, &self.sleeps, &self.in_vain] {
            counter.store(0, Relaxed);
        }
    }
}

/// What an instance has while it keeps statistics. Guarded by its mutex.
pub(crate) struct Stats {
    records: Records,
    /// Whose numbers wakers have.
    ns: ARef<PidNamespace>,
    /// Since when, in ticks.
    since: u64,
    /// How many waits returned so many events, and how many events had been queued so long, both by
    /// powers of two.
    batches: [Cell<u64>; BATCHES],
    latencies: [Cell<u64>; LATENCIES],
}

/// Counts one in the bucket of `value`, which is that of its logarithm; the last is for all above.
fn count(histogram: &[Cell<u64>], value: u64) {
    let log = value.checked_ilog2().unwrap_or(0) as usize;
    if let Some(bucket) = histogram.get(log.min(histogram.len().saturating_sub(1))) {
        bucket.set(bucket.get().wrapping_add(1));
    }
}

impl Stats {
    /// For the current task. May sleep. `ENOMEM`.
    fn new() -> Result<KBox<Self>> {
        let task = kernel::current!();
        let ns = task.active_pid_ns().ok_or(ESRCH)?;
        let stats = Self {
            records: Records::new(),
            ns: ARef::from(ns),
            since: ticks::now(),
            batches: [const { Cell::new(0) }; BATCHES],
            latencies: [const { Cell::new(0) }; LATENCIES],
        };
        Ok(KBox::new(stats, GFP_KERNEL_ACCOUNT)?)
    }

    /// Sees to it that there are records for so many registrations more. May sleep. `ENOMEM`.
    fn make_room(&mut self, more: usize) -> Result {
        self.records.make_room(more, &self.ns)
    }

    /// A wait is about to return so many events.
    #[inline]
    pub(crate) fn returned(&self, events: u32) {
        if events > 0 {
            count(&self.batches, events.into());
        }
    }

    /// Events of these have been stored.
    pub(crate) fn delivered<'a>(&self, items: impl Iterator<Item = &'a Epitem>) {
        let mut time = None;
        for record in items.filter_map(Epitem::record) {
            let now = || *time.get_or_insert_with(ticks::now);
            if let Some(ns) = record.delivered(now) {
                count(&self.latencies, ns);
            }
        }
    }

    fn snapshot(&self, waits: &WaitCounts) -> InstanceStats {
        InstanceStats {
            on_ns: ticks::between(self.since, ticks::now()),
            registrations: self.records.len().into(),
            empty: waits.empty.load(Relaxed),
            sleeps: waits.sleeps.load(Relaxed),
            in_vain: waits.in_vain.load(Relaxed),
            batches: core::array::from_fn(|i| self.batches.get(i).map_or(0, Cell::get)),
            latencies: core::array::from_fn(|i| self.latencies.get(i).map_or(0, Cell::get)),
        }
    }
}

impl Interest {
    /// If statistics are kept, sees to it that so many registrations more can be counted. May sleep.
    /// `ENOMEM`.
    pub(crate) fn make_room_for_records(&mut self, more: usize) -> Result {
        self.stats
            .as_mut()
            .map_or(Ok(()), |stats| stats.make_room(more))
    }

    /// If statistics are kept, `item`, a member, is counted from here on. There is room for it.
    pub(crate) fn begin_record(&self, item: &Epitem) {
        if let Some(stats) = &self.stats {
            stats.records.begin(item);
        }
    }

    /// `item` is about to leave the set; its hooks are off.
    #[cold]
    pub(crate) fn end_record(&mut self, item: &Epitem) {
        let slot = item.record().map(|record| record.slot);
        if let (Some(stats), Some(slot)) = (self.stats.as_mut(), slot) {
            stats.records.end(slot);
        }
    }
}

impl Eventpoll {
    /// Begins to keep statistics; tells whether that is news. May sleep. `ENOMEM`.
    pub(crate) fn begin_stats(&self) -> Result<bool> {
        let mut interest = self.interest.lock();
        if interest.stats.is_some() {
            return Ok(false);
        }
        self.refuse_with_ring()?;
        let mut stats = Stats::new()?;
        stats.make_room(interest.iter().count())?;
        self.waits.clear();
        for item in interest.iter() {
            stats.records.begin(item);
            // SAFETY: In process context, under a mutex.
            unsafe { ffi::repoll_cond_resched() };
        }
        interest.stats = Some(stats);
        self.extras.begin(Extras::STATS);
        Ok(true)
    }

    /// Keeps statistics no longer, and forgets those there are; tells whether that is news. May sleep.
    pub(crate) fn end_stats(&self) -> bool {
        let stats = {
            let mut interest = self.interest.lock();
            let stats = interest.stats.take();
            if let Some(stats) = &stats {
                self.extras.end(Extras::STATS);
                stats.records.end_all();
            }
            stats
        };
        if stats.is_some() {
            // Wakeups may have found their records before.
            // SAFETY: In process context, with nothing locked.
            unsafe { bindings::synchronize_rcu() };
        }
        stats.is_some()
    }

    /// Statistics of the instance. May sleep. `ENODATA` if there are none.
    pub(crate) fn instance_stats(&self) -> Result<InstanceStats> {
        let interest = self.interest.lock();
        let stats = interest.stats.as_ref().ok_or_else(no_data)?;
        Ok(stats.snapshot(&self.waits))
    }

    /// Those of up to `room` registrations, from a slot on, for `to`, which has the capacity. Returns
    /// where to go on, `None` at the end. May sleep. `ENODATA` if there are none.
    pub(crate) fn read_stats(
        &self,
        slot: u32,
        room: usize,
        to: &mut KVVec<Snapshot>,
    ) -> Result<Option<u32>> {
        let interest = self.interest.lock();
        let stats = interest.stats.as_ref().ok_or_else(no_data)?;
        let viewer = Viewer::current(&stats.ns);
        Ok(stats.records.read(slot, room, ticks::now(), viewer, to))
    }

    /// A wait ends without an event.
    #[inline(always)]
    pub(crate) fn note_empty_wait(&self) {
        if self.extras.any(Extras::STATS) {
            self.waits.empty.fetch_add(1, Relaxed);
        }
    }

    /// A thread has slept in a wait.
    #[inline]
    pub(crate) fn note_sleep(&self) {
        if self.extras.any(Extras::STATS) {
            self.waits.sleeps.fetch_add(1, Relaxed);
        }
    }

    /// A thread was woken in a wait, and found nothing.
    #[cold]
    pub(crate) fn note_vain_wakeup(&self) {
        if self.extras.any(Extras::STATS) {
            self.waits.in_vain.fetch_add(1, Relaxed);
        }
    }

    /// The file of `item`, which is off the ready list, had nothing, and no harvest found it out.
    #[inline]
    pub(crate) fn note_unready(&self, item: &Epitem) {
        if let Some(record) = item.record() {
            record.looked_at();
            record.not_ready();
        }
    }
}

/// There are no statistics.
fn no_data() -> Error {
    Error::from_errno(-(bindings::ENODATA as i32))
}
