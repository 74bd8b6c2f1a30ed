// SPDX-License-Identifier: GPL-2.0

//! How many watches a user may have: the limit, its sysctl, and the counting.

use super::{
    epitem::{check, Epitem},
    ffi,
};
use core::ptr::NonNull;
use kernel::{bindings, ffi::c_long, prelude::*};

/// The default limit: in-tree's 4 % of memory.
pub(crate) fn default_max_watches() -> usize {
    // SAFETY: No requirements.
    let max = unsafe { ffi::repoll_default_max_watches(size_of::<Epitem>() as u32) };
    usize::try_from(max).unwrap_or(0)
}

/// Keeps the sysctl in existence.
pub(crate) struct QuotaSysctl(());

impl QuotaSysctl {
    /// Sets the limit to its default and shows the sysctl. May sleep. `ENOMEM`.
    pub(crate) fn new() -> Result<Self> {
        // SAFETY: In process context, once.
        check(unsafe { ffi::repoll_sysctl_register(default_max_watches() as c_long) })?;
        Ok(Self(()))
    }
}

impl Drop for QuotaSysctl {
    fn drop(&mut self) {
        // SAFETY: Registered by `new`.
        unsafe { ffi::repoll_sysctl_unregister() };
    }
}

/// A reference to the user that watches are counted for: who created the instance.
///
/// # Invariants
///
/// Owns one reference.
pub(crate) struct User(NonNull<bindings::user_struct>);

// SAFETY: A `user_struct` is reference-counted and may be used and dropped by any thread.
unsafe impl Send for User {}
// SAFETY: As above; its counter is safe to use concurrently.
unsafe impl Sync for User {}

impl User {
    /// The user of the current task.
    pub(crate) fn current() -> Result<Self> {
        // SAFETY: No requirements. INVARIANT: It returns a new reference.
        NonNull::new(unsafe { ffi::repoll_get_current_user() })
            .map(Self)
            .ok_or(EINVAL)
    }
}

impl Drop for User {
    fn drop(&mut self) {
        // SAFETY: Owns the reference.
        unsafe { bindings::free_uid(self.0.as_ptr()) };
    }
}

/// One watch, counted.
pub(crate) struct WatchCharge<'a>(&'a User);

impl<'a> WatchCharge<'a> {
    /// Counts one more watch. `ENOSPC` when `user` has as many as allowed.
    pub(crate) fn new(user: &'a User) -> Result<Self> {
        // SAFETY: `user` holds a reference.
        if unsafe { ffi::repoll_charge_watch(user.0.as_ptr()) } {
            Ok(Self(user))
        } else {
            Err(ENOSPC)
        }
    }

    /// Counts `n` more watches, which [`Self::give_back_many`] ends. Tells whether so many are
    /// allowed.
    pub(crate) fn take_many(user: &User, n: usize) -> bool {
        // SAFETY: `user` holds a reference.
        unsafe { ffi::repoll_charge_watches(user.0.as_ptr(), n as u32) }
    }

    /// Ends `n` charges.
    pub(crate) fn give_back_many(user: &User, n: usize) {
        // SAFETY: `user` holds a reference.
        unsafe { ffi::repoll_uncharge_watches(user.0.as_ptr(), n as u32) };
    }

    /// Ends a charge that was forgotten.
    pub(crate) fn give_back(user: &'a User) {
        drop(Self(user));
    }
}

impl Drop for WatchCharge<'_> {
    fn drop(&mut self) {
        // SAFETY: `self.0` holds a reference.
        unsafe { ffi::repoll_uncharge_watch(self.0 .0.as_ptr()) };
    }
}
