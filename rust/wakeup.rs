// SPDX-License-Identifier: GPL-2.0

//! `EPOLLWAKEUP`: the wakeup source that keeps the system awake while an event is under way.

use super::ffi;
use core::sync::atomic::{AtomicPtr, Ordering};
use kernel::{bindings, prelude::*};

/// A wakeup source that may be there or not.
///
/// # Invariants
///
/// The pointer is null or a registered wakeup source that this owns. It is written with the
/// instance's mutex held; wakeups read it under RCU.
pub(crate) struct WakeupSource(AtomicPtr<bindings::wakeup_source>);

impl WakeupSource {
    pub(crate) fn none() -> Self {
        Self(AtomicPtr::new(core::ptr::null_mut()))
    }

    /// Any context.
    #[inline]
    pub(crate) fn is_some(&self) -> bool {
        !self.0.load(Ordering::Relaxed).is_null()
    }

    fn set(&self, ws: *mut bindings::wakeup_source) -> Result {
        if ws.is_null() {
            return Err(ENOMEM);
        }
        // INVARIANT: Newly registered, and nobody else's.
        self.0.store(ws, Ordering::Release);
        Ok(())
    }

    /// Makes it one with the name of `file`. With the instance's mutex held. May sleep. `ENOMEM`.
    ///
    /// # Safety
    ///
    /// `file` is alive.
    pub(crate) unsafe fn create_for(&self, file: *mut bindings::file) -> Result {
        // SAFETY: By the caller's promise.
        self.set(unsafe { ffi::repoll_wakeup_source_for(file) })
    }

    /// Makes it the instance's own unless it is there. With the mutex held. May sleep. `ENOMEM`.
    pub(crate) fn create_own(&self) -> Result {
        if self.is_some() {
            return Ok(());
        }
        // SAFETY: The name is a string of static lifetime.
        self.set(unsafe {
            bindings::wakeup_source_register(core::ptr::null_mut(), c"repoll".as_char_ptr())
        })
    }

    /// Takes it away, after those wakeups that may be using it. With the mutex held. May sleep.
    pub(crate) fn destroy(&self) {
        let ws = self.0.swap(core::ptr::null_mut(), Ordering::AcqRel);
        if !ws.is_null() {
            // SAFETY: No requirements; sleeping is allowed here.
            unsafe { bindings::synchronize_rcu() };
            // SAFETY: Registered, owned, and no longer reachable.
            unsafe { bindings::wakeup_source_unregister(ws) };
        }
    }

    /// From a wakeup, in any context: keep the system awake.
    #[inline]
    pub(crate) fn stay_awake_rcu(&self) {
        if self.is_some() {
            // SAFETY: The pointer is a valid word, and what it points to goes only after a grace
            // period.
            unsafe { ffi::repoll_stay_awake_rcu(self.0.as_ptr()) };
        }
    }

    /// With the mutex held: keep the system awake.
    pub(crate) fn stay_awake(&self) {
        let ws = self.0.load(Ordering::Relaxed);
        if !ws.is_null() {
            // SAFETY: Registered, and the mutex keeps it so.
            unsafe { bindings::__pm_stay_awake(ws) };
        }
    }

    /// With the mutex held: no longer keep the system awake.
    pub(crate) fn relax(&self) {
        let ws = self.0.load(Ordering::Relaxed);
        if !ws.is_null() {
            // SAFETY: As above.
            unsafe { bindings::__pm_relax(ws) };
        }
    }

    /// With the mutex held: does it keep the system awake now?
    pub(crate) fn is_active(&self) -> bool {
        let ws = self.0.load(Ordering::Relaxed);
        // SAFETY: As above; a racy read of one bit, as in-tree does.
        !ws.is_null() && unsafe { (*ws).active() }
    }
}

impl Drop for WakeupSource {
    fn drop(&mut self) {
        let ws = *self.0.get_mut();
        if !ws.is_null() {
            // SAFETY: Registered and owned. Whoever drops this has stopped the wakeups that use it.
            unsafe { bindings::wakeup_source_unregister(ws) };
        }
    }
}
