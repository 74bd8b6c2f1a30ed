// SPDX-License-Identifier: GPL-2.0

//! A clock that is cheap to read, for what is looked at twice an event.
//!
//! Where the CPUs' counters turn out not to run together only later, times are wrong from then on.

use super::ffi;

/// Sees which clock there is.
///
/// # Safety
///
/// Called once, before anybody looks at the clock.
pub(crate) unsafe fn init() {
    // SAFETY: By the caller's promise.
    unsafe { ffi::repoll_ticks_init() };
}

/// Now, in ticks; not 0. Any context.
#[inline]
pub(crate) fn now() -> u64 {
    // SAFETY: No requirements.
    unsafe { ffi::repoll_ticks() }
}

/// The time between two points, in ns; 0 where `from` is not before `to`. Any context.
#[inline]
pub(crate) fn between(from: u64, to: u64) -> u64 {
    // SAFETY: No requirements.
    unsafe { ffi::repoll_ticks_to_ns(to.saturating_sub(from)) }
}
