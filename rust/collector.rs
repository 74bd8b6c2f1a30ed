// SPDX-License-Identifier: GPL-2.0

//! A waiter that is not for a few events: its place on the queue of an instance, where it hears of
//! events without being woken by each.
//!
//! A wakeup goes through the queue up to the first waiter that it wakes. A collector, which is behind
//! those who are for any event, counts the event and lets the wakeup go on: it keeps nothing from
//! anybody, so that whoever waits beside it is woken as if it were not there, and there is nothing to
//! pass on when it leaves. It wakes its own task when it has heard of as many events as are missing,
//! or some time after the first.
//!
//! # No event is missed
//!
//! What a collector has heard is a rumour, of which there may be too many and must not be too few:
//! that many, or more, are new on the two lists of `ready` since its last look. Three things see to
//! it:
//!
//! * It is on the queue from before its first look, with a full fence in between, up to the end. So
//!   a wakeup either finds it there, or had pushed before that look (ordering 3 of `ready`).
//! * A look forgets what was heard, and then drains. What was heard before has been pushed before,
//!   and is drained by it: hearing and forgetting are ordered by the queue's lock.
//! * Another waiter may be woken before the wakeup gets here, so that it is not heard of. Such a one
//!   harvests, or fails, and if it leaves anything on the lists it wakes the next, which is news
//!   again. So for each event that is still there, one wakeup has come this far.
//!
//! A wakeup of what is queued already is no news: the one that queued it was. One of a clock says
//! nothing of how many timers are due: it always wakes the task, which looks.

use super::{
    compat, ffi,
    wait_queue::{sleep_until, WaitQueue, LOOK},
};
use core::{
    cell::Cell,
    sync::atomic::{fence, AtomicBool, Ordering},
};
use kernel::{
    bindings, container_of,
    ffi::{c_int, c_uint, c_void},
    prelude::*,
    types::Opaque,
};

/// The current task's place on a queue, from [`Self::new`] to its drop.
///
/// All but `over` and what does not change is guarded by the queue's lock.
///
/// # Invariants
///
/// `wait` is on `queue`; `delay` is initialised, its function [`delay_is_over`].
#[pin_data(PinnedDrop)]
pub(crate) struct Collector<'a> {
    #[pin]
    wait: Opaque<bindings::wait_queue_entry>,
    /// Runs from the first event on.
    #[pin]
    delay: Opaque<bindings::hrtimer>,
    queue: &'a WaitQueue,
    delay_ns: i64,
    slack_ns: u64,
    task: *mut bindings::task_struct,
    /// How many events there have been since the last look.
    heard: Cell<u32>,
    /// Of how many the task has to be woken; `u32::MAX` while it is awake.
    missing: Cell<u32>,
    /// The delay has begun.
    begun: Cell<bool>,
    /// The delay is over.
    over: AtomicBool,
}

