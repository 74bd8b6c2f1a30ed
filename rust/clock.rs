// SPDX-License-Identifier: GPL-2.0

//! A clock of an instance: its timers, in the order in which they are due, and one hrtimer that
//! says when the first is.
//!
//! What is due is found by who harvests, under the mutex. The hrtimer's function does not look at
//! the timers: it queues the one epitem that stands for all of them, as the wakeup of a file does,
//! and wakes who waits. So it takes no lock that a walk through timers is made under, and no more
//! time for ten thousand timers that are due at once than for one.
//!
//! The timers are ordered by the latest time at which they may expire, as the kernel's own are,
//! and the hrtimer has the earliest and the latest time of the first. When it fires, all from the
//! first on are due up to one that has not come to its earliest time: those that slack has brought
//! together.
//!
//! # No timer is missed
//!
//! While no timer is due, the hrtimer is armed for the first. When one is, the epitem is on the
//! ovflist, or on the rdllist. It leaves that, and the hrtimer is armed for what is first then,
//! when somebody has looked, under the mutex, and found that none is due.

use super::{
    add::Registration,
    compat,
    epitem::{Epitem, EpitemBox, Key},
    eventpoll::Eventpoll,
    events::Events,
    ffi,
    file::{Target, TargetKind},
    ready,
    timer::Timer,
    uapi::CtlFlags,
};
use core::{cell::Cell, iter, ptr::NonNull};
use kernel::{
    bindings, container_of,
    prelude::*,
    time::{BootTime, ClockSource, Monotonic, RealTime},
    types::Opaque,
};

/// Which clock.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum ClockId {
    Realtime,
    Monotonic,
    Boottime,
}

impl ClockId {
    /// How many there are.
    pub(crate) const COUNT: usize = 3;

    /// `EINVAL` for a clock by which there are no timers.
    pub(crate) fn from_raw(raw: u32) -> Result<Self> {
        match raw {
            bindings::CLOCK_REALTIME => Ok(Self::Realtime),
            bindings::CLOCK_MONOTONIC => Ok(Self::Monotonic),
            bindings::CLOCK_BOOTTIME => Ok(Self::Boottime),
            _ => Err(EINVAL),
        }
    }

    pub(crate) fn to_raw(self) -> u32 {
        match self {
            Self::Realtime => bindings::CLOCK_REALTIME,
            Self::Monotonic => bindings::CLOCK_MONOTONIC,
            Self::Boottime => bindings::CLOCK_BOOTTIME,
        }
    }

    /// Below [`Self::COUNT`].
    pub(crate) fn index(self) -> usize {
        match self {
            Self::Realtime => 0,
            Self::Monotonic => 1,
            Self::Boottime => 2,
        }
    }

    /// The time by this clock, in ns.
    pub(crate) fn now(self) -> i64 {
        match self {
            Self::Realtime => RealTime::ktime_get(),
            Self::Monotonic => Monotonic::ktime_get(),
            Self::Boottime => BootTime::ktime_get(),
        }
    }
}

/// A clock that has, or had, timers. All but the hrtimer's own state is guarded by the instance's
/// mutex, and the node in `item` has the hrtimer as its one producer.
///
/// # Invariants
///
/// * `hrtimer` is initialised, its function [`ring`]; `ep` is the instance whose set owns this.
/// * The nodes of `queue` are those of [`Timer`]s, which leave it before they go or move.
#[pin_data(PinnedDrop)]
pub(crate) struct Clock {
    #[pin]
    hrtimer: Opaque<bindings::hrtimer>,
    ep: NonNull<Eventpoll>,
    id: ClockId,
    /// Stands on the ready lists for all timers that are due. It is in no tree.
    item: EpitemBox,
    queue: Cell<bindings::timerqueue_head>,
    /// The times that the hrtimer was last armed for.
    armed: Cell<(i64, i64)>,
}

impl Clock {
    /// One without timers, for `ep`, whose file is `this`. It counts as a watch. May sleep.
    /// `ENOMEM`, `ENOSPC`.
    pub(crate) fn new(ep: &Eventpoll, this: Target<'_>, id: ClockId) -> Result<Pin<KBox<Self>>> {
        let registration = Registration {
            target: this,
            key: Key {
                file: this.as_ptr(),
                fd: -1,
            },
            kind: TargetKind::Clock,
            events: Events::IN,
            data: id.index() as u64,
            flags: CtlFlags::NONE,
            generation: Cell::new(0),
        };
        let item = EpitemBox::new(ep, &registration, Events::IN)?;
        // SAFETY: The box does not move its epitem, which goes after the last push.
        unsafe { item.hooks.hook_to_none(&item) };
        KBox::pin_init(
            pin_init!(Self {
                hrtimer <- Opaque::ffi_init(|hrtimer| {
                    // SAFETY: Valid for writes, and pinned until `drop` has ended it.
                    unsafe {
                        bindings::hrtimer_setup(
                            hrtimer,
                            Some(ring),
                            id.to_raw() as i32,
                            bindings::hrtimer_mode_HRTIMER_MODE_ABS,
                        )
                    }
                }),
                ep: NonNull::from(ep),
                id,
                item,
                queue: Cell::new(pin_init::zeroed()),
                armed: Cell::new((0, 0)),
            }),
            GFP_KERNEL_ACCOUNT,
        )
    }

