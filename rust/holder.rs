// SPDX-License-Identifier: GPL-2.0

//! Threads that have been delivered something that there is a note of, and what becomes of that when
//! such a thread exits.
//!
//! The hook of `helpers/exit_hook.c` calls [`repoll_task_exits`] in each task that exits. Where that
//! finds a holder of the task, it has the task give back what is held, in a work that runs
//! before the task is gone.

use super::{
    deliveries::Place,
    epitem::Key,
    eventpoll::Eventpoll,
    ffi,
    raw_lock::{RawGuard, RawLock},
};
use core::{
    cell::Cell,
    ptr::{self, NonNull},
};
use kernel::{
    bindings,
    prelude::*,
    rbtree::RBTree,
    sync::{Arc, ArcBorrow},
    types::Opaque,
};

/// Tells a task from all others that have not exited.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TaskId(*const bindings::task_struct);

// SAFETY: An address, which is compared and never dereferenced.
unsafe impl Send for TaskId {}

impl TaskId {
    pub(crate) fn current() -> Self {
        Self(kernel::current!().as_ptr())
    }
}

/// The holders of an instance. Guarded by its mutex.
pub(crate) type Holders = RBTree<TaskId, Arc<Holder>>;

/// A thread that has taken something off an instance that has registrations that are handed over, or
/// whose deletion can be waited for.
///
/// # Invariants
///
/// * While `linked`, it is on its bucket's chain, or behind one of its task there; it is one of the
///   [`Holders`] of `ep`, which is alive; and its task has not exited.
/// * From the time when the hook unlinks it until [`end`] runs, `work` belongs to the task that is to
///   run it, with a reference of this and one of `ep`.
#[repr(C)]
pub(crate) struct Holder {
    /// First, so that a pointer to it is one to the holder.
    work: Opaque<bindings::callback_head>,
    ep: NonNull<Eventpoll>,
    pub(crate) task: TaskId,
    /// The list of what it holds, in the order of delivery. Guarded by the instance's mutex.
    pub(crate) first: Cell<Option<Key>>,
    pub(crate) last: Cell<Option<Key>>,
    /// Since which wait it is at work, 0 if it is not, and then the memory of its place among those
    /// that are. Guarded by the instance's mutex.
    pub(crate) since: Cell<u64>,
    pub(crate) place: Cell<Option<Place>>,
    /// These are guarded by the bucket's lock. `next` is the first of another task, `sibling` another
    /// of the same.
    next: Cell<*const Holder>,
    sibling: Cell<*const Holder>,
    linked: Cell<bool>,
}

// SAFETY: What changes is guarded by the instance's mutex or the bucket's lock, or belongs to the one
// task that runs `work`.
unsafe impl Send for Holder {}
// SAFETY: As above.
unsafe impl Sync for Holder {}

/// The holders whose tasks hash to the same value: a chain with one of each task, behind which are
/// its siblings. The exit of a task looks at no holders of others but these.
///
/// # Invariants
///
/// `first` and the links behind it lead to linked holders.
struct Bucket {
    lock: RawLock,
    /// Guarded by `lock`.
    first: Cell<*const Holder>,
}

// SAFETY: See the fields.
unsafe impl Sync for Bucket {}

/// Of how many instances one thread may be a holder: its exit looks at all of them, with preemption off.
const MAX_HELD: usize = 1024;

/// As a power of two, how many buckets there are.
const BITS: u32 = 10;

static TABLE: [Bucket; 1 << BITS] = [const {
    Bucket {
        lock: RawLock::uninit(),
        first: Cell::new(ptr::null()),
    }
}; 1 << BITS];

/// A locked bucket.
struct BucketGuard<'a>(&'a Bucket, #[allow(dead_code)] RawGuard<'a>);

impl Bucket {
    fn lock_of(task: TaskId) -> BucketGuard<'static> {
        const GOLDEN_RATIO_64: u64 = 0x61C8_8646_80B5_83EB;
        let index = (task.0 as u64).wrapping_mul(GOLDEN_RATIO_64) >> (u64::BITS - BITS);
        // The index is less than the array's length: the check is compiled away.
        let bucket = &TABLE[index as usize & (TABLE.len() - 1)];
        BucketGuard(bucket, bucket.lock.lock())
    }
}

/// From `first` on, those that `link` leads to.
///
/// # Safety
///
/// `first` and what it leads to are null or linked, and stay so for `'a`.
unsafe fn chain<'a>(
    first: *const Holder,
    link: fn(&Holder) -> &Cell<*const Holder>,
) -> impl Iterator<Item = &'a Holder> {
    // SAFETY: By the caller's promise; a linked holder is not freed.
    let first = unsafe { first.as_ref() };
    // SAFETY: As above.
    core::iter::successors(first, move |this| unsafe { link(this).get().as_ref() })
}

