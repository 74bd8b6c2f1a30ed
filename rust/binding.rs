// SPDX-License-Identifier: GPL-2.0

//! Registrations that end with their fd: what binds them to a number in a table of open files.
//!
//! The hook of `helpers/fd_hook.c` calls [`repoll_fd_closed`] at every close of a number. Where that
//! finds a binding to the number, it disarms the registration, as the delivery of a one-shot event
//! does, and has the task remove it on its way back to user space.

use super::{
    epitem::{Epitem, Key},
    eventpoll::Eventpoll,
    events::Events,
    ffi,
    raw_lock::{RawGuard, RawLock},
};
use core::{
    cell::Cell,
    ptr::{self, NonNull},
    sync::atomic::{AtomicPtr, Ordering},
};
use kernel::{
    alloc::KVVec,
    bindings,
    prelude::*,
    sync::{Arc, ArcBorrow},
    types::Opaque,
};

/// What binds a registration to the number that it was added under, in the table of open files of
/// the task that added it.
///
/// # Invariants
///
/// * While `linked`, it is on its bucket's chain; `item`, in the set of `ep`, is the registration;
///   and `files` is a table that is alive: its end is that of all its numbers, each of which the
///   hook sees, and so the end of the binding.
/// * From the time when the hook unlinks it until [`end`] runs, `work` belongs to the task that is to
///   run it, with a reference of this and one of `ep`.
#[repr(C)]
pub(crate) struct Binding {
    /// First, so that a pointer to it is one to the binding.
    work: Opaque<bindings::callback_head>,
    ep: NonNull<Eventpoll>,
    pub(crate) key: Key,
    /// Compared, and dereferenced only when it is that of a close.
    files: *const bindings::files_struct,
    /// These are guarded by the bucket's lock.
    item: Cell<*const Epitem>,
    next: Cell<*const Binding>,
    linked: Cell<bool>,
}

// SAFETY: What changes is guarded by the bucket's lock, or belongs to the one task that runs `work`.
unsafe impl Send for Binding {}
// SAFETY: As above.
unsafe impl Sync for Binding {}

/// The bindings whose (file, table) hash to the same value: a chain.
///
/// # Invariants
///
/// `first` and the links behind it lead to linked bindings. They are written with `lock` held;
/// whether there are any may be asked without.
struct Bucket {
    lock: RawLock,
    first: AtomicPtr<Binding>,
}

/// How many registrations of one file may be bound to numbers of one table: a close looks at all of
/// them, with preemption off.
const MAX_BOUND: usize = 4096;

/// As a power of two, how many buckets there are: 256 KiB, from the first binding on.
const BITS: u32 = 14;
const LEN: usize = 1 << BITS;

/// The buckets; null until there is a first binding.
static TABLE: AtomicPtr<Bucket> = AtomicPtr::new(ptr::null_mut());

/// A locked bucket.
struct BucketGuard<'a>(&'a Bucket, #[allow(dead_code)] RawGuard<'a>);

impl Bucket {
    /// The bucket of registrations of `file` that are bound to numbers of `files`.
    ///
    /// The table exists: there is a binding, or the hook that only bindings keep alive.
    fn of(file: *mut bindings::file, files: *const bindings::files_struct) -> &'static Self {
        const GOLDEN_RATIO_64: u64 = 0x61C8_8646_80B5_83EB;
        let both = (file as u64) ^ (files as u64).rotate_left(32);
        let index = both.wrapping_mul(GOLDEN_RATIO_64) >> (u64::BITS - BITS);
        // SAFETY: Less than the array's length.
        unsafe { &*TABLE.load(Ordering::Relaxed).add(index as usize) }
    }

    fn lock(&self) -> BucketGuard<'_> {
        BucketGuard(self, self.lock.lock())
    }
}

