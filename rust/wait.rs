// SPDX-License-Identifier: GPL-2.0

//! Waiting for events.

use super::{
    eventpoll::Eventpoll,
    uapi::{Timeout, WaitRequest},
    wait_queue::Waiter,
};
use kernel::prelude::*;

impl Eventpoll {
    /// `epoll_wait()`: stores events, sleeping until there are some if the timeout allows. May
    /// sleep.
    ///
    /// Returns how many were stored, 0 when the time is up. `EFAULT`; `EINTR` on a signal.
    #[inline]
    pub(crate) fn wait(&self, request: &WaitRequest) -> Result<u32> {
        if request.timeout == Timeout::Poll && !self.ovflist.available() {
            return Ok(0);
        }
        self.wait_or_harvest(request)
    }

    fn wait_or_harvest(&self, request: &WaitRequest) -> Result<u32> {
        let result = self.wait_for_events(request);
        if result.is_err() && self.ovflist.available() {
            // The wakeup that was ours is for somebody else now.
            self.wake_waiter();
        }
        result
    }

    fn wait_for_events(&self, request: &WaitRequest) -> Result<u32> {
        let deadline = match request.timeout {
            Timeout::Until(deadline) => Some(deadline),
            Timeout::Never | Timeout::Poll => None,
        };
        let mut timed_out = request.timeout == Timeout::Poll;
        let mut available = self.ovflist.available();
        loop {
            if available {
                let stored = self.harvest(request.events, request.maxevents)?;
                if stored > 0 {
                    return Ok(stored);
                }
            }
            if timed_out {
                return Ok(0);
            }
            if self.busy_poll.run(self) {
                available = true;
                continue;
            }
            if kernel::current!().signal_pending() {
                return Err(EINTR);
            }
            let slept = Waiter::sleep_on(&self.wq, deadline, || self.ovflist.available());
            timed_out = slept.timed_out;
            // Whoever was woken looks, even when its time was up as well: nobody else was woken
            // for that event.
            available = !timed_out || slept.woken || self.ovflist.available();
        }
    }
}
