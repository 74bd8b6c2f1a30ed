// SPDX-License-Identifier: GPL-2.0

//! The wait queues of an instance: `wq`, on which its waiters sleep, and `poll_wait`, on which sits
//! whoever watches the instance itself.

use super::{
    atomic::{AtomicU32, Ordering},
    events::Events,
    ffi,
};
use kernel::{bindings, prelude::*, sync::LockClassKey, types::Opaque};

/// The key of a wakeup for nobody knows how many events; others have 1 for one that is news, or 0.
pub(crate) const LOOK: usize = 2;

/// A `wait_queue_head_t`.
///
/// # Invariants
///
/// Initialised, and pinned.
#[pin_data]
pub(crate) struct WaitQueue {
    #[pin]
    head: Opaque<bindings::wait_queue_head>,
    /// For lockdep: how many queues of instances below this one are locked by the wakeup that is
    /// under way. Guarded by the queue's lock.
    nests: AtomicU32,
}

// SAFETY: A wait queue has its own lock and may be used by any thread.
unsafe impl Send for WaitQueue {}
// SAFETY: As above.
unsafe impl Sync for WaitQueue {}

impl WaitQueue {
    /// An empty queue whose lock is of the class `key`.
    pub(crate) fn new(name: &'static CStr, key: Pin<&'static LockClassKey>) -> impl PinInit<Self> {
        pin_init!(Self {
            head <- Opaque::ffi_init(|head| {
                // SAFETY: `head` is valid for writes and pinned; `name` and `key` are static.
                unsafe {
                    bindings::__init_waitqueue_head(head, name.as_char_ptr(), key.as_ptr())
                }
            }),
            nests: AtomicU32::new(0),
        })
    }

    pub(crate) fn as_ptr(&self) -> *mut bindings::wait_queue_head {
        self.head.get()
    }

    /// Whether somebody is on the queue. Any context. A full fence between the caller's news and
    /// this call makes sure that a waiter is either seen or sees the news itself.
    #[inline]
    pub(crate) fn is_active(&self) -> bool {
        let head = self.head.get();
        // SAFETY: Initialised; a racy read of one word.
        unsafe {
            let list = &raw mut (*head).head;
            (&raw const (*list).next).read_volatile() != list
        }
    }

    /// Wakes one waiter: the last to come, or the one that has been here longest. `sync`: the flags
    /// that a wakeup callback is given, not 0 when the waker is about to sleep. `news`: whether it is
    /// for something that nobody has been woken for yet; who counts events counts it. Any context.
    #[inline]
    pub(crate) fn wake_one(&self, longest: bool, sync: i32, news: bool) {
        const NORMAL: u32 = bindings::TASK_NORMAL;
        let key = core::ptr::without_provenance_mut(news.into());
        // SAFETY: Initialised. The callbacks on this queue take the key for no more than a number.
        unsafe {
            if longest {
                ffi::repoll_wake_longest(self.head.get(), sync, key);
            } else if sync != 0 {
                bindings::__wake_up_sync_key(self.head.get(), NORMAL, key);
            } else {
                bindings::__wake_up(self.head.get(), NORMAL, 1, key);
            }
        }
    }

    /// As [`Self::wake_one`], for any number of events: who counts them has to look. Any context.
    pub(crate) fn wake_to_look(&self, longest: bool) {
        let key = core::ptr::without_provenance_mut(LOOK);
        // SAFETY: As in `wake_one`.
        unsafe {
            if longest {
                ffi::repoll_wake_longest(self.head.get(), 0, key);
            } else {
                bindings::__wake_up(self.head.get(), bindings::TASK_NORMAL, 1, key);
            }
        }
    }

    /// Wakes all waiters. Any context.
    pub(crate) fn wake_all(&self) {
        // SAFETY: As in `wake_one`.
        unsafe {
            bindings::__wake_up(
                self.head.get(),
                bindings::TASK_NORMAL,
                0,
                core::ptr::null_mut(),
            )
        };
    }

    /// Runs `f` with the queue's lock held and interrupts off. With interrupts on.
    pub(crate) fn locked<R>(&self, f: impl FnOnce() -> R) -> R {
        // SAFETY: Initialised.
        unsafe { ffi::repoll_wq_lock(self.head.get()) };
        let result = f();
        // SAFETY: Locked above.
        unsafe { ffi::repoll_wq_unlock(self.head.get()) };
        result
    }

    /// Tells those who poll of `events`. Any context.
    ///
    /// `nests`: how many queues of other instances, each watched by the next, the caller has locked.
    pub(crate) fn wake_poll(&self, events: Events, nests: u32) {
        // SAFETY: Initialised; an atomic is a number in memory.
        unsafe {
            ffi::repoll_wake_poll(self.head.get(), events.bits(), self.nests.as_ptr(), nests)
        };
    }

    /// What [`Self::wake_poll`] was given, for a callback of that wakeup.
    pub(crate) fn nests(&self) -> u32 {
        self.nests.load(Ordering::Relaxed)
    }
}

/// The current task's place on a queue while it sleeps.
///
/// # Invariants
///
/// Initialised by [`Self::sleep_on`] and on no queue outside of it.
pub(crate) struct Waiter(Opaque<bindings::wait_queue_entry>);

/// How a sleep ended.
pub(crate) struct Slept {
    /// The deadline has passed.
    pub(crate) timed_out: bool,
    /// A wakeup took the waiter off the queue.
    pub(crate) woken: bool,
}

impl Waiter {
    /// Sleeps on `wq`, first of all its waiters, until a wakeup, a signal or `deadline` (monotonic
    /// ns, `None` for never), unless `ready` says that there is no need. May sleep.
    ///
    /// A wakeup that comes between the call of `ready` and the sleep ends the sleep.
    pub(crate) fn sleep_on(
        wq: &WaitQueue,
        deadline: Option<i64>,
        ready: impl FnOnce() -> bool,
    ) -> Slept {
        let this = Self(Opaque::uninit());
        // SAFETY: `this` stays in place, and is taken off the queue below.
        unsafe { ffi::repoll_waiter_add(wq.as_ptr(), this.0.get()) };
        let timed_out = !ready() && !sleep_until(deadline);
        // SAFETY: Added above.
        let queued = unsafe { ffi::repoll_waiter_remove(wq.as_ptr(), this.0.get()) };
        Slept {
            timed_out,
            woken: !queued,
        }
    }
}

/// Sleeps until something wakes the current task, whose state says already what may, or `deadline`
/// (monotonic ns, `None` for never). Returns false when the deadline has passed. May sleep.
pub(crate) fn sleep_until(deadline: Option<i64>) -> bool {
    let Some(mut expires) = deadline else {
        // SAFETY: A null time means no limit.
        unsafe {
            bindings::schedule_hrtimeout_range(
                core::ptr::null_mut(),
                0,
                bindings::hrtimer_mode_HRTIMER_MODE_ABS,
            )
        };
        return true;
    };
    // SAFETY: No requirements.
    let now = unsafe { ffi::repoll_now() };
    if expires <= now {
        return false;
    }
    // SAFETY: No requirements; `expires` outlives the call, which ends with the timer gone.
    unsafe {
        let slack = ffi::repoll_timer_slack(expires - now);
        bindings::schedule_hrtimeout_range(
            &mut expires,
            slack,
            bindings::hrtimer_mode_HRTIMER_MODE_ABS,
        ) != 0
    }
}
