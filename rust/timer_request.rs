// SPDX-License-Identifier: GPL-2.0

//! `REPOLL_IOC_TIMER`: timers as their caller describes them, an array in user space.

use super::{
    clock::ClockId,
    uapi::{self, TYPE},
};
use core::{mem::MaybeUninit, slice};
use kernel::{
    ioctl::_IOW,
    prelude::*,
    transmute::FromBytes,
    uaccess::{UserPtr, UserSlice},
};

/// `REPOLL_IOC_TIMER`.
pub(crate) const IOC_TIMER: u32 = _IOW::<Raw>(TYPE, 0x08);

/// `REPOLL_TIMERS_MAX`.
const MAX_TIMERS: u32 = 1 << 16;

/// How many operations are read, carried out and answered together, with the instance's mutex held
/// once for all of them.
const CHUNK: usize = 16;

/// `REPOLL_TIMER_ABSOLUTE`.
const ABSOLUTE: u32 = 1 << 0;

/// `struct repoll_timers`.
#[repr(C)]
struct Raw {
    timers: u64,
    nr_timers: u32,
    flags: u32,
}

// SAFETY: Integers, of which any bit pattern is valid.
unsafe impl FromBytes for Raw {}

/// A decoded `REPOLL_IOC_TIMER`.
pub(crate) struct TimerRequest {
    /// User address of what is left of the array.
    next: usize,
    left: u32,
}

impl TimerRequest {
    /// Reads and checks the request at user address `arg`. May sleep. `EFAULT`, `EINVAL` for
    /// flags,
    /// `E2BIG` for too many operations.
    pub(crate) fn read(arg: usize) -> Result<Self> {
        let raw: Raw = uapi::read(arg)?;
        if raw.flags != 0 {
            return Err(EINVAL);
        }
        if raw.nr_timers > MAX_TIMERS {
            return Err(E2BIG);
        }
        Ok(Self {
            next: usize::try_from(raw.timers).map_err(|_| EFAULT)?,
            left: raw.nr_timers,
        })
    }

    /// Reads the next operations, passes them to `carry_out`, which answers each, and writes them
    /// back. Returns what that returns, `None` when there are none left. May sleep. `EFAULT`.
    pub(crate) fn next_chunk<R>(
        &mut self,
        carry_out: impl FnOnce(&mut [TimerOp]) -> R,
    ) -> Result<Option<R>> {
        let n = CHUNK.min(self.left as usize);
        if n == 0 {
            return Ok(None);
        }
        let mut room = [const { MaybeUninit::<TimerOp>::uninit() }; CHUNK];
        let len = n.wrapping_mul(size_of::<TimerOp>());
        let user = || UserSlice::new(UserPtr::from_addr(self.next), len);
        let at = room.as_mut_ptr();
        // SAFETY: There is room for `n`, at most `CHUNK`; bytes have no alignment.
        let bytes = unsafe { slice::from_raw_parts_mut(at.cast(), len) };
        user().reader().read_raw(bytes)?;
        // SAFETY: As many have been written, and any bits make an operation.
        let result = carry_out(unsafe { slice::from_raw_parts_mut(at.cast(), n) });
        // SAFETY: As above; an operation is integers without padding.
        let bytes = unsafe { slice::from_raw_parts(at.cast(), len) };
        user().writer().write_slice(bytes)?;
        self.next = self.next.wrapping_add(len);
        self.left = self.left.wrapping_sub(n as u32);
        Ok(Some(result))
    }
}

/// When a timer expires.
pub(crate) struct Schedule {
    pub(crate) clock: ClockId,
    pub(crate) absolute: bool,
    /// In ns, and not negative, as are those below.
    pub(crate) expiry: i64,
    /// 0 for once.
    pub(crate) interval: i64,
    pub(crate) slack: i64,
}

/// What is to be done to a timer.
pub(crate) enum Action {
    Set(Schedule),
    Cancel,
    Get,
}

/// `struct repoll_timer`, as it was read, and what is for the caller.
#[repr(C)]
pub(crate) struct TimerOp {
    pub(crate) id: u64,
    expiry_ns: u64,
    interval_ns: u64,
    slack_ns: u64,
    expirations: u64,
    op: u32,
    clock: u32,
    flags: u32,
    result: i32,
}

impl TimerOp {
    /// `EINVAL` for an unknown operation, clock or flag, or a time that is out of range.
    pub(crate) fn action(&self) -> Result<Action> {
        if self.op != 1 && self.flags != 0 {
            return Err(EINVAL);
        }
        match self.op {
            1 => self.schedule().map(Action::Set),
            2 => Ok(Action::Cancel),
            3 => Ok(Action::Get),
            _ => Err(EINVAL),
        }
    }

    fn schedule(&self) -> Result<Schedule> {
        if self.flags & !ABSOLUTE != 0 {
            return Err(EINVAL);
        }
        let absolute = self.flags & ABSOLUTE != 0;
        let clock = match ClockId::from_raw(self.clock)? {
            // Setting that clock changes no length of time: as for every other timer.
            ClockId::Realtime if !absolute => ClockId::Monotonic,
            clock => clock,
        };
        let ns = |raw: u64| i64::try_from(raw).map_err(|_| EINVAL);
        Ok(Schedule {
            clock,
            absolute,
            expiry: ns(self.expiry_ns)?,
            interval: ns(self.interval_ns)?,
            slack: ns(self.slack_ns)?,
        })
    }

    /// What `REPOLL_TIMER_GET` answers.
    pub(crate) fn describe(&mut self, schedule: &Schedule, expirations: u64) {
        self.expiry_ns = schedule.expiry as u64;
        self.interval_ns = schedule.interval as u64;
        self.slack_ns = schedule.slack as u64;
        self.expirations = expirations;
        self.clock = schedule.clock.to_raw();
    }

    /// Sets its result; tells whether that is a success.
    pub(crate) fn answer(&mut self, result: Result) -> bool {
        self.result = match result {
            Ok(()) => 0,
            Err(error) => error.to_errno(),
        };
        result.is_ok()
    }
}

#[cfg(CONFIG_KUNIT = "y")]
#[kernel::macros::kunit_tests(repoll_timer_request)]
mod tests {
    use super::*;

    #[test]
    fn structures_are_as_in_the_header() {
        assert_eq!(size_of::<Raw>(), 16);
        assert_eq!(size_of::<TimerOp>(), 56);
        assert_eq!(core::mem::offset_of!(TimerOp, result), 52);
        assert_eq!(IOC_TIMER, 0x4010_e908);
    }
}
