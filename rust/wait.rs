// SPDX-License-Identifier: GPL-2.0

//! Waiting for events.

use super::{
    eventpoll::Eventpoll, extras::Extras, timeout::Timeout, uapi::WaitRequest, wait_queue::Waiter,
};
use kernel::prelude::*;

impl Eventpoll {
    /// `epoll_wait()`: stores events, sleeping until there are some if the timeout allows. May
    /// sleep.
    ///
    /// Returns how many were stored, 0 when the time is up. `EFAULT`; `EINTR` on a signal.
    #[inline]
    pub(crate) fn wait(&self, request: &WaitRequest) -> Result<u32> {
        if request.generations {
            return self.wait_with_generations(request);
        }
        self.wait_into::<false>(request)
    }

    /// [`Self::wait`] for an array of `struct repoll_event`.
    #[cold]
    fn wait_with_generations(&self, request: &WaitRequest) -> Result<u32> {
        self.wait_into::<true>(request)
    }

    #[inline(always)]
    fn wait_into<const GENERATIONS: bool>(&self, request: &WaitRequest) -> Result<u32> {
        // Whoever holds something looks in any case, for it is armed again first; who is at work, for it
        // comes back by that; and who is notified: it may have been told of what a wait had taken
        // already. With a ring there is nothing to wait for.
        let looks = Extras::OF_HOLDERS | Extras::NOTIFIER | Extras::RING;
        if self.ovflist.available() || self.extras.any(looks) {
            match self.harvest::<GENERATIONS>(request.events, request.maxevents) {
                Ok(0) => {}
                Ok(stored) => return Ok(stored),
                Err(error) => return Err(self.pass_on(error)),
            }
        }
        if request.timeout == Timeout::Poll {
            self.note_empty_wait();
            return Ok(0);
        }
        let (events, maxevents) = (request.events, request.maxevents);
        self.sleep_and_harvest::<GENERATIONS>(events, maxevents, request.timeout)
            .map_err(|error| self.pass_on(error))
    }

    /// The wakeup that was for a waiter that has failed is for somebody else now. Returns `error`.
    #[cold]
    fn pass_on(&self, error: Error) -> Error {
        if self.ovflist.available() {
            self.wake_other_waiter();
        }
        error
    }

    #[inline(never)]
    fn sleep_and_harvest<const GENERATIONS: bool>(
        &self,
        events: u64,
        maxevents: u32,
        timeout: Timeout,
    ) -> Result<u32> {
        let deadline = timeout.deadline();
        if self.policies.fifo() {
            self.begin_idle();
        }
        loop {
            let (mut timed_out, mut available) = (false, true);
            let mut woken = false;
            if !self.busy_poll.run(self) {
                if kernel::current!().signal_pending() {
                    return Err(EINTR);
                }
                let slept = Waiter::sleep_on(&self.wq, deadline, || self.ovflist.available());
                (timed_out, woken) = (slept.timed_out, slept.woken);
                self.note_sleep();
                // Whoever was woken looks, even when its time was up as well: nobody else was woken
                // for that event.
                available = !timed_out || slept.woken || self.ovflist.available();
            }
            if available {
                let stored = self.harvest::<GENERATIONS>(events, maxevents)?;
                if stored > 0 {
                    return Ok(stored);
                }
                if woken {
                    self.note_vain_wakeup();
                }
            }
            if timed_out {
                self.note_empty_wait();
                return Ok(0);
            }
        }
    }
}
