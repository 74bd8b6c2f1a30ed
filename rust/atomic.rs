// SPDX-License-Identifier: GPL-2.0

//! The atomics of the ready protocol.
//!
//! `core`'s and not `kernel::sync::atomic`: on a kernel built by gcc each operation of the latter
//! is a call of a C helper, on a path that is counted in tens of instructions. All users of these
//! atomics are in this crate, C code never touches them, and wherever they are ordered against
//! the kernel's own primitives, a full fence stands between the two. The host build of
//! [`crate::ready`] has its own file of this name, with the atomics of a model checker.

pub(crate) use core::sync::atomic::{fence, AtomicBool, AtomicPtr, AtomicU32, AtomicU64, Ordering};