impl BucketGuard<'_> {
    /// Those that may be found by the same closes as `binding`.
    fn count_beside(&self, binding: &Binding) -> usize {
        // SAFETY: By the invariant of `Bucket`; a linked binding is not freed.
        let first = unsafe { self.0.first.load(Ordering::Relaxed).as_ref() };
        // SAFETY: As above.
        core::iter::successors(first, |this| unsafe { this.next.get().as_ref() })
            .filter(|this| this.key.file == binding.key.file && this.files == binding.files)
            .count()
    }

    fn link(&self, binding: &Binding) {
        binding.next.set(self.0.first.load(Ordering::Relaxed));
        binding.linked.set(true);
        let binding = ptr::from_ref(binding).cast_mut();
        self.0.first.store(binding, Ordering::Relaxed);
    }

    /// Takes those off the chain for which `f` says so.
    fn unlink_if(&self, mut f: impl FnMut(&Binding) -> bool) {
        let mut prev: Option<&Binding> = None;
        let mut next = self.0.first.load(Ordering::Relaxed).cast_const();
        // SAFETY: By the invariant of `Bucket`; a linked binding is not freed.
        while let Some(this) = unsafe { next.as_ref() } {
            next = this.next.get();
            if !f(this) {
                prev = Some(this);
                continue;
            }
            this.linked.set(false);
            match prev {
                Some(prev) => prev.next.set(next),
                // Release pairs with the acquire in repoll_fd_closed(): what is gone is disarmed.
                None => self.0.first.store(next.cast_mut(), Ordering::Release),
            }
        }
    }
}

impl Binding {
    /// What would bind a registration with `ep` to the number in its key, of the current task. May
    /// sleep. `ENOMEM`, `ENOSPC` if there are [`MAX_BOUND`] already.
    pub(crate) fn new(ep: &Eventpoll, key: Key) -> Result<Arc<Self>> {
        let binding = Self {
            work: Opaque::new(bindings::callback_head {
                next: ptr::null_mut(),
                func: Some(end),
            }),
            ep: NonNull::from(ep),
            key,
            // SAFETY: In process context.
            files: unsafe { ffi::repoll_current_files() },
            item: Cell::new(ptr::null()),
            next: Cell::new(ptr::null()),
            linked: Cell::new(false),
        };
        if binding.bucket().count_beside(&binding) >= MAX_BOUND {
            return Err(ENOSPC);
        }
        Ok(Arc::new(binding, GFP_KERNEL_ACCOUNT)?)
    }

    /// Whether it binds to a number of the current task.
    pub(crate) fn is_ours(&self) -> bool {
        // SAFETY: In process context.
        ptr::eq(self.files, unsafe { ffi::repoll_current_files() })
    }

    fn bucket(&self) -> BucketGuard<'static> {
        Bucket::of(self.key.file, self.files).lock()
    }

    /// From here on, the close of the number ends `item`, which is in the set. With the instance's
    /// mutex held.
    pub(crate) fn enter(&self, item: &Epitem) {
        let bucket = self.bucket();
        // INVARIANT: It leaves before `item` goes. The current task is a user of `files`.
        self.item.set(item);
        bucket.link(self);
    }

    /// Whether the number has not been closed. With the instance's mutex held.
    pub(crate) fn is_live(&self) -> bool {
        let _bucket = self.bucket();
        self.linked.get()
    }

    /// Gives the registration another mask, and other data, unless the number has been closed: `ENOENT`. With the
    /// instance's mutex held.
    pub(crate) fn rearm(&self, item: &Epitem, events: Events, data: u64) -> Result {
        let _bucket = self.bucket();
        if !self.linked.get() {
            return Err(ENOENT);
        }
        item.arm(events, data);
        Ok(())
    }

    /// To be called before the registration leaves its set, with the instance's mutex held.
    pub(crate) fn leave(&self) {
        let bucket = self.bucket();
        if self.linked.get() {
            bucket.unlink_if(|binding| ptr::eq(binding, self));
        }
    }

    /// Silences the registration, and has the current task run [`end`]. Returns whether it will.
    /// With the bucket's lock held, while linked.
    fn begin_end(&self) -> bool {
        // SAFETY: By the type's invariant.
        let item = unsafe { &*self.item.get() };
        item.disarm();
        // SAFETY: Both are alive by the type's invariant, and counted. Their last references are
        // not among those made here, should they be dropped below: the set has one of the binding,
        // and empties before the instance's file drops its own.
        let (binding, ep) = unsafe {
            let ep: ArcBorrow<'_, Eventpoll> = ArcBorrow::from_raw(self.ep.as_ptr());
            let binding: ArcBorrow<'_, Binding> = ArcBorrow::from_raw(self);
            (Arc::from(binding), Arc::from(ep))
        };
        // SAFETY: Not queued, since only linked bindings are, once.
        let queued = unsafe { ffi::repoll_run_on_return(self.work.get()) };
        if queued {
            // They are for `end`.
            core::mem::forget((binding, ep));
        }
        queued
    }
}

