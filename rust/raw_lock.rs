// SPDX-License-Identifier: GPL-2.0

//! Raw spinlocks: they do not sleep on PREEMPT_RT either. One for what a tracer's handler takes, one for
//! what a wakeup does.

use super::ffi;
use core::marker::PhantomData;
use kernel::{
    bindings,
    types::{NotThreadSafe, Opaque},
};

/// A `raw_spinlock_t`. Must not be taken from an interrupt.
#[repr(transparent)]
pub(crate) struct RawLock(Opaque<bindings::raw_spinlock>);

impl RawLock {
    /// Not yet to be used.
    pub(crate) const fn uninit() -> Self {
        Self(Opaque::uninit())
    }

    /// # Safety
    ///
    /// It is not moved from here on, nor locked.
    pub(crate) unsafe fn init(&self) {
        // SAFETY: By the caller's promise.
        unsafe { ffi::repoll_raw_spin_lock_init(self.0.get()) };
    }

    /// Spins. [`Self::init`] has been called.
    #[inline]
    pub(crate) fn lock(&self) -> RawGuard<'_> {
        // SAFETY: Initialised.
        unsafe { ffi::repoll_raw_spin_lock(self.0.get()) };
        RawGuard {
            lock: self,
            _task: PhantomData,
        }
    }
}

/// Shows that the lock is held; unlocks it when dropped.
pub(crate) struct RawGuard<'a> {
    lock: &'a RawLock,
    _task: PhantomData<NotThreadSafe>,
}

impl Drop for RawGuard<'_> {
    fn drop(&mut self) {
        // SAFETY: Locked by whoever made the guard.
        unsafe { ffi::repoll_raw_spin_unlock(self.lock.0.get()) };
    }
}

/// A `raw_spinlock_t` that may be taken in any context.
#[repr(transparent)]
pub(crate) struct IrqLock(Opaque<bindings::raw_spinlock>);

impl IrqLock {
    /// Not yet to be used.
    pub(crate) const fn uninit() -> Self {
        Self(Opaque::uninit())
    }

    /// # Safety
    ///
    /// It is not moved from here on, nor locked.
    pub(crate) unsafe fn init(&self) {
        // SAFETY: By the caller's promise.
        unsafe { ffi::repoll_irq_lock_init(self.0.get()) };
    }

    /// Spins. [`Self::init`] has been called.
    pub(crate) fn lock(&self) -> IrqGuard<'_> {
        IrqGuard {
            lock: self,
            // SAFETY: Initialised.
            flags: unsafe { ffi::repoll_irq_lock(self.0.get()) },
            _task: PhantomData,
        }
    }
}

/// Shows that the lock is held; unlocks it when dropped, with interrupts as they were.
pub(crate) struct IrqGuard<'a> {
    lock: &'a IrqLock,
    flags: usize,
    _task: PhantomData<NotThreadSafe>,
}

impl Drop for IrqGuard<'_> {
    fn drop(&mut self) {
        // SAFETY: Locked by whoever made the guard, which got the flags.
        unsafe { ffi::repoll_irq_unlock(self.lock.0.get(), self.flags) };
    }
}
