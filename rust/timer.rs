// SPDX-License-Identifier: GPL-2.0

//! One timer of an instance.

use super::{clock::ClockId, eventpoll::Eventpoll, quota::WatchCharge, timer_request::Schedule};
use core::{cell::Cell, ptr::NonNull};
use kernel::{bindings, container_of, prelude::*};

/// A timer. It counts as a watch of the instance's user. All of it is guarded by the instance's
/// mutex.
///
/// # Invariants
///
/// `ep` is the instance whose set owns this, and which has counted it. The times are not negative.
pub(crate) struct Timer {
    /// Its place in the queue of its clock, by the latest time at which it may expire.
    node: Cell<bindings::timerqueue_node>,
    ep: NonNull<Eventpoll>,
    /// What it is known by, and the data of its event.
    pub(crate) id: u64,
    clock: Cell<ClockId>,
    /// The earliest time at which it may expire.
    expiry: Cell<i64>,
    slack: Cell<i64>,
    /// 0 if it expires once.
    interval: Cell<i64>,
    /// How many times it has expired, as far as that has been delivered.
    expirations: Cell<u64>,
}

impl Timer {
    /// One of `ep` that is to expire as `schedule` says, `now` by its clock; in no queue.
    /// `ENOSPC`.
    pub(crate) fn new(ep: &Eventpoll, id: u64, schedule: &Schedule, now: i64) -> Result<Self> {
        core::mem::forget(WatchCharge::new(ep.user())?);
        // INVARIANT: Counted, which is given back when it is dropped.
        let timer = Self {
            node: Cell::new(pin_init::zeroed()),
            ep: NonNull::from(ep),
            id,
            clock: Cell::new(schedule.clock),
            expiry: Cell::new(0),
            slack: Cell::new(0),
            interval: Cell::new(0),
            expirations: Cell::new(0),
        };
        timer.set(schedule, now);
        Ok(timer)
    }

    /// Gives it another schedule. It is in no queue.
    pub(crate) fn set(&self, schedule: &Schedule, now: i64) {
        let begin = if schedule.absolute { 0 } else { now };
        self.clock.set(schedule.clock);
        self.slack.set(schedule.slack);
        self.interval.set(schedule.interval);
        self.expirations.set(0);
        self.expire_at(begin.saturating_add(schedule.expiry));
    }

    /// It is in no queue.
    fn expire_at(&self, expiry: i64) {
        self.expiry.set(expiry);
        let (_, hard) = self.times();
        // SAFETY: Nobody else looks at the cell; only a number is written.
        unsafe { (*self.node.as_ptr()).expires = hard };
    }

    pub(crate) fn clock(&self) -> ClockId {
        self.clock.get()
    }

    pub(crate) fn node(&self) -> *mut bindings::timerqueue_node {
        self.node.as_ptr()
    }

    /// The timer that a node belongs to.
    ///
    /// # Safety
    ///
    /// It is that of a timer, which stays for `'a`.
    pub(crate) unsafe fn of_node<'a>(node: NonNull<bindings::timerqueue_node>) -> &'a Self {
        let node = node.as_ptr().cast::<Cell<bindings::timerqueue_node>>();
        // SAFETY: By the caller's promise.
        unsafe { &*container_of!(node, Self, node) }
    }

    /// The earliest and the latest time at which it may expire.
    pub(crate) fn times(&self) -> (i64, i64) {
        let expiry = self.expiry.get();
        (expiry, expiry.saturating_add(self.slack.get()))
    }

    pub(crate) fn is_due(&self, now: i64) -> bool {
        self.expiry.get() <= now
    }

    /// How many times it has expired since its last event, by `now`, and when it expires next, if
    /// it does.
    fn expired(&self, now: i64) -> (u64, Option<i64>) {
        let (expiry, interval) = (self.expiry.get(), self.interval.get());
        let late = now.saturating_sub(expiry);
        if late < 0 {
            return (0, Some(expiry));
        }
        let Some(intervals) = late.checked_div(interval) else {
            return (1, None);
        };
        // The last time that has passed, and one more.
        let last = expiry.saturating_add(intervals.saturating_mul(interval));
        let times = (intervals as u64).saturating_add(1);
        (times, Some(last.saturating_add(interval)))
    }

    /// Its event has been delivered, `now` by its clock. It is in no queue. Tells whether it
    /// expires again, some time after `now`.
    pub(crate) fn delivered(&self, now: i64) -> bool {
        let (times, next) = self.expired(now);
        self.expirations
            .set(self.expirations.get().saturating_add(times));
        next.map(|next| self.expire_at(next)).is_some()
    }

    /// When it expires, next if it is periodic, and how many times it has, `now` by its clock.
    pub(crate) fn describe(&self, now: i64) -> (Schedule, u64) {
        let (times, next) = self.expired(now);
        let schedule = Schedule {
            clock: self.clock(),
            absolute: true,
            expiry: next.unwrap_or(self.expiry.get()),
            interval: self.interval.get(),
            slack: self.slack.get(),
        };
        (schedule, self.expirations.get().saturating_add(times))
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        // SAFETY: By the type's invariant, the instance outlives its set.
        WatchCharge::give_back(unsafe { self.ep.as_ref() }.user());
    }
}
