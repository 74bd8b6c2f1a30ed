// SPDX-License-Identifier: GPL-2.0

//! From a file to its registrations, and what its last close does to them.
//!
//! The hook of `helpers/ftrace.c` looks at the table's filters on every close in the system, asks
//! [`repoll_file_is_watched`] where they do not say no and, where the answer is yes, calls
//! [`repoll_release_file`] from `__fput()`, before the file's own release.

use super::{
    epitem::Epitem,
    eventpoll::Eventpoll,
    raw_lock::{RawGuard, RawLock},
};
use core::{
    cell::Cell,
    ptr,
    sync::atomic::{AtomicPtr, AtomicU32, Ordering},
};
use kernel::{
    alloc::KVVec,
    bindings,
    prelude::*,
    sync::{Arc, ArcBorrow},
};

/// An epitem's place in the table: on the ring of all registrations of its file and, if it stands
/// for that ring, on its bucket's chain. Guarded by the bucket's lock.
pub(crate) struct FileLink {
    ring_next: Cell<*const Epitem>,
    ring_prev: Cell<*const Epitem>,
    chain_next: Cell<*const Epitem>,
    chain_prev: Cell<*const Epitem>,
    on_chain: Cell<bool>,
}

impl FileLink {
    pub(crate) const fn new() -> Self {
        Self {
            ring_next: Cell::new(ptr::null()),
            ring_prev: Cell::new(ptr::null()),
            chain_next: Cell::new(ptr::null()),
            chain_prev: Cell::new(ptr::null()),
            on_chain: Cell::new(false),
        }
    }
}

/// The watched files whose addresses hash to the same value: a chain with one epitem for each file,
/// so that a file with many registrations is no burden to the others.
///
/// # Invariants
///
/// * `first` and the links behind it lead to epitems of live interest sets.
/// * `filter` has the bit of each file on the chain.
///
/// Both are written with `lock` held; `filter` may be read without, as `helpers/ftrace.c` does, to
/// which this is a `struct repoll_bucket`.
#[repr(C)]
struct Bucket {
    lock: RawLock,
    filter: AtomicU32,
    first: AtomicPtr<Epitem>,
}

/// The table: an array of buckets, there for the life of the module. To C, a `struct repoll_table`.
#[repr(C)]
struct Table {
    buckets: AtomicPtr<Bucket>,
    /// The length, a power of two, less 1.
    mask: AtomicU32,
}

#[export_name = "repoll_table"]
static TABLE: Table = Table {
    buckets: AtomicPtr::new(ptr::null_mut()),
    mask: AtomicU32::new(0),
};

/// A locked bucket.
struct BucketGuard(&'static Bucket, #[allow(dead_code)] RawGuard<'static>);

/// 32 bits of a file's address; the multiplier and the use of the upper bits are those of hash_ptr().
/// `may_be_watched()` of `helpers/ftrace.c` does the same, as it does what [`filter_bit`] does.
#[inline]
fn hash(file: *mut bindings::file) -> u32 {
    ((file as u64).wrapping_mul(0x61C8_8646_80B5_83EB) >> 32) as u32
}

/// The bit of a file with this hash in its bucket's filter: the upper bits of the hash, where the
/// bucket's number are the lower ones.
#[inline]
fn filter_bit(hash: u32) -> u32 {
    1 << (hash >> 27)
}

impl Bucket {
    /// The bucket of a file with this hash.
    ///
    /// The table exists: the callers are an instance, or the hook that only instances keep alive.
    #[inline]
    fn of(hash: u32) -> &'static Self {
        let index = (hash & TABLE.mask.load(Ordering::Relaxed)) as usize;
        // SAFETY: Less than the array's length.
        unsafe { &*TABLE.buckets.load(Ordering::Relaxed).add(index) }
    }

    /// Does not sleep, not even on PREEMPT_RT. Must not be called from an interrupt.
    fn lock(&'static self) -> BucketGuard {
        BucketGuard(self, self.lock.lock())
    }
}

