// SPDX-License-Identifier: GPL-2.0

//! What is counted of one registration, while its instance keeps statistics.

use super::{
    epitem::{Epitem, Key},
    ffi, ticks,
};
use core::{
    cell::Cell,
    mem::offset_of,
    ptr::NonNull,
    sync::atomic::{
        AtomicU64,
        Ordering::{Acquire, Relaxed, Release},
    },
};
use kernel::{bindings, pid_namespace::PidNamespace, prelude::*, types::Opaque};

/// Who sent the last wakeup that was for the registration. `helpers/waker.c` has the rules.
pub(crate) struct LastWaker(Opaque<ffi::Waker>);

impl LastWaker {
    fn nobody() -> Self {
        Self(Opaque::new(pin_init::zeroed()))
    }

    /// It is the current task, or interrupt. Any context.
    #[inline]
    fn note(&self, ns: NonNull<bindings::pid_namespace>) {
        // SAFETY: Initialised; the namespace is kept by the statistics, which outlive the record.
        unsafe { ffi::repoll_note_waker(self.0.get(), ns.as_ptr()) };
    }

    /// As far as the current task may know. May sleep.
    fn look(&self, viewer: Viewer) -> ffi::Waker {
        let mut seen: ffi::Waker = pin_init::zeroed();
        // SAFETY: Initialised; `seen` is valid for writes.
        unsafe { ffi::repoll_look_at_waker(self.0.get(), &mut seen, viewer.privileged) };
        if !viewer.same_ns {
            (seen.pid, seen.tid) = (0, 0);
        }
        seen
    }
}

/// What the current task, which reads statistics, may see of wakers.
#[derive(Clone, Copy)]
pub(crate) struct Viewer {
    /// Those of other users.
    privileged: bool,
    /// Their numbers, which are those of the namespace in which the statistics were switched on.
    same_ns: bool,
}

impl Viewer {
    /// The current task, looking at statistics with the numbers of `ns`.
    pub(crate) fn current(ns: &PidNamespace) -> Self {
        let task = kernel::current!();
        let own = task.active_pid_ns();
        Self {
            // SAFETY: In process context.
            privileged: unsafe { ffi::repoll_may_see_all_wakers() },
            same_ns: own.is_some_and(|own| core::ptr::eq(own.as_ptr(), ns.as_ptr())),
        }
    }
}

/// `struct repoll_stats_record`.
#[repr(C)]
pub(crate) struct Snapshot {
    id: u64,
    fd: i32,
    events: u32,
    data: u64,
    wakes: u64,
    merged: u64,
    filtered: u64,
    deliveries: u64,
    spurious: u64,
    queued: u64,
    queued_ns: u64,
    queued_max_ns: u64,
    queued_since_ns: u64,
    waker: u32,
    waker_cpu: u32,
    waker_pid: i32,
    waker_tid: i32,
    waker_comm: [u64; 2],
}

/// The counters of a registration.
///
/// What wakeups write, from any context, is atomic; the rest is guarded by the mutex of the instance.
///
/// # Invariants
///
/// `item`, if there is one, is a registration whose [`Epitem::record`] this is.
pub(crate) struct Record {
    wakes: AtomicU64,
    merged: AtomicU64,
    filtered: AtomicU64,
    /// When the first wakeup came that no harvest has looked for since, in ticks; 0 if none has
    /// come.
    woken_at: AtomicU64,
    waker: LastWaker,
    /// For the numbers of wakers.
    ns: NonNull<bindings::pid_namespace>,

    item: Cell<Option<NonNull<Epitem>>>,
    /// Of the free ones, the next.
    pub(crate) next_free: Cell<Option<u32>>,
    pub(crate) slot: u32,
    id: Cell<u64>,
    deliveries: Cell<u64>,
    spurious: Cell<u64>,
    /// As `woken_at`, of what has been looked at and not been delivered.
    since: Cell<u64>,
    queued: Cell<u64>,
    queued_ns: Cell<u64>,
    queued_max_ns: Cell<u64>,
}

fn add(counter: &Cell<u64>, n: u64) {
    counter.set(counter.get().wrapping_add(n));
}

impl Record {
    /// A record of nothing, which is to be in this slot.
    pub(crate) fn free(slot: u32, ns: &PidNamespace) -> Self {
        Self::new(slot, NonNull::from(ns).cast())
    }

    /// The same slot, with nothing counted.
    pub(crate) fn cleared(&self) -> Self {
        Self::new(self.slot, self.ns)
    }

