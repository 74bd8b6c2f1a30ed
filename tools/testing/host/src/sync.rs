// SPDX-License-Identifier: GPL-2.0

//! What stands for the kernel's locks and sleeps.

#[cfg(feature = "loom")]
pub(crate) use loom::sync::{Condvar, Mutex};
#[cfg(not(feature = "loom"))]
pub(crate) use std::sync::{Condvar, Mutex};
