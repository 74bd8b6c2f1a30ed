// SPDX-License-Identifier: GPL-2.0

//! Wake policies: who is woken first by an event, of those who could be.
//!
//! There are two queues in which somebody can be first. On the wait queue of a watched file stand
//! the hooks of all exclusive registrations, of any instance; a wakeup goes from its head to the
//! first whose instance has a waiter. On an instance's own stand its waiters, the last to come at the
//! head.
//!
//! In-tree leaves hooks in the order of their ADD and wakes the waiter at the head, and so do
//! registrations without a policy and those with `LIFO`. An event of one with `FIFO` or `ROUND_ROBIN`
//! wakes the waiter at the tail, and its hooks, if it is exclusive, move to the tail of the file's
//! queue: with `ROUND_ROBIN` when its event is delivered, with `FIFO` when a thread begins to
//! wait on an instance that has delivered something since the last one did. So at the head is, of
//! those that move, the one whose last event is the longest ago, or the one that is idle longest.
//!
//! A hook is moved with the mutex of its instance held and never by a wakeup: one that is to wake
//! everybody would meet the moved hook again, and go round for ever.

use super::{eventpoll::Eventpoll, ffi};
use core::sync::atomic::{AtomicU8, Ordering};

/// What `REPOLL_CTL_WAKE_*` ask for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum WakePolicy {
    Lifo,
    Fifo,
    RoundRobin,
}

impl WakePolicy {
    /// A bit for each policy that differs from what is done without one.
    pub(crate) const fn bit(policy: Option<Self>) -> u8 {
        match policy {
            None | Some(Self::Lifo) => 0,
            Some(Self::Fifo) => 1 << 2,
            Some(Self::RoundRobin) => 1 << 3,
        }
    }
}

/// Those policies that registrations of an instance have, or have had: a bit is only ever set. May be
/// read at any time.
pub(crate) struct PoliciesSeen(AtomicU8);

impl PoliciesSeen {
    pub(crate) fn new() -> Self {
        Self(AtomicU8::new(0))
    }

    /// Before a registration gets the policy.
    pub(crate) fn note(&self, policy: Option<WakePolicy>) {
        self.0.fetch_or(WakePolicy::bit(policy), Ordering::Relaxed);
    }

    /// Whether there may be a registration whose events wake the longest waiting thread.
    pub(crate) fn any(&self) -> bool {
        self.0.load(Ordering::Relaxed) != 0
    }

    /// Whether there may be a registration with `FIFO`.
    #[inline]
    pub(crate) fn fifo(&self) -> bool {
        self.0.load(Ordering::Relaxed) & WakePolicy::bit(Some(WakePolicy::Fifo)) != 0
    }
}

impl Eventpoll {
    /// A thread begins to wait. If the instance has delivered something since one last did, it is
    /// idle from now on, and its `FIFO` registrations go behind those that are idle already. May
    /// sleep.
    #[cold]
    pub(crate) fn begin_idle(&self) {
        let interest = self.interest.lock();
        if interest.idle.replace(true) {
            return;
        }
        for item in interest.fifo() {
            item.hooks.move_to_tails();
            // SAFETY: In process context, under a mutex.
            unsafe { ffi::repoll_cond_resched() };
        }
    }
}