    fn new(slot: u32, ns: NonNull<bindings::pid_namespace>) -> Self {
        // INVARIANT: There is no `item`.
        Self {
            wakes: AtomicU64::new(0),
            merged: AtomicU64::new(0),
            filtered: AtomicU64::new(0),
            woken_at: AtomicU64::new(0),
            waker: LastWaker::nobody(),
            ns,
            item: Cell::new(None),
            next_free: Cell::new(None),
            slot,
            id: Cell::new(0),
            deliveries: Cell::new(0),
            spurious: Cell::new(0),
            since: Cell::new(0),
            queued: Cell::new(0),
            queued_ns: Cell::new(0),
            queued_max_ns: Cell::new(0),
        }
    }

    /// The record of `item` from here on, which is the `id`-th of its instance.
    pub(crate) fn begin(&self, item: &Epitem, id: u64) {
        self.id.set(id);
        // INVARIANT: Right below.
        self.item.set(Some(NonNull::from(item)));
        item.set_record(Some(self));
    }

    /// The registration.
    fn item(&self) -> Option<&Epitem> {
        // SAFETY: By the type's invariant; it does not end but with the mutex held, which is that of
        // whoever asks, and then has no record any more.
        self.item.get().map(|item| unsafe { &*item.as_ptr() })
    }

    /// Its registration is about to end, or not to be counted any more.
    pub(crate) fn end(&self) {
        if let Some(item) = self.item() {
            item.set_record(None);
        }
        self.item.set(None);
    }

    /// A wakeup, for something that the mask asks for or not. Any context.
    #[inline]
    pub(crate) fn woken(&self, wanted: bool) {
        if !wanted {
            self.filtered.fetch_add(1, Relaxed);
            return;
        }
        self.wakes.fetch_add(1, Relaxed);
        if self.woken_at.load(Relaxed) == 0 {
            // A harvest that finds the registration queued finds this, which came before.
            self.woken_at.store(ticks::now(), Relaxed);
        } else {
            self.merged.fetch_add(1, Release);
        }
        self.waker.note(self.ns);
    }

    /// A harvest is about to ask the file. A wakeup that comes after this is for the next one.
    #[inline]
    pub(crate) fn looked_at(&self) {
        if self.woken_at.load(Relaxed) != 0 {
            let woken_at = self.woken_at.swap(0, Relaxed);
            if self.since.get() == 0 {
                self.since.set(woken_at);
            }
        }
    }

    /// The file had nothing. Whoever was level-triggered and is done with was not woken for this.
    #[inline]
    pub(crate) fn not_ready(&self) {
        if self.since.replace(0) != 0 {
            add(&self.spurious, 1);
        }
    }

    /// Its event has been stored. Returns for how many ns it had been queued, `None` where no wakeup
    /// was what led to it. `now` is called only if it is needed.
    #[inline]
    pub(crate) fn delivered(&self, now: impl FnOnce() -> u64) -> Option<u64> {
        add(&self.deliveries, 1);
        if self.since.get() == 0 {
            return None;
        }
        let ns = ticks::between(self.since.replace(0), now());
        add(&self.queued, 1);
        add(&self.queued_ns, ns);
        self.queued_max_ns.set(self.queued_max_ns.get().max(ns));
        Some(ns)
    }

    /// What there is to tell, `None` of a free one. May sleep.
    pub(crate) fn snapshot(&self, now: u64, viewer: Viewer) -> Option<Snapshot> {
        let item = self.item()?;
        let Key { fd, .. } = item.key;
        let waker = self.waker.look(viewer);
        // First, lest it be more than all of them.
        let merged = self.merged.load(Acquire);
        let since = match self.since.get() {
            0 => self.woken_at.load(Relaxed),
            since => since,
        };
        Some(Snapshot {
            id: self.id.get(),
            fd,
            events: item.events.load().bits(),
            data: item.data.get(),
            wakes: self.wakes.load(Relaxed),
            merged,
            filtered: self.filtered.load(Relaxed),
            deliveries: self.deliveries.get(),
            spurious: self.spurious.get(),
            queued: self.queued.get(),
            queued_ns: self.queued_ns.get(),
            queued_max_ns: self.queued_max_ns.get(),
            queued_since_ns: if since == 0 {
                0
            } else {
                ticks::between(since, now).max(1)
            },
            waker: waker.kind,
            waker_cpu: waker.cpu,
            waker_pid: waker.pid,
            waker_tid: waker.tid,
            waker_comm: waker.comm,
        })
    }
}

// What is copied to user space has no padding.
const _: () = assert!(
    size_of::<Snapshot>() == 128
        && offset_of!(Snapshot, waker) == 96
        && size_of::<ffi::Waker>() == 40
);