/// A number of `files` that led to `file` has been closed, or `file` may have lost a lock in some
/// other way. Called by the hook, at every close in the system. Does not sleep.
///
/// This may also find what is bound to another number, which another task has taken out of the table
/// and not yet come here for. That task then finds nothing, and may return to user space while the
/// registration is still there; but it is silent.
///
/// # Safety
///
/// The table exists. Where `files` is a table of open files, it is alive.
#[no_mangle]
pub(crate) unsafe extern "C" fn repoll_fd_closed(
    file: *mut bindings::file,
    files: *mut bindings::files_struct,
) {
    let bucket = Bucket::of(file, files);
    // Whoever has entered a binding looks at its number after that, with the table's lock held: it
    // finds the number gone, or this finds the binding.
    if bucket.first.load(Ordering::Acquire).is_null() {
        return;
    }
    bucket.lock().unlink_if(|binding| {
        binding.key.file == file
            && ptr::eq(binding.files, files)
            // SAFETY: `files` is a table, since something is bound to it.
            && unsafe { ffi::repoll_fd_is_gone(files, binding.key.fd as u32, file) }
            && binding.begin_end()
    });
}

/// Ends the registration of a binding whose number has been closed. May sleep.
///
/// # Safety
///
/// Called once, for a work that [`Binding::begin_end`] has queued.
unsafe extern "C" fn end(work: *mut bindings::callback_head) {
    // SAFETY: The first field of a binding; `begin_end` has left references of both.
    let (binding, ep) = unsafe {
        let binding = Arc::<Binding>::from_raw(work.cast());
        let ep = Arc::<Eventpoll>::from_raw(binding.ep.as_ptr());
        (binding, ep)
    };
    ep.end_binding(&binding);
    drop((binding, ep));
    // SAFETY: Within the work. Nothing of the module is touched any more.
    unsafe { ffi::repoll_work_done() };
}

/// Makes the table if there is none. May sleep. `ENOMEM`.
pub(crate) fn make_table() -> Result {
    if !TABLE.load(Ordering::Acquire).is_null() {
        return Ok(());
    }
    let mut buckets = KVVec::with_capacity(LEN, GFP_KERNEL)?;
    for _ in 0..LEN {
        let bucket = Bucket {
            lock: RawLock::uninit(),
            first: AtomicPtr::new(ptr::null_mut()),
        };
        buckets.push(bucket, GFP_KERNEL)?;
    }
    for bucket in buckets.iter() {
        // SAFETY: In its final place: the vector is not touched again before it is freed.
        unsafe { bucket.lock.init() };
    }
    let (buckets, ..) = buckets.into_raw_parts();
    let none = ptr::null_mut();
    if TABLE
        .compare_exchange(none, buckets, Ordering::AcqRel, Ordering::Acquire)
        .is_err()
    {
        // SAFETY: The parts of the vector above, which nobody has seen.
        drop(unsafe { KVVec::from_raw_parts(buckets, LEN, LEN) });
    }
    Ok(())
}

/// Unregisters the hook, which instances register, and frees the table when the module goes.
pub(crate) struct FdHook(());

impl FdHook {
    /// # Safety
    ///
    /// There is no other one. When it is dropped there is no instance left but those that works
    /// hold.
    pub(crate) unsafe fn new() -> Self {
        Self(())
    }
}

impl Drop for FdHook {
    fn drop(&mut self) {
        let buckets = TABLE.load(Ordering::Relaxed);
        if buckets.is_null() {
            return;
        }
        // SAFETY: By the promise to `new`.
        unsafe { ffi::repoll_fd_hook_exit() };
        TABLE.store(ptr::null_mut(), Ordering::Relaxed);
        // SAFETY: The parts of the vector of `make_table`. Neither the hook nor a work, which used
        // it, is left.
        drop(unsafe { KVVec::from_raw_parts(buckets, LEN, LEN) });
    }
}
