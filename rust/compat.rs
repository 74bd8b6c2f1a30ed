// SPDX-License-Identifier: GPL-2.0

//! What kernels that the module is built for do differently; nothing else knows which one it is.

use kernel::{bindings, error::Error};

/// `ELOOP`, which has no name in `kernel` before 7.3.
pub(crate) fn eloop() -> Error {
    Error::from_errno(-(bindings::ELOOP as i32))
}

/// `EOPNOTSUPP`; likewise.
pub(crate) fn eopnotsupp() -> Error {
    Error::from_errno(-(bindings::EOPNOTSUPP as i32))
}

#[cfg(not(repoll_before_7_3))]
mod version {
    use kernel::{bindings, module::this_module};

    /// This module, for the kernel to count who uses it.
    pub(crate) const fn module() -> *mut bindings::module {
        this_module::<crate::LocalModule>().as_ptr()
    }

    /// A timer that is over.
    pub(crate) const NORESTART: bindings::hrtimer_restart =
        bindings::hrtimer_restart::HRTIMER_NORESTART;
}

/// bindgen makes constants of enumerators there, and the module has a static of its own.
#[cfg(repoll_before_7_3)]
mod version {
    use kernel::bindings;

    pub(crate) const fn module() -> *mut bindings::module {
        crate::THIS_MODULE.as_ptr()
    }

    pub(crate) const NORESTART: bindings::hrtimer_restart =
        bindings::hrtimer_restart_HRTIMER_NORESTART;
}

pub(crate) use version::{module, NORESTART};