impl<'a> Collector<'a> {
    /// Puts the current task on `queue`. `delay_ns`: how long after the first event it is woken.
    pub(crate) fn new(queue: &'a WaitQueue, delay_ns: i64) -> impl PinInit<Self> + 'a {
        let task = kernel::current!().as_ptr();
        pin_init!(&this in Self {
            wait <- Opaque::ffi_init(|wait: *mut bindings::wait_queue_entry| {
                // SAFETY: Valid for writes.
                unsafe {
                    wait.write(bindings::wait_queue_entry {
                        flags: 0,
                        private: task.cast(),
                        func: Some(hear),
                        entry: pin_init::zeroed(),
                    })
                }
            }),
            delay <- Opaque::ffi_init(|delay| {
                // SAFETY: Valid for writes, and pinned until `drop` has ended it.
                unsafe {
                    bindings::hrtimer_setup_on_stack(
                        delay,
                        Some(delay_is_over),
                        bindings::CLOCK_MONOTONIC as i32,
                        bindings::hrtimer_mode_HRTIMER_MODE_REL,
                    )
                }
            }),
            queue,
            delay_ns,
            // SAFETY: No requirements.
            slack_ns: unsafe { ffi::repoll_timer_slack(*delay_ns) },
            task,
            heard: Cell::new(0),
            missing: Cell::new(u32::MAX),
            begun: Cell::new(false),
            over: AtomicBool::new(false),
            _: {
                // SAFETY: All fields have been initialised, and stay in place until `drop`, which
                // takes the entry off.
                unsafe {
                    bindings::add_wait_queue_exclusive(queue.as_ptr(), this.as_ref().wait.get())
                };
                // Against the caller's first look.
                fence(Ordering::SeqCst);
            },
        })
    }

    /// To be called at the beginning of a look, with the instance's mutex held: what has been heard
    /// up to now will be found.
    pub(crate) fn forget(&self) {
        self.queue.locked(|| {
            self.heard.set(0);
            self.missing.set(u32::MAX);
        });
    }

    /// Whether the delay after the first event is over.
    pub(crate) fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    /// Sleeps until `missing` events have been heard of since the last look, the delay is over, a
    /// signal comes, or `deadline` (monotonic ns, `None` for never), of which it tells. The delay runs
    /// if that look found some event, which `found` tells, or there has been one since. May sleep.
    pub(crate) fn sleep(&self, missing: u32, found: bool, deadline: Option<i64>) -> bool {
        let wait = self.queue.locked(|| {
            let begin = found || self.heard.get() > 0;
            if !begin || self.is_over() {
                self.end_delay();
            }
            if begin && !self.begun.get() {
                self.begin_delay();
            }
            self.missing.set(missing);
            // SAFETY: It is running until here, and is again below.
            unsafe { ffi::repoll_set_interruptible() };
            self.heard.get() < missing && !self.is_over()
        });
        let in_time = !wait || sleep_until(deadline);
        // SAFETY: No requirements.
        unsafe { ffi::repoll_set_running() };
        !in_time
    }

    /// With the queue's lock held. Any context.
    fn begin_delay(&self) {
        self.begun.set(true);
        // SAFETY: By the type's invariant.
        unsafe {
            bindings::hrtimer_start_range_ns(
                self.delay.get(),
                self.delay_ns,
                self.slack_ns,
                bindings::hrtimer_mode_HRTIMER_MODE_REL,
            )
        };
    }

    /// There was no event, as it turned out. With the queue's lock held. If the timer's function is
    /// about to run nevertheless, the task looks in vain or, in that instant, too early.
    fn end_delay(&self) {
        // SAFETY: By the type's invariant.
        unsafe { bindings::hrtimer_try_to_cancel(self.delay.get()) };
        self.begun.set(false);
        self.over.store(false, Ordering::Relaxed);
    }
}

#[pinned_drop]
impl PinnedDrop for Collector<'_> {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: On the queue by the type's invariant, and initialised. When it is off, nothing
        // starts the timer any more.
        unsafe {
            bindings::remove_wait_queue(self.queue.as_ptr(), self.wait.get());
            ffi::repoll_timer_end_on_stack(self.delay.get());
        }
    }
}

/// The instance has an event, which is news unless `key` is null. Any context, with the queue's lock
/// held. Returns 0: the event is for others as well.
///
/// # Safety
///
/// Called by the wait-queue code for the `wait` of a [`Collector`].
unsafe extern "C" fn hear(
    wait: *mut bindings::wait_queue_entry,
    mode: c_uint,
    sync: c_int,
    key: *mut c_void,
) -> c_int {
    if key.is_null() {
        return 0;
    }
    // SAFETY: By the caller's promise; it is on the queue, whose lock is held, until it goes.
    let this = unsafe { &*container_of!(Opaque::cast_from(wait), Collector<'_>, wait) };
    let look = key.addr() == LOOK;
    let heard = if look {
        // So that it does not go to sleep either.
        u32::MAX
    } else {
        this.heard.get().saturating_add(1)
    };
    this.heard.set(heard);
    if !this.begun.get() {
        this.begin_delay();
    }
    if look || heard == this.missing.get() {
        // SAFETY: `private` is the task, which waits for as long as the entry is on the queue.
        unsafe { bindings::default_wake_function(wait, mode, sync, key) };
    }
    0
}

/// In an interrupt, or in a thread on PREEMPT_RT.
///
/// # Safety
///
/// `timer` is the `delay` of a [`Collector`].
unsafe extern "C" fn delay_is_over(timer: *mut bindings::hrtimer) -> bindings::hrtimer_restart {
    // SAFETY: By the caller's promise; whoever drops it waits for this function.
    let this = unsafe { &*container_of!(Opaque::cast_from(timer), Collector<'_>, delay) };
    this.over.store(true, Ordering::Relaxed);
    // SAFETY: The task is the one that will drop it, so it lives. This is a full fence: either the
    // task sees the store above before it sleeps, or it is woken.
    unsafe { bindings::wake_up_process(this.task) };
    compat::NORESTART
}
