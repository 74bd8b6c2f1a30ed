// SPDX-License-Identifier: LGPL-2.1-only OR MIT

//! Mirrors of `include/uapi/linux/repoll.h`, and the two ways to the kernel.

use std::ffi::{c_int, c_void};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::Duration;

pub(crate) const DEVICE: &str = "/dev/repoll";

/// `struct repoll_info`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct RepollInfo {
    pub(crate) version: u32,
    pub(crate) max_nests: u32,
    pub(crate) features: u64,
    pub(crate) ctl_flags: u32,
    pub(crate) wait_flags: u32,
}

/// `struct repoll_ctl`.
#[repr(C)]
pub(crate) struct RepollCtl {
    pub(crate) op: i32,
    pub(crate) fd: i32,
    pub(crate) event: u64,
    pub(crate) flags: u32,
    pub(crate) reserved: u32,
}

/// `struct repoll_wait`.
#[repr(C)]
pub(crate) struct RepollWait {
    pub(crate) events: u64,
    pub(crate) maxevents: i32,
    pub(crate) flags: u32,
    pub(crate) timeout: i64,
    pub(crate) sigmask: u64,
    pub(crate) sigsetsize: u32,
    pub(crate) reserved: u32,
}

/// `struct repoll_wait_many`.
#[repr(C)]
pub(crate) struct RepollWaitMany {
    pub(crate) wait: RepollWait,
    pub(crate) min_events: u32,
    pub(crate) reserved: u32,
    pub(crate) delay_ns: u64,
}

/// `struct repoll_notify`.
#[repr(C)]
pub(crate) struct RepollNotify {
    pub(crate) fd: i32,
    pub(crate) flags: u32,
}

/// `struct repoll_sync`.
#[repr(C)]
pub(crate) struct RepollSync {
    pub(crate) timeout: i64,
    pub(crate) flags: u32,
    pub(crate) reserved: u32,
}

/// `struct repoll_timer`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct RepollTimer {
    pub(crate) id: u64,
    pub(crate) expiry_ns: u64,
    pub(crate) interval_ns: u64,
    pub(crate) slack_ns: u64,
    pub(crate) expirations: u64,
    pub(crate) op: u32,
    pub(crate) clock: u32,
    pub(crate) flags: u32,
    pub(crate) result: i32,
}

/// `struct repoll_timers`.
#[repr(C)]
pub(crate) struct RepollTimers {
    pub(crate) timers: u64,
    pub(crate) nr_timers: u32,
    pub(crate) flags: u32,
}

/// `struct repoll_ring`.
#[repr(C)]
pub(crate) struct RepollRing {
    pub(crate) entries: u32,
    pub(crate) flags: u32,
    pub(crate) size: u64,
}

/// `struct repoll_ring_enter`.
#[repr(C)]
pub(crate) struct RepollRingEnter {
    pub(crate) timeout: i64,
    pub(crate) sigmask: u64,
    pub(crate) sigsetsize: u32,
    pub(crate) flags: u32,
}

/// `REPOLL_RING_OFFSET` and `REPOLL_RING_MORE`.
pub(crate) const RING_OFFSET: usize = 4096;
pub(crate) const RING_MORE: u32 = 1 << 0;

/// `struct repoll_op`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub(crate) struct RepollOp {
    pub(crate) op: i32,
    pub(crate) fd: i32,
    pub(crate) data: u64,
    pub(crate) events: u32,
    pub(crate) flags: u32,
    pub(crate) result: i32,
    pub(crate) reserved: u32,
}

/// `struct repoll_batch`.
#[repr(C)]
pub(crate) struct RepollBatch {
    pub(crate) ops: u64,
    pub(crate) nr_ops: u32,
    pub(crate) flags: u32,
    pub(crate) wait: u64,
    pub(crate) succeeded: u32,
    pub(crate) reserved: u32,
}

/// `struct repoll_stats`.
#[repr(C)]
#[derive(Default)]
pub(crate) struct RepollStats {
    pub(crate) op: u32,
    pub(crate) cursor: u32,
    pub(crate) instance: u64,
    pub(crate) records: u64,
    pub(crate) nr_records: u32,
    pub(crate) reserved: u32,
}

/// `REPOLL_STATS_OFF`, `REPOLL_STATS_ON` and `REPOLL_STATS_READ`.
pub(crate) const STATS_OFF: u32 = 0;
pub(crate) const STATS_ON: u32 = 1;
pub(crate) const STATS_READ: u32 = 2;

/// `REPOLL_BATCH_ATOMIC`.
pub(crate) const BATCH_ATOMIC: u32 = 1 << 0;

/// `struct __kernel_timespec`.
#[repr(C)]
pub(crate) struct KernelTimespec {
    tv_sec: i64,
    tv_nsec: i64,
}

impl From<Duration> for KernelTimespec {
    /// What does not fit is as good as for ever.
    fn from(duration: Duration) -> Self {
        Self {
            tv_sec: duration.as_secs().try_into().unwrap_or(i64::MAX),
            tv_nsec: duration.subsec_nanos().into(),
        }
    }
}

