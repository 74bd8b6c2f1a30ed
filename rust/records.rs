// SPDX-License-Identifier: GPL-2.0

//! The records of an instance: where each has a slot, which a reader goes by.

use super::{
    epitem::Epitem,
    ffi,
    record::{Record, Snapshot, Viewer},
};
use core::cell::Cell;
use kernel::{alloc::KVVec, pid_namespace::PidNamespace, prelude::*};

/// Records that are allocated together, and stay where they are until they are freed.
const CHUNK: usize = 32;

/// How many slots one look goes by, whether there is anything in them or not.
const SPAN: u32 = 512;

/// All records, guarded by the instance's mutex.
///
/// # Invariants
///
/// * Each chunk has [`CHUNK`] records, of the slots from its index times that on, and does not move
///   them.
/// * `free` and the links behind it lead to the records that are nobody's.
pub(crate) struct Records {
    chunks: KVVec<KVVec<Record>>,
    free: Cell<Option<u32>>,
    /// How many there are, and how many have been made.
    len: Cell<u32>,
    made: Cell<u64>,
}

impl Records {
    pub(crate) fn new() -> Self {
        Self {
            chunks: KVVec::new(),
            free: Cell::new(None),
            len: Cell::new(0),
            made: Cell::new(0),
        }
    }

    pub(crate) fn len(&self) -> u32 {
        self.len.get()
    }

    fn get(&self, slot: u32) -> Option<&Record> {
        let slot = slot as usize;
        self.chunks.get(slot / CHUNK)?.get(slot % CHUNK)
    }

    /// Sees to it that there is a record for each of so many registrations more. May sleep. `ENOMEM`.
    pub(crate) fn make_room(&mut self, more: usize, ns: &PidNamespace) -> Result {
        let needed = (self.len.get() as usize).checked_add(more).ok_or(ENOMEM)?;
        while self.chunks.len().checked_mul(CHUNK).ok_or(ENOMEM)? < needed {
            let first = self.chunks.len().checked_mul(CHUNK).ok_or(ENOMEM)?;
            let mut chunk = KVVec::with_capacity(CHUNK, GFP_KERNEL_ACCOUNT)?;
            let mut free = self.free.get();
            for slot in first..first.checked_add(CHUNK).ok_or(ENOMEM)? {
                let slot = u32::try_from(slot).map_err(|_| ENOMEM)?;
                let record = Record::free(slot, ns);
                record.next_free.set(free);
                free = Some(slot);
                chunk.push(record, GFP_KERNEL_ACCOUNT)?;
            }
            // INVARIANT: Full, so that nothing is pushed to it any more.
            self.chunks.push(chunk, GFP_KERNEL_ACCOUNT)?;
            self.free.set(free);
            // SAFETY: In process context, under a mutex.
            unsafe { ffi::repoll_cond_resched() };
        }
        Ok(())
    }

    /// Gives `item`, which has none, a record. There is room for it, or nothing is done.
    pub(crate) fn begin(&self, item: &Epitem) {
        let Some(record) = self.free.get().and_then(|slot| self.get(slot)) else {
            return;
        };
        self.free.set(record.next_free.take());
        self.len.set(self.len.get().wrapping_add(1));
        self.made.set(self.made.get().wrapping_add(1));
        record.begin(item, self.made.get());
    }

    /// Takes the record from a registration that no wakeup knows any more.
    pub(crate) fn end(&mut self, slot: u32) {
        let slot = slot as usize;
        let chunk = self.chunks.get_mut(slot / CHUNK);
        let Some(record) = chunk.and_then(|chunk| chunk.get_mut(slot % CHUNK)) else {
            return;
        };
        record.end();
        *record = record.cleared();
        record.next_free.set(self.free.replace(Some(record.slot)));
        self.len.set(self.len.get().wrapping_sub(1));
    }

    /// No registration has its record any more, though wakeups may still know them.
    pub(crate) fn end_all(&self) {
        for chunk in &self.chunks {
            chunk.iter().for_each(Record::end);
            // SAFETY: In process context, under a mutex.
            unsafe { ffi::repoll_cond_resched() };
        }
    }

    /// Looks at some slots, from `slot` on, and appends up to `room` records to `to`, which has the
    /// capacity. Tells where to go on, `None` at the end.
    pub(crate) fn read(
        &self,
        slot: u32,
        room: usize,
        now: u64,
        viewer: Viewer,
        to: &mut KVVec<Snapshot>,
    ) -> Option<u32> {
        let end = slot.saturating_add(SPAN);
        for slot in slot..end {
            let record = self.get(slot)?;
            if to.len() >= room {
                return Some(slot);
            }
            if let Some(snapshot) = record.snapshot(now, viewer) {
                to.push_within_capacity(snapshot).ok();
            }
        }
        (end > slot).then_some(end)
    }
}
