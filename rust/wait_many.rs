// SPDX-License-Identifier: GPL-2.0

//! Waiting for several events: until there are enough, or some time after the first.

use super::{
    collector::Collector,
    deliver::Look,
    eventpoll::Eventpoll,
    timeout::Timeout,
    uapi::{self, Wait, WaitRequest},
};
use kernel::{ioctl::_IOW, prelude::*, transmute::FromBytes};
use pin_init::stack_pin_init;

/// `REPOLL_IOC_WAIT_MANY`.
pub(crate) const IOC_WAIT_MANY: u32 = _IOW::<WaitMany>(uapi::TYPE, 0x04);

/// `struct repoll_wait_many`.
#[repr(C)]
struct WaitMany {
    wait: Wait,
    min_events: u32,
    reserved: u32,
    delay_ns: u64,
}

// SAFETY: Integers, of which any bit pattern is valid.
unsafe impl FromBytes for WaitMany {}

/// A decoded `REPOLL_IOC_WAIT_MANY`.
pub(crate) struct WaitManyRequest {
    wait: WaitRequest,
    /// How many events end the wait: 1 to the `maxevents` of `wait`.
    enough: u32,
    /// After how much time fewer do, from the first on.
    delay_ns: i64,
}

impl WaitManyRequest {
    /// Reads and checks the request at user address `arg`.
    ///
    /// The timeout begins here. May sleep. `EINVAL` for no events at all, and as
    /// [`WaitRequest::read`].
    pub(crate) fn read(arg: usize) -> Result<Self> {
        let raw: WaitMany = uapi::read(arg)?;
        if raw.min_events == 0 || raw.reserved != 0 {
            return Err(EINVAL);
        }
        let wait = WaitRequest::decode(&raw.wait)?;
        Ok(Self {
            enough: raw.min_events.min(wait.maxevents),
            delay_ns: i64::try_from(raw.delay_ns).unwrap_or(i64::MAX),
            wait,
        })
    }
}

impl Eventpoll {
    /// `REPOLL_IOC_WAIT_MANY`. May sleep.
    ///
    /// Returns how many events were stored, 0 when the time is up and there are none. `EFAULT`;
    /// `EINTR` on a signal, if there are none.
    #[inline(never)] // With a frame of its own, which other calls do without.
    pub(crate) fn wait_many(&self, request: &WaitManyRequest) -> Result<u32> {
        let wait = &request.wait;
        wait.with_sigmask(|| {
            if request.enough == 1 || request.delay_ns == 0 || wait.timeout == Timeout::Poll {
                return self.wait(wait);
            }
            self.collect(request)
        })
    }

    fn collect(&self, request: &WaitManyRequest) -> Result<u32> {
        let wait = &request.wait;
        if self.policies.fifo() {
            self.begin_idle();
        }
        stack_pin_init!(let collector = Collector::new(&self.wq, request.delay_ns));
        let (mut timed_out, mut slept) = (false, false);
        loop {
            let interrupted = kernel::current!().signal_pending();
            let enough = if timed_out || interrupted || collector.is_over() {
                1
            } else {
                request.enough
            };
            let look = self.harvest_many(wait, enough, || {
                collector.forget();
            })?;
            let ready = match look {
                Look::Stored(stored) => return Ok(stored),
                Look::TooFew(ready) => ready,
            };
            if timed_out {
                self.note_empty_wait();
                return Ok(0);
            }
            if interrupted {
                return Err(EINTR);
            }
            if slept && ready == 0 {
                self.note_vain_wakeup();
            }
            slept = ready > 0 || !self.busy_poll.run(self);
            if slept {
                let missing = request.enough.saturating_sub(ready);
                timed_out = collector.sleep(missing, ready > 0, wait.timeout.deadline());
                self.note_sleep();
            }
        }
    }
}

#[cfg(CONFIG_KUNIT = "y")]
#[kernel::macros::kunit_tests(repoll_wait_many)]
mod tests {
    use super::*;

    #[test]
    fn structure_is_as_in_the_header() {
        assert_eq!(size_of::<WaitMany>(), 56);
        assert_eq!(IOC_WAIT_MANY, 0x4038_e904);
    }
}
