// SPDX-License-Identifier: GPL-2.0

//! Timeouts, as the caller gives them and as points of the clock.

use super::ffi;
use kernel::prelude::*;

/// How long a wait may take.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Timeout {
    Never,
    Poll,
    /// A point of the monotonic clock, in ns.
    Until(i64),
}

impl Timeout {
    fn after_ns(ns: i64) -> Self {
        if ns == 0 {
            return Timeout::Poll;
        }
        // SAFETY: No requirements; may be called in process context.
        Timeout::Until(unsafe { ffi::repoll_deadline_after(ns) })
    }

    /// The point of the monotonic clock, in ns, at which the wait ends, if there is one.
    pub(crate) fn deadline(self) -> Option<i64> {
        match self {
            Timeout::Until(deadline) => Some(deadline),
            Timeout::Never | Timeout::Poll => None,
        }
    }

    /// `ms` as in `epoll_wait()`, an `int` there: negative for no limit.
    pub(crate) fn from_ms(ms: i64) -> Self {
        if ms < 0 {
            return Timeout::Never;
        }
        Self::after_ns(ms.saturating_mul(1_000_000))
    }

    /// As the structures of waits have it: `raw` is the user address of a timespec or a number of ms.
    /// May sleep. `EFAULT`, `EINVAL`.
    #[inline]
    pub(crate) fn from_flags(raw: i64, timespec: bool) -> Result<Self> {
        if timespec {
            return Self::from_user(raw as u64);
        }
        Ok(Self::from_ms(raw))
    }

    /// `uts`: the user address of a relative timespec, or 0 for no limit. May sleep. `EFAULT`,
    /// `EINVAL`.
    pub(crate) fn from_user(uts: u64) -> Result<Self> {
        if uts == 0 {
            return Ok(Timeout::Never);
        }
        let mut ns = 0;
        // SAFETY: `ns` is valid for writes; the user address is checked by the callee.
        kernel::error::to_result(unsafe { ffi::repoll_get_timeout(uts, &mut ns) })?;
        Ok(Self::after_ns(ns))
    }
}

#[cfg(CONFIG_KUNIT = "y")]
#[kernel::macros::kunit_tests(repoll_timeout)]
mod tests {
    use super::*;

    /// The deadline of `timeout`, if it has one, as ns from `now` on.
    fn left(timeout: Timeout, now: i64) -> Option<i64> {
        match timeout {
            Timeout::Until(deadline) => deadline.checked_sub(now),
            Timeout::Never | Timeout::Poll => None,
        }
    }

    #[test]
    fn timeout_in_ms() {
        assert!(Timeout::from_ms(-1) == Timeout::Never);
        assert!(Timeout::from_ms(i64::MIN) == Timeout::Never);
        assert!(Timeout::from_ms(0) == Timeout::Poll);
        // SAFETY: No requirements.
        let before = unsafe { ffi::repoll_now() };
        let timeout = Timeout::from_ms(1000);
        // SAFETY: No requirements.
        let after = unsafe { ffi::repoll_now() };
        assert!(left(timeout, before).is_some_and(|ns| ns >= 1_000_000_000));
        assert!(left(timeout, after).is_some_and(|ns| ns <= 1_000_000_000));
    }

    #[test]
    fn timeout_does_not_overflow() {
        // SAFETY: No requirements.
        let now = unsafe { ffi::repoll_now() };
        for ms in [i64::from(i32::MAX), i64::MAX / 1_000_000, i64::MAX] {
            assert!(left(Timeout::from_ms(ms), now).is_some_and(|ns| ns >= 2_147_483_647_000_000));
        }
    }

    #[test]
    fn timespec_may_be_missing() {
        assert!(Timeout::from_user(0) == Ok(Timeout::Never));
    }
}