    pub(crate) fn now(&self) -> i64 {
        self.id.now()
    }

    pub(crate) fn item(&self) -> &Epitem {
        &self.item
    }

    /// Its timers, the first to be due first. None may leave meanwhile.
    fn timers(&self) -> impl Iterator<Item = &Timer> {
        // SAFETY: Valid, and not changed at this time: the mutex is held.
        let first = unsafe { (*self.queue.as_ptr()).rb_root.rb_leftmost };
        // A node's links are its first field.
        let first = NonNull::new(first.cast::<bindings::timerqueue_node>());
        iter::successors(first, |node| {
            // SAFETY: In the queue, which is consistent.
            NonNull::new(unsafe { ffi::repoll_timer_behind(node.as_ptr()) })
        })
        // SAFETY: By the type's invariant.
        .map(|node| unsafe { Timer::of_node(node) })
    }

    /// Those of them that are due at `now`, as far as anybody has to know.
    pub(crate) fn due(&self, now: i64) -> impl Iterator<Item = &Timer> {
        self.timers().take_while(move |timer| timer.is_due(now))
    }

    /// # Safety
    ///
    /// `timer` is in no queue, and gets out of this one, by [`Self::unlink`], before it goes or moves.
    pub(crate) unsafe fn link(&self, timer: &Timer) {
        // SAFETY: Both are initialised, and by the caller's promise. INVARIANT: As well.
        unsafe { ffi::repoll_timer_enqueue(self.queue.as_ptr(), timer.node()) };
    }

    /// # Safety
    ///
    /// `timer` is in this queue.
    pub(crate) unsafe fn unlink(&self, timer: &Timer) {
        // SAFETY: By the caller's promise.
        unsafe { ffi::repoll_timer_dequeue(self.queue.as_ptr(), timer.node()) };
    }

    /// How many timers are due, `enough` if they are more. If they are fewer, the hrtimer is armed
    /// for the next.
    pub(crate) fn look(&self, enough: u32) -> u32 {
        let now = self.now();
        let mut due: u32 = 0;
        for timer in self.timers() {
            if due == enough {
                return due;
            }
            if !timer.is_due(now) {
                self.arm(Some(timer));
                return due;
            }
            due = due.wrapping_add(1);
        }
        self.arm(None);
        due
    }

    /// After timers have come and gone. Tells whether one is due; else the hrtimer is armed for
    /// the first.
    pub(crate) fn settle(&self) -> bool {
        let first = self.timers().next();
        // Most changes are of timers that are not the first.
        if first.is_some_and(|first| self.is_armed_for(first)) {
            return false;
        }
        let due = first.is_some_and(|first| first.is_due(self.now()));
        if !due {
            self.arm(first);
        }
        due
    }

    fn is_armed_for(&self, timer: &Timer) -> bool {
        if self.armed.get() != timer.times() {
            return false;
        }
        // SAFETY: By the type's invariant. If it is firing now, somebody will look.
        unsafe { ffi::repoll_timer_is_queued(self.hrtimer.get()) }
    }

    /// Arms the hrtimer for `first`. Does not sleep.
    fn arm(&self, first: Option<&Timer>) {
        let Some(first) = first else {
            // SAFETY: By the type's invariant. If it is firing now, somebody looks in vain.
            unsafe { bindings::hrtimer_try_to_cancel(self.hrtimer.get()) };
            return;
        };
        if self.is_armed_for(first) {
            return;
        }
        let (soft, hard) = first.times();
        self.armed.set((soft, hard));
        // SAFETY: By the type's invariant.
        unsafe {
            bindings::hrtimer_start_range_ns(
                self.hrtimer.get(),
                soft,
                hard.saturating_sub(soft) as u64,
                bindings::hrtimer_mode_HRTIMER_MODE_ABS,
            )
        };
    }

    /// When this returns, the hrtimer's function does not run, nor will it before the next
    /// [`Self::arm`]. May sleep.
    pub(crate) fn stop(&self) {
        // SAFETY: By the type's invariant. Its function takes no lock that the caller holds.
        unsafe { bindings::hrtimer_cancel(self.hrtimer.get()) };
    }
}

#[pinned_drop]
impl PinnedDrop for Clock {
    fn drop(self: Pin<&mut Self>) {
        self.stop();
    }
}

/// The time has come. In an interrupt, or in a thread on PREEMPT_RT.
///
/// # Safety
///
/// `hrtimer` is that of a [`Clock`].
unsafe extern "C" fn ring(hrtimer: *mut bindings::hrtimer) -> bindings::hrtimer_restart {
    // SAFETY: By the caller's promise; whoever drops the clock waits for this function.
    let clock = unsafe { &*container_of!(Opaque::cast_from(hrtimer), Clock, hrtimer) };
    // SAFETY: By the type's invariant, the instance outlives its set.
    let ep = unsafe { clock.ep.as_ref() };
    ready::event_happened();
    // SAFETY: An hrtimer's function does not run twice at once, and each run follows the one
    // before under its base's lock. The list is drained before the clock, which is stopped then,
    // goes.
    unsafe { ep.ovflist.push(clock.item.hooks.node()) };
    ep.wake_to_look();
    compat::NORESTART
}