impl BucketGuard<'_> {
    /// What leads to the first holder of `task`, and that.
    fn find(&self, task: TaskId) -> Option<(&Cell<*const Holder>, &Holder)> {
        let mut link = &self.0.first;
        // SAFETY: By the invariant of `Bucket`; nothing is unlinked here.
        for first in unsafe { chain(link.get(), |this| &this.next) } {
            if first.task == task {
                return Some((link, first));
            }
            link = &first.next;
        }
        None
    }

    /// How many there are of `task`.
    fn count(&self, task: TaskId) -> usize {
        // SAFETY: By the invariant of `Bucket`; nothing is unlinked here.
        let siblings = |first: &_| unsafe { chain(first, |this| &this.sibling) }.count();
        self.find(task).map_or(0, |(_, first)| siblings(first))
    }

    fn link(&self, holder: &Holder) {
        match self.find(holder.task) {
            Some((_, first)) => holder.sibling.set(first.sibling.replace(holder)),
            None => holder.next.set(self.0.first.replace(holder)),
        }
        holder.linked.set(true);
    }

    /// Takes `holder` off the chain, which it is on.
    fn unlink(&self, holder: &Holder) {
        let Some((link, first)) = self.find(holder.task) else {
            return;
        };
        holder.linked.set(false);
        let sibling = holder.sibling.get();
        if !ptr::eq(first, holder) {
            // SAFETY: By the invariant of `Bucket`; nothing is freed here.
            let mut siblings = unsafe { chain(first, |this| &this.sibling) };
            if let Some(before) = siblings.find(|this| ptr::eq(this.sibling.get(), holder)) {
                before.sibling.set(sibling);
            }
            return;
        }
        // SAFETY: A sibling is linked.
        match unsafe { sibling.as_ref() } {
            Some(heir) => {
                heir.next.set(holder.next.get());
                link.set(heir);
            }
            None => link.set(holder.next.get()),
        }
    }

    /// Takes all those of `task` off the chain, and has `each` look at them.
    fn unlink_all(&self, task: TaskId, each: impl Fn(&Holder)) {
        let Some((link, first)) = self.find(task) else {
            return;
        };
        link.set(first.next.get());
        // SAFETY: They were linked till now, and `Holder::leave` waits for this lock before one is freed.
        for holder in unsafe { chain(first, |this| &this.sibling) } {
            holder.linked.set(false);
            each(holder);
        }
    }
}

impl Holder {
    /// The current task, as a holder of `ep`, which it is to be entered in. Its exit is seen from here
    /// on. With the instance's mutex held. May sleep. `ENOMEM`, `ENOSPC` if it is one of [`MAX_HELD`]
    /// instances already.
    pub(crate) fn new(ep: &Eventpoll) -> Result<Arc<Self>> {
        let task = TaskId::current();
        let holder = Self {
            work: Opaque::new(bindings::callback_head {
                next: ptr::null_mut(),
                func: Some(end),
            }),
            ep: NonNull::from(ep),
            task,
            first: Cell::new(None),
            last: Cell::new(None),
            since: Cell::new(0),
            place: Cell::new(Some(Place::new(GFP_KERNEL_ACCOUNT)?)),
            next: Cell::new(ptr::null()),
            sibling: Cell::new(ptr::null()),
            linked: Cell::new(false),
        };
        let holder = Arc::new(holder, GFP_KERNEL_ACCOUNT)?;
        let bucket = Bucket::lock_of(task);
        if bucket.count(task) >= MAX_HELD {
            return Err(ENOSPC);
        }
        // INVARIANT: The caller enters it. It leaves the chain before the instance goes, or when its
        // task exits, whichever comes first.
        bucket.link(&holder);
        drop(bucket);
        Ok(holder)
    }

    /// To be called before it is dropped by its instance, with the mutex of that held.
    pub(crate) fn leave(&self) {
        let bucket = Bucket::lock_of(self.task);
        if self.linked.get() {
            bucket.unlink(self);
        }
    }

    /// Has the current task, which exits, run [`end`]. With the bucket's lock held, while linked.
    fn begin_end(&self) {
        // SAFETY: Both are alive by the type's invariant, and counted. Their last references are
        // not among those made here, should they be dropped below: the set has one of the holder,
        // and gives it up before the instance's file drops its own, with the bucket's lock.
        let (holder, ep) = unsafe {
            let ep: ArcBorrow<'_, Eventpoll> = ArcBorrow::from_raw(self.ep.as_ptr());
            let holder: ArcBorrow<'_, Holder> = ArcBorrow::from_raw(self);
            (Arc::from(holder), Arc::from(ep))
        };
        // SAFETY: Not queued, since only linked holders are, once.
        if unsafe { ffi::repoll_run_on_return(self.work.get()) } {
            // They are for `end`.
            core::mem::forget((holder, ep));
        }
    }
}

/// `task`, which is the current one, exits. Called by the hook, in every such task of the system. Does
/// not sleep.
///
/// # Safety
///
/// The buckets are initialised.
#[no_mangle]
pub(crate) unsafe extern "C" fn repoll_task_exits(task: *const bindings::task_struct) {
    let task = TaskId(task);
    Bucket::lock_of(task).unlink_all(task, Holder::begin_end);
}

/// Ends the holds of a task that exits. May sleep.
///
/// # Safety
///
/// Called once, for a work that [`Holder::begin_end`] has queued.
unsafe extern "C" fn end(work: *mut bindings::callback_head) {
    // SAFETY: The first field of a holder; `begin_end` has left references of both.
    let (holder, ep) = unsafe {
        let holder = Arc::<Holder>::from_raw(work.cast());
        let ep = Arc::<Eventpoll>::from_raw(holder.ep.as_ptr());
        (holder, ep)
    };
    ep.end_holder(&holder);
    drop((holder, ep));
    // SAFETY: Within the work. Nothing of the module is touched any more.
    unsafe { ffi::repoll_work_done() };
}

/// The hook on exits, which instances register: goes with the module.
pub(crate) struct ExitHook(());

impl ExitHook {
    /// # Safety
    ///
    /// There is no other one, and no instance yet. When it is dropped there is no instance left but those
    /// that works hold.
    pub(crate) unsafe fn new() -> Self {
        for bucket in &TABLE {
            // SAFETY: A static, which nobody has used yet.
            unsafe { bucket.lock.init() };
        }
        Self(())
    }
}

impl Drop for ExitHook {
    fn drop(&mut self) {
        // SAFETY: By the promise to `new`.
        unsafe { ffi::repoll_exit_hook_exit() };
    }
}
