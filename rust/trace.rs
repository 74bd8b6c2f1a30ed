// SPDX-License-Identifier: GPL-2.0

//! The tracepoints of `helpers/trace.h`, of instances that keep statistics: others do not even pay for
//! the no-op that one takes that is off.

use super::{epitem::Epitem, events::Events};
use kernel::{
    bindings,
    ffi::{c_int, c_void},
};

// A key has parts that are empty in this configuration. Only its address is used.
#[allow(improper_ctypes)]
extern "C" {
    static __tracepoint_repoll_wake: bindings::tracepoint;
    static __tracepoint_repoll_deliver: bindings::tracepoint;
    static __tracepoint_repoll_not_ready: bindings::tracepoint;

    fn rust_do_trace_repoll_wake(ep: *const c_void, fd: c_int, events: u32, key: u32, queued: bool);
    fn rust_do_trace_repoll_deliver(ep: *const c_void, fd: c_int, revents: u32, data: u64);
    fn rust_do_trace_repoll_not_ready(ep: *const c_void, fd: c_int, events: u32);
}

#[cfg(CONFIG_JUMP_LABEL)]
macro_rules! is_on {
    ($tracepoint:ident) => {
        // SAFETY: A tracepoint defined by C, and its key.
        unsafe {
            kernel::jump_label::static_branch_unlikely!($tracepoint, bindings::tracepoint, key)
        }
    };
}

// Not `static_key_count()`, which is a call.
#[cfg(not(CONFIG_JUMP_LABEL))]
macro_rules! is_on {
    ($tracepoint:ident) => {
        // SAFETY: A tracepoint defined by C, whose key is an atomic.
        unsafe {
            let key = &raw const $tracepoint.key.key.enabled.counter;
            core::sync::atomic::AtomicI32::from_ptr(key.cast_mut())
                .load(core::sync::atomic::Ordering::Relaxed)
                > 0
        }
    };
}

/// Whether deliveries are traced.
#[inline(always)]
pub(crate) fn deliveries() -> bool {
    is_on!(__tracepoint_repoll_deliver)
}

/// A wakeup for `key` of `item`, whose mask is `events`. Any context.
#[inline]
pub(crate) fn wake(item: &Epitem, events: Events, key: Events, queued: bool) {
    if is_on!(__tracepoint_repoll_wake) {
        let ep = item.ep.as_ptr().cast_const().cast();
        // SAFETY: Of the pointer only the value is used.
        unsafe { rust_do_trace_repoll_wake(ep, item.key.fd, events.bits(), key.bits(), queued) };
    }
}

/// An event of `item` has been stored. With the instance's mutex held.
#[inline]
pub(crate) fn deliver(item: &Epitem, revents: u32, data: u64) {
    if deliveries() {
        let ep = item.ep.as_ptr().cast_const().cast();
        // SAFETY: As above.
        unsafe { rust_do_trace_repoll_deliver(ep, item.key.fd, revents, data) };
    }
}

/// `item` was on the ready list, and its file had nothing. With the instance's mutex held.
#[inline]
pub(crate) fn not_ready(item: &Epitem, events: Events) {
    if is_on!(__tracepoint_repoll_not_ready) {
        let ep = item.ep.as_ptr().cast_const().cast();
        // SAFETY: As above.
        unsafe { rust_do_trace_repoll_not_ready(ep, item.key.fd, events.bits()) };
    }
}