/// `REPOLL_CTL_BIND`, `REPOLL_CTL_TOKEN`, `REPOLL_CTL_HANDOVER` and `REPOLL_CTL_SYNC`.
pub(crate) const CTL_BIND: u32 = 1 << 2;
pub(crate) const CTL_TOKEN: u32 = 1 << 3;
pub(crate) const CTL_HANDOVER: u32 = 1 << 6;
pub(crate) const CTL_SYNC: u32 = 1 << 7;

/// `REPOLL_WAIT_TIMESPEC` and `REPOLL_WAIT_GENERATION`.
pub(crate) const WAIT_TIMESPEC: u32 = 1 << 0;
pub(crate) const WAIT_GENERATION: u32 = 1 << 1;

/// `REPOLL_SYNC_TIMESPEC`.
pub(crate) const SYNC_TIMESPEC: u32 = 1 << 0;

/// Bytes of the kernel's `sigset_t`.
pub(crate) const KERNEL_SIGSET_SIZE: u32 = 8;

/// `_IOC()` in the encoding of `asm-generic/ioctl.h`, which is that of every
/// architecture the kernel runs Rust on.
const fn ioc<T>(direction: u32, number: u32) -> u32 {
    const TYPE: u32 = 0xE9;
    (direction << 30) | ((size_of::<T>() as u32) << 16) | (TYPE << 8) | number
}

const IOC_WRITE: u32 = 1;
const IOC_READ: u32 = 2;

/// A request and the structure that it takes.
///
/// # Safety
///
/// `REQUEST` must do no more than read or write a `Self`, and what the addresses
/// inside it refer to.
pub(crate) unsafe trait Request: Sized {
    const REQUEST: u32;
}

// SAFETY: REPOLL_IOC_INFO writes a `struct repoll_info`.
unsafe impl Request for RepollInfo {
    const REQUEST: u32 = ioc::<Self>(IOC_READ, 0x00);
}

// SAFETY: REPOLL_IOC_CTL reads a `struct repoll_ctl` and the event it refers to.
unsafe impl Request for RepollCtl {
    const REQUEST: u32 = ioc::<Self>(IOC_WRITE, 0x01);
}

// SAFETY: REPOLL_IOC_WAIT reads a `struct repoll_wait`, the timeout and the signal
// mask it refers to, and writes at most `maxevents` events.
unsafe impl Request for RepollWait {
    const REQUEST: u32 = ioc::<Self>(IOC_WRITE, 0x02);
}

// SAFETY: REPOLL_IOC_WAIT_MANY reads a `struct repoll_wait_many`, and does with its wait
// what REPOLL_IOC_WAIT does.
unsafe impl Request for RepollWaitMany {
    const REQUEST: u32 = ioc::<Self>(IOC_WRITE, 0x04);
}

// SAFETY: REPOLL_IOC_NOTIFY reads a `struct repoll_notify`, which holds no address.
unsafe impl Request for RepollNotify {
    const REQUEST: u32 = ioc::<Self>(IOC_WRITE, 0x06);
}

// SAFETY: REPOLL_IOC_SYNC reads a `struct repoll_sync` and the timeout it refers to.
unsafe impl Request for RepollSync {
    const REQUEST: u32 = ioc::<Self>(IOC_WRITE, 0x07);
}

// SAFETY: REPOLL_IOC_TIMER reads a `struct repoll_timers`, and reads and writes the array of
// `nr_timers` that it refers to.
unsafe impl Request for RepollTimers {
    const REQUEST: u32 = ioc::<Self>(IOC_WRITE, 0x08);
}

// SAFETY: REPOLL_IOC_RING reads and writes a `struct repoll_ring`, which holds no address.
unsafe impl Request for RepollRing {
    const REQUEST: u32 = ioc::<Self>(IOC_READ | IOC_WRITE, 0x09);
}

// SAFETY: REPOLL_IOC_RING_ENTER reads a `struct repoll_ring_enter`, and the timeout and the signal
// mask it refers to.
unsafe impl Request for RepollRingEnter {
    const REQUEST: u32 = ioc::<Self>(IOC_WRITE, 0x0a);
}

// SAFETY: REPOLL_IOC_BATCH reads and writes a `struct repoll_batch` and the operations
// it refers to, and carries out the wait that it refers to.
unsafe impl Request for RepollBatch {
    const REQUEST: u32 = ioc::<Self>(IOC_READ | IOC_WRITE, 0x03);
}

// SAFETY: REPOLL_IOC_STATS reads and writes a `struct repoll_stats`, and writes the
// structure and the array of `nr_records` that it refers to.
unsafe impl Request for RepollStats {
    const REQUEST: u32 = ioc::<Self>(IOC_READ | IOC_WRITE, 0x05);
}