impl BucketGuard {
    /// The epitem that stands for `file` on the chain.
    fn find(&self, file: *mut bindings::file) -> Option<&Epitem> {
        let mut next = self.0.first.load(Ordering::Relaxed).cast_const();
        // SAFETY: By the invariant of `Bucket`; they stay in the table while it is locked.
        while let Some(item) = unsafe { next.as_ref() } {
            if item.key.file == file {
                return Some(item);
            }
            next = item.link.chain_next.get();
        }
        None
    }

    /// The bits of those files that are on the chain.
    fn renew_filter(&self) {
        let mut filter = 0;
        let mut next = self.0.first.load(Ordering::Relaxed).cast_const();
        // SAFETY: As in `find`.
        while let Some(item) = unsafe { next.as_ref() } {
            filter |= filter_bit(hash(item.key.file));
            next = item.link.chain_next.get();
        }
        // Release pairs with the acquire in may_be_watched(): for whom a registration is gone from
        // here, its hooks have been taken off.
        self.0.filter.store(filter, Ordering::Release);
    }

    /// All registrations of `file`.
    fn registrations(&self, file: *mut bindings::file) -> impl Iterator<Item = &Epitem> {
        let first = self.find(file);
        core::iter::successors(first, move |item| {
            // SAFETY: As in `find`; a ring has no end, so its links are not null.
            let next = unsafe { &*item.link.ring_next.get() };
            first.filter(|first| !ptr::eq(*first, next)).map(|_| next)
        })
    }

    /// Puts `item` on the chain between `prev` and `next`, either of which may be null.
    fn put_on_chain(&self, item: &Epitem, prev: *const Epitem, next: *const Epitem) {
        item.link.on_chain.set(true);
        item.link.chain_prev.set(prev);
        item.link.chain_next.set(next);
        self.relink(item, item, prev, next);
    }

    /// Makes `prev` lead to `to_next`, and `next` back to `to_prev`.
    fn relink(
        &self,
        to_next: *const Epitem,
        to_prev: *const Epitem,
        prev: *const Epitem,
        next: *const Epitem,
    ) {
        // SAFETY: As in `find`, for both.
        unsafe {
            match prev.as_ref() {
                Some(prev) => prev.link.chain_next.set(to_next),
                None => self.0.first.store(to_next.cast_mut(), Ordering::Relaxed),
            }
            if let Some(next) = next.as_ref() {
                next.link.chain_prev.set(to_prev);
            }
        }
    }
}

/// Enters a new registration; from here on the last close of its file finds it.
///
/// With the instance's mutex held. The caller has a reference to the file.
pub(crate) fn enter(item: &Epitem) {
    let hash = hash(item.key.file);
    let bucket = Bucket::of(hash).lock();
    match bucket.find(item.key.file) {
        Some(there) => {
            let next = there.link.ring_next.replace(item);
            item.link.ring_prev.set(there);
            item.link.ring_next.set(next);
            // SAFETY: On the ring, see `find`.
            unsafe { &*next }.link.ring_prev.set(item);
        }
        None => {
            item.link.ring_next.set(item);
            item.link.ring_prev.set(item);
            bucket.put_on_chain(item, ptr::null(), bucket.0.first.load(Ordering::Relaxed));
            let filter = bucket.0.filter.load(Ordering::Relaxed);
            bucket
                .0
                .filter
                .store(filter | filter_bit(hash), Ordering::Relaxed);
        }
    }
}

/// Takes a registration out. With the instance's mutex held, after its hooks are off: the file may
/// be freed as soon as the last-close hook no longer finds it here.
pub(crate) fn leave(item: &Epitem) {
    let bucket = Bucket::of(hash(item.key.file)).lock();
    let (prev, next) = (item.link.ring_prev.get(), item.link.ring_next.get());
    // SAFETY: On the ring, see `find`; both are `item` itself if it is alone.
    unsafe {
        (*prev).link.ring_next.set(next);
        (*next).link.ring_prev.set(prev);
    }
    if !item.link.on_chain.get() {
        return;
    }
    let (before, after) = (item.link.chain_prev.get(), item.link.chain_next.get());
    if ptr::eq(next, item) {
        bucket.relink(after, before, before, after);
        bucket.renew_filter();
    } else {
        // SAFETY: As above. Another registration of the file takes the place.
        bucket.put_on_chain(unsafe { &*next }, before, after);
    }
}

