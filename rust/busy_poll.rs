// SPDX-License-Identifier: GPL-2.0

//! Busy polling: instead of sleeping at once, a waiter drives the network device that last had
//! events for the instance.
//!
//! As in-tree, for an instance that asked for it by `EPIOCSPARAMS`. Out of a module's reach, and so
//! not done, are the system-wide switch `net.core.busy_poll` and the suspension of the device's
//! interrupts (`napi_suspend_irqs()` and the sysctl's variable are not exported).

use super::{compat, eventpoll::Eventpoll, extras::Extras, ffi, uapi::Params};
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use kernel::{bindings, ffi::c_void, prelude::*};

/// What `NAPI_POLL_WEIGHT` is: a larger budget takes `CAP_NET_ADMIN`.
const NAPI_POLL_WEIGHT: u16 = 64;

/// The parameters of one instance and the NAPI context to drive. All may be read at any time. Whether
/// one of them asks for it is [`Extras::BUSY_POLL`] of the instance.
pub(crate) struct BusyPoll {
    usecs: AtomicU32,
    budget: AtomicU32,
    prefer: AtomicBool,
    napi_id: AtomicU32,
}

impl BusyPoll {
    pub(crate) fn new() -> Self {
        Self {
            usecs: AtomicU32::new(0),
            budget: AtomicU32::new(0),
            prefer: AtomicBool::new(false),
            napi_id: AtomicU32::new(0),
        }
    }

    /// Whether this kernel has busy polling.
    pub(crate) fn is_supported() -> bool {
        // SAFETY: No requirements.
        unsafe { ffi::repoll_busy_poll_supported() }
    }

    /// `EPIOCSPARAMS` of an instance with these `extras`. `EINVAL`, `EPERM`, `EOPNOTSUPP`.
    pub(crate) fn set(&self, params: &Params, extras: &Extras) -> Result {
        if !Self::is_supported() {
            return Err(compat::eopnotsupp());
        }
        if params.pad != 0
            || params.busy_poll_usecs > i32::MAX as u32
            || params.prefer_busy_poll > 1
        {
            return Err(EINVAL);
        }
        if params.busy_poll_budget > NAPI_POLL_WEIGHT
            // SAFETY: In process context.
            && !unsafe { bindings::capable(bindings::CAP_NET_ADMIN as i32) }
        {
            return Err(EPERM);
        }
        self.usecs.store(params.busy_poll_usecs, Relaxed);
        self.budget.store(params.busy_poll_budget.into(), Relaxed);
        self.prefer.store(params.prefer_busy_poll != 0, Relaxed);
        if params.busy_poll_usecs != 0 || params.prefer_busy_poll != 0 {
            extras.begin(Extras::BUSY_POLL);
        } else {
            extras.end(Extras::BUSY_POLL);
        }
        Ok(())
    }

    /// `EPIOCGPARAMS`. `EOPNOTSUPP`.
    pub(crate) fn get(&self) -> Result<Params> {
        if !Self::is_supported() {
            return Err(compat::eopnotsupp());
        }
        Ok(Params {
            busy_poll_usecs: self.usecs.load(Relaxed),
            busy_poll_budget: self.budget.load(Relaxed) as u16,
            prefer_busy_poll: self.prefer.load(Relaxed).into(),
            pad: 0,
        })
    }

    /// Remembers which NAPI context feeds `file`, which is registered and alive. Any context.
    pub(crate) fn note_napi(&self, file: *mut bindings::file) {
        // SAFETY: A registered file has not been released yet.
        let id = unsafe { ffi::repoll_file_napi_id(file) };
        if id != 0 && id != self.napi_id.load(Relaxed) {
            self.napi_id.store(id, Relaxed);
        }
    }

    /// Drives the device until `ep` has events or the time is up; tells whether it has. Busy, may
    /// reschedule. Does nothing where busy polling is off or no socket has had events.
    pub(crate) fn run(&self, ep: &Eventpoll) -> bool {
        let id = self.napi_id.load(Relaxed);
        if id == 0 || !ep.extras.any(Extras::BUSY_POLL) {
            return false;
        }
        let ep_ptr = core::ptr::from_ref(ep).cast_mut().cast::<c_void>();
        let budget = self.budget.load(Relaxed) as u16;
        // SAFETY: In process context with interrupts on; `ep` outlives the call.
        unsafe { ffi::repoll_napi_busy_loop(id, ep_ptr, self.prefer.load(Relaxed), budget) };
        if ep.ovflist.available() {
            return true;
        }
        // Nothing came: the next socket with events says which device to drive.
        self.napi_id.store(0, Relaxed);
        false
    }
}

/// Asked by `napi_busy_loop()` whether to stop.
///
/// # Safety
///
/// `ep` is the pointer that [`BusyPoll::run`] gave.
#[no_mangle]
unsafe extern "C" fn repoll_busy_loop_end(ep: *mut c_void, start_time: usize) -> bool {
    // SAFETY: By the caller's promise.
    let ep = unsafe { &*ep.cast::<Eventpoll>() };
    ep.ovflist.available()
        // SAFETY: No requirements.
        || unsafe { ffi::repoll_busy_loop_timeout(start_time, ep.busy_poll.usecs.load(Relaxed)) }
}