/// Carry out a request. An errno comes back as the error.
///
/// # Safety
///
/// Each address in `request` must be 0 or valid for what the request does with it.
pub(crate) unsafe fn ioctl<T: Request>(fd: BorrowedFd<'_>, request: &mut T) -> io::Result<c_int> {
    let argument: *mut c_void = std::ptr::from_mut(request).cast();
    // SAFETY: `argument` is valid for reads and writes of a `T`, which is all that
    // `T::REQUEST` accesses apart from the addresses that the caller vouches for.
    let result = unsafe { libc::ioctl(fd.as_raw_fd(), T::REQUEST as _, argument) };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(result)
}

/// `REPOLL_FADVISE_WAIT` and `REPOLL_FADVISE_CTL`.
pub(crate) const FADVISE_WAIT: u64 = 1 << 63;
pub(crate) const FADVISE_CTL: u64 = FADVISE_WAIT | (1 << 32);

/// Carry out one of the calls by `fadvise64()`. An errno comes back as the error.
///
/// `None` where the kernel has no such call, or takes its arguments in halves.
///
/// # Safety
///
/// `address` must be 0 or valid for what the call `len` does with it.
pub(crate) unsafe fn advise(
    fd: BorrowedFd<'_>,
    address: u64,
    len: u64,
    advice: c_int,
) -> Option<io::Result<c_int>> {
    if cfg!(target_pointer_width = "32") {
        return None;
    }
    // SAFETY: The caller vouches for the address.
    let result =
        unsafe { libc::syscall(libc::SYS_fadvise64, fd.as_raw_fd(), address, len, advice) };
    if result >= 0 {
        return Some(Ok(result as c_int));
    }
    let error = io::Error::last_os_error();
    (error.raw_os_error() != Some(libc::ENOSYS)).then_some(Err(error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::{InstanceStats, Record};
    use std::mem::offset_of;

    #[test]
    fn structures_have_the_layout_of_the_header() {
        assert_eq!(size_of::<RepollInfo>(), 24);
        assert_eq!(offset_of!(RepollInfo, features), 8);
        assert_eq!(offset_of!(RepollInfo, wait_flags), 20);
        assert_eq!(size_of::<RepollCtl>(), 24);
        assert_eq!(offset_of!(RepollCtl, event), 8);
        assert_eq!(offset_of!(RepollCtl, reserved), 20);
        assert_eq!(size_of::<RepollWait>(), 40);
        assert_eq!(offset_of!(RepollWait, timeout), 16);
        assert_eq!(offset_of!(RepollWait, sigmask), 24);
        assert_eq!(offset_of!(RepollWait, reserved), 36);
        assert_eq!(size_of::<RepollWaitMany>(), 56);
        assert_eq!(offset_of!(RepollWaitMany, delay_ns), 48);
        assert_eq!(size_of::<RepollNotify>(), 8);
        assert_eq!(size_of::<RepollSync>(), 16);
        assert_eq!(size_of::<RepollTimer>(), 56);
        assert_eq!(offset_of!(RepollTimer, result), 52);
        assert_eq!(size_of::<RepollTimers>(), 16);
        assert_eq!(size_of::<RepollOp>(), 32);
        assert_eq!(offset_of!(RepollOp, result), 24);
        assert_eq!(size_of::<RepollBatch>(), 32);
        assert_eq!(offset_of!(RepollBatch, wait), 16);
        assert_eq!(offset_of!(RepollBatch, reserved), 28);
        assert_eq!(size_of::<RepollStats>(), 32);
        assert_eq!(offset_of!(RepollStats, records), 16);
        assert_eq!(size_of::<InstanceStats>(), 488);
        assert_eq!(offset_of!(InstanceStats, latencies), 168);
        assert_eq!(size_of::<Record>(), 128);
        assert_eq!(offset_of!(Record, queued_since_ns), 88);
        assert_eq!(size_of::<KernelTimespec>(), 16);
    }

    #[test]
    fn request_numbers_are_those_of_the_header() {
        assert_eq!(RepollInfo::REQUEST, 0x8018_e900);
        assert_eq!(RepollCtl::REQUEST, 0x4018_e901);
        assert_eq!(RepollWait::REQUEST, 0x4028_e902);
        assert_eq!(RepollBatch::REQUEST, 0xc020_e903);
        assert_eq!(RepollWaitMany::REQUEST, 0x4038_e904);
        assert_eq!(RepollStats::REQUEST, 0xc020_e905);
        assert_eq!(RepollNotify::REQUEST, 0x4008_e906);
        assert_eq!(RepollSync::REQUEST, 0x4010_e907);
        assert_eq!(RepollTimers::REQUEST, 0x4010_e908);
    }

    #[test]
    fn durations_become_timespecs() {
        let timespec = KernelTimespec::from(Duration::new(3, 999_999_999));
        assert_eq!((timespec.tv_sec, timespec.tv_nsec), (3, 999_999_999));
        assert_eq!(KernelTimespec::from(Duration::MAX).tv_sec, i64::MAX);
    }

    #[test]
    fn a_refused_request_is_an_error() {
        let file = std::fs::File::open("/dev/null").unwrap();
        let fd = std::os::fd::AsFd::as_fd(&file);
        // SAFETY: `RepollInfo` holds no address.
        let error = unsafe { ioctl(fd, &mut RepollInfo::default()) }.unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ENOTTY));
    }
}