/// Calls `f` with the instance of each registration of `file` until it returns false, and then
/// returns false. `f` runs under a raw spinlock: it must not sleep.
pub(crate) fn for_each_watcher(
    file: *mut bindings::file,
    mut f: impl FnMut(&Eventpoll) -> bool,
) -> bool {
    let guard = Bucket::of(hash(file)).lock();
    let mut registrations = guard.registrations(file);
    // SAFETY: The instance outlives its epitems, which stay in the table while it is locked.
    let all = registrations.all(|item| f(unsafe { item.ep.as_ref() }));
    all
}

/// Some instance that has a registration of `file`.
fn any_watcher(file: *mut bindings::file) -> Option<Arc<Eventpoll>> {
    let guard = Bucket::of(hash(file)).lock();
    let item = guard.find(file)?;
    // SAFETY: Every instance lives in an `Arc`, whose count cannot be zero while an epitem of it is
    // in the table: its release empties the set first.
    let ep: ArcBorrow<'_, Eventpoll> = unsafe { ArcBorrow::from_raw(item.ep.as_ptr()) };
    Some(ep.into())
}

/// Does `file` have registrations? Called by the last-close hook, where the filter says that it may.
///
/// A file that is being closed for the last time cannot gain one. Does not sleep.
///
/// # Safety
///
/// None, but that the table exists; `file` is not dereferenced.
#[no_mangle]
pub(crate) unsafe extern "C" fn repoll_file_is_watched(file: *mut bindings::file) -> bool {
    let guard = Bucket::of(hash(file)).lock();
    let watched = guard.find(file).is_some();
    watched
}

/// Removes all registrations of `file`, everywhere. Called from `__fput()`. May sleep.
///
/// # Safety
///
/// `file` is being closed for the last time and has not been released yet.
#[no_mangle]
pub(crate) unsafe extern "C" fn repoll_release_file(file: *mut bindings::file) {
    while let Some(ep) = any_watcher(file) {
        ep.remove_file(file);
    }
}

/// Keeps the table in existence.
pub(crate) struct WatchedFiles(());

impl WatchedFiles {
    /// Makes a table fit for some `watches` registrations. May sleep. `ENOMEM`.
    ///
    /// # Safety
    ///
    /// There is no other one. When it is dropped there is no instance left, and the last-close hook
    /// is unregistered.
    pub(crate) unsafe fn new(watches: usize) -> Result<Self> {
        let len = (watches / 4).next_power_of_two().clamp(1 << 10, 1 << 18);
        let mut buckets = KVVec::with_capacity(len, GFP_KERNEL)?;
        for _ in 0..len {
            buckets.push(
                Bucket {
                    lock: RawLock::uninit(),
                    filter: AtomicU32::new(0),
                    first: AtomicPtr::new(ptr::null_mut()),
                },
                GFP_KERNEL,
            )?;
        }
        for bucket in buckets.iter() {
            // SAFETY: In its final place: the vector is not touched again before it is freed.
            unsafe { bucket.lock.init() };
        }
        let (buckets, ..) = buckets.into_raw_parts();
        TABLE.buckets.store(buckets, Ordering::Relaxed);
        TABLE.mask.store(len as u32 - 1, Ordering::Release);
        Ok(Self(()))
    }
}

impl Drop for WatchedFiles {
    fn drop(&mut self) {
        let len = TABLE.mask.swap(0, Ordering::Relaxed) as usize + 1;
        let buckets = TABLE.buckets.swap(ptr::null_mut(), Ordering::Relaxed);
        // SAFETY: The parts of the vector of `new`, whose capacity may only have been larger.
        drop(unsafe { KVVec::from_raw_parts(buckets, len, len) });
    }
}
