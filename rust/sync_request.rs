// SPDX-License-Identifier: GPL-2.0

//! `REPOLL_IOC_SYNC`: waiting for all threads that are at work, after deletions that have not.

use super::{
    deliveries::Deliveries,
    eventpoll::Eventpoll,
    extras::Extras,
    timeout::Timeout,
    uapi::{self, TYPE, WAIT_TIMESPEC},
};
use kernel::{ioctl::_IOW, prelude::*, transmute::FromBytes};

/// `REPOLL_IOC_SYNC`.
pub(crate) const IOC_SYNC: u32 = _IOW::<Raw>(TYPE, 0x07);

/// `struct repoll_sync`.
#[repr(C)]
struct Raw {
    timeout: i64,
    flags: u32,
    reserved: u32,
}

// SAFETY: Integers, of which any bit pattern is valid.
unsafe impl FromBytes for Raw {}

/// A decoded `REPOLL_IOC_SYNC`.
pub(crate) struct SyncRequest {
    timeout: Timeout,
}

impl SyncRequest {
    /// Reads and checks the request at user address `arg`. The timeout begins here. May sleep.
    /// `EFAULT` for the request or its timespec, `EINVAL` for unknown flags or a wrong timespec.
    pub(crate) fn read(arg: usize) -> Result<Self> {
        let raw: Raw = uapi::read(arg)?;
        if raw.flags & !WAIT_TIMESPEC != 0 || raw.reserved != 0 {
            return Err(EINVAL);
        }
        let timeout = Timeout::from_flags(raw.timeout, raw.flags & WAIT_TIMESPEC != 0)?;
        Ok(Self { timeout })
    }
}

impl Eventpoll {
    /// `REPOLL_IOC_SYNC`. May sleep. `EINTR`, `ETIMEDOUT` as [`Self::wait_for_returns`].
    #[cold]
    pub(crate) fn sync(&self, request: &SyncRequest) -> Result {
        if !self.extras.any(Extras::SYNC) {
            return Ok(());
        }
        self.wait_for_returns(self.interest.lock(), Deliveries::waits, request.timeout)
    }
}

#[cfg(CONFIG_KUNIT = "y")]
#[kernel::macros::kunit_tests(repoll_sync_request)]
mod tests {
    use super::*;

    #[test]
    fn structure_is_as_in_the_header() {
        assert_eq!(size_of::<Raw>(), 16);
        assert_eq!(IOC_SYNC, 0x4010_e907);
    }
}
