// SPDX-License-Identifier: GPL-2.0

//! The ABI of `include/uapi/linux/repoll.h` and the checks that need no instance.

pub(crate) use super::ctl_flags::CtlFlags;
use super::{timeout::Timeout, user_events::UserEvent};
use kernel::{
    bindings,
    ioctl::{_IOR, _IOW},
    prelude::*,
    transmute::{AsBytes, FromBytes},
    uaccess::{UserPtr, UserSlice},
};

pub(crate) const TYPE: u32 = 0xE9;

/// `REPOLL_IOC_INFO`, `REPOLL_IOC_CTL` and `REPOLL_IOC_WAIT`.
pub(crate) const IOC_INFO: u32 = _IOR::<Info>(TYPE, 0x00);
pub(crate) const IOC_CTL: u32 = _IOW::<Ctl>(TYPE, 0x01);
pub(crate) const IOC_WAIT: u32 = _IOW::<Wait>(TYPE, 0x02);

/// In-tree epoll's own ioctls, with its own numbers.
pub(crate) const EPIOCSPARAMS: u32 = _IOW::<Params>(bindings::EPOLL_IOC_TYPE, 0x01);
pub(crate) const EPIOCGPARAMS: u32 = _IOR::<Params>(bindings::EPOLL_IOC_TYPE, 0x02);

const ABI_VERSION: u32 = 3;
const FEATURE_BUSY_POLL: u64 = 1 << 0;
const FEATURE_WAKEUP: u64 = 1 << 1;
const FEATURE_FADVISE: u64 = 1 << 2;
const FEATURE_WAKE_POLICY: u64 = 1 << 3;
const FEATURE_BIND: u64 = 1 << 4;
const FEATURE_TOKEN: u64 = 1 << 5;
const FEATURE_BATCH: u64 = 1 << 6;
const FEATURE_STATS: u64 = 1 << 7;
const FEATURE_WAIT_MANY: u64 = 1 << 8;
const FEATURE_NOTIFY: u64 = 1 << 9;
const FEATURE_HANDOVER: u64 = 1 << 10;
const FEATURE_SYNC: u64 = 1 << 11;
const FEATURE_TIMER: u64 = 1 << 12;
const FEATURE_RING: u64 = 1 << 13;
/// `REPOLL_WAIT_TIMESPEC`, and `REPOLL_SYNC_TIMESPEC`.
pub(crate) const WAIT_TIMESPEC: u32 = 1 << 0;
const WAIT_GENERATION: u32 = 1 << 1;

/// `REPOLL_FADVISE_WAIT` and `REPOLL_FADVISE_CTL`: the upper half of the length.
pub(crate) const FADVISE_WAIT: u32 = 1 << 31;
pub(crate) const FADVISE_CTL: u32 = FADVISE_WAIT | 1;

/// An address from which 2 GiB, more than any array takes, are within user space for sure.
const SURELY_USER: u64 = if cfg!(CONFIG_X86_64) {
    (1 << 47) - (4 << 30)
} else {
    0
};

const EVENT_SIZE: usize = size_of::<bindings::epoll_event>();

/// `struct repoll_info`.
#[repr(C)]
pub(crate) struct Info {
    version: u32,
    max_nests: u32,
    features: u64,
    ctl_flags: u32,
    wait_flags: u32,
}

// SAFETY: Integers without padding.
unsafe impl AsBytes for Info {}

impl Info {
    /// What this module, on this kernel, offers.
    pub(crate) fn new(max_nests: u32, busy_poll: bool) -> Self {
        let wakeup = cfg!(CONFIG_PM_SLEEP);
        let fadvise = cfg!(CONFIG_ADVISE_SYSCALLS);
        let exits = cfg!(CONFIG_TRACEPOINTS);
        Self {
            version: ABI_VERSION,
            max_nests,
            features: FEATURE_BATCH
                | FEATURE_STATS
                | if busy_poll { FEATURE_BUSY_POLL } else { 0 }
                | if wakeup { FEATURE_WAKEUP } else { 0 }
                | if fadvise { FEATURE_FADVISE } else { 0 }
                | FEATURE_WAKE_POLICY
                | FEATURE_BIND
                | FEATURE_TOKEN
                | FEATURE_WAIT_MANY
                | FEATURE_NOTIFY
                | FEATURE_TIMER
                | FEATURE_RING
                | if exits {
                    FEATURE_HANDOVER | FEATURE_SYNC
                } else {
                    0
                },
            ctl_flags: CtlFlags::KNOWN,
            wait_flags: WAIT_TIMESPEC | WAIT_GENERATION,
        }
    }
}

/// `struct epoll_params`.
#[repr(C)]
pub(crate) struct Params {
    pub(crate) busy_poll_usecs: u32,
    pub(crate) busy_poll_budget: u16,
    pub(crate) prefer_busy_poll: u8,
    pub(crate) pad: u8,
}

// SAFETY: Integers without padding.
unsafe impl AsBytes for Params {}
// SAFETY: Integers, of which any bit pattern is valid.
unsafe impl FromBytes for Params {}

/// `struct repoll_ctl`.
#[repr(C)]
pub(crate) struct Ctl {
    pub(crate) op: i32,
    pub(crate) fd: i32,
    pub(crate) event: u64,
    flags: u32,
    reserved: u32,
}

impl Ctl {
    /// Reads the structure at user address `arg`. May sleep. `EFAULT`, `EINVAL`.
    pub(crate) fn read(arg: usize) -> Result<Self> {
        let raw: Self = read(arg)?;
        if raw.reserved != 0 {
            return Err(EINVAL);
        }
        Ok(raw)
    }

    /// `EINVAL` for unknown ones.
    pub(crate) fn flags(&self) -> Result<CtlFlags> {
        CtlFlags::from_bits(self.flags)
    }
}

// SAFETY: Integers, of which any bit pattern is valid.
unsafe impl FromBytes for Ctl {}

/// `struct repoll_wait`.
#[repr(C)]
pub(crate) struct Wait {
    events: u64,
    maxevents: i32,
    flags: u32,
    timeout: i64,
    sigmask: u64,
    sigsetsize: u32,
    reserved: u32,
}

// SAFETY: Integers, of which any bit pattern is valid.
unsafe impl FromBytes for Wait {}

/// Reads a `T` at `arg`. May sleep. `EFAULT`.
pub(crate) fn read<T: FromBytes>(arg: usize) -> Result<T> {
    UserSlice::new(UserPtr::from_addr(arg), size_of::<T>())
        .reader()
        .read()
}

/// Writes `value` at `arg`. May sleep. `EFAULT`.
pub(crate) fn write<T: AsBytes>(arg: usize, value: &T) -> Result {
    UserSlice::new(UserPtr::from_addr(arg), size_of::<T>())
        .writer()
        .write(value)
}

/// What to do to the interest set.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Op {
    Add,
    Mod,
    Del,
}

impl Op {
    /// `EPOLL_CTL_*`.
    #[inline]
    pub(crate) fn from_raw(op: i32) -> Option<Self> {
        match op as u32 {
            bindings::EPOLL_CTL_ADD => Some(Op::Add),
            bindings::EPOLL_CTL_MOD => Some(Op::Mod),
            bindings::EPOLL_CTL_DEL => Some(Op::Del),
            _ => None,
        }
    }
}

/// A decoded `REPOLL_IOC_CTL` or `REPOLL_FADVISE_CTL`, or an operation of a `REPOLL_IOC_BATCH`.
pub(crate) struct CtlRequest {
    /// `None` for an operation that there is not, which is found out only after the fd.
    pub(crate) op: Option<Op>,
    pub(crate) fd: i32,
    /// The mask and the user's data; zeroes for [`Op::Del`], but for the data that is a token.
    pub(crate) events: u32,
    pub(crate) data: u64,
    pub(crate) flags: CtlFlags,
}

impl CtlRequest {
    /// A request whose event is at user address `event`.
    ///
    /// May sleep. `EINVAL` for flags that do not go with the rest. `EFAULT` for the event, which, as
    /// in-tree, every operation but `EPOLL_CTL_DEL` reads, unknown ones too; that one if it is for
    /// the token.
    pub(crate) fn new(op: i32, fd: i32, event: u64, flags: CtlFlags) -> Result<Self> {
        let op = Op::from_raw(op);
        if flags != CtlFlags::NONE {
            flags.check(op, fd)?;
        }
        let mut read = bindings::epoll_event { events: 0, data: 0 };
        if op != Some(Op::Del) || flags.intersects(CtlFlags::TOKEN) {
            // SAFETY: `read` is valid for writes; the user address is checked by the callee.
            kernel::error::to_result(unsafe { super::ffi::repoll_get_event(event, &mut read) })?;
        }
        Ok(Self {
            op,
            fd,
            events: read.events,
            data: read.data,
            flags,
        })
    }
}

/// A decoded `REPOLL_IOC_WAIT` or `REPOLL_FADVISE_WAIT`.
pub(crate) struct WaitRequest {
    /// User address with room for `maxevents` events.
    pub(crate) events: u64,
    pub(crate) maxevents: u32,
    pub(crate) timeout: Timeout,
    /// They are `struct repoll_event`.
    pub(crate) generations: bool,
    sigmask: u64,
    sigsetsize: u32,
}

impl WaitRequest {
    /// Reads and checks the request at user address `arg`.
    ///
    /// The timeout begins here. May sleep. `EFAULT` for the request or its timespec, `EINVAL` for
    /// unknown flags or a wrong timespec, and as [`Self::new`].
    pub(crate) fn read(arg: usize) -> Result<Self> {
        Self::decode(&read(arg)?)
    }

    /// As [`Self::read`], for what has been read.
    pub(crate) fn decode(raw: &Wait) -> Result<Self> {
        if raw.flags & !(WAIT_TIMESPEC | WAIT_GENERATION) != 0 || raw.reserved != 0 {
            return Err(EINVAL);
        }
        let timeout = Timeout::from_flags(raw.timeout, raw.flags & WAIT_TIMESPEC != 0)?;
        let generations = raw.flags & WAIT_GENERATION != 0;
        Ok(Self {
            sigmask: raw.sigmask,
            sigsetsize: raw.sigsetsize,
            ..Self::new(raw.events, raw.maxevents, timeout, generations)?
        })
    }

    /// A wait that stores no events. As [`Self::read`], and `EINVAL` for a flag that says which.
    pub(crate) fn without_events(
        timeout: i64,
        sigmask: u64,
        sigsetsize: u32,
        flags: u32,
    ) -> Result<Self> {
        if flags & WAIT_GENERATION != 0 {
            return Err(EINVAL);
        }
        Self::decode(&Wait {
            events: 0,
            maxevents: 1,
            flags,
            timeout,
            sigmask,
            sigsetsize,
            reserved: 0,
        })
    }

    /// The request that these arguments of `fadvise64()` are. The timeout begins here. As
    /// [`Self::new`].
    pub(crate) fn from_advice(offset: i64, len: i64, advice: i32) -> Result<Self> {
        let timeout = Timeout::from_ms(advice.into());
        Self::new(offset as u64, len as i32, timeout, false)
    }

    /// A request without a signal mask. `EINVAL` for `maxevents`, `EFAULT` for events outside of
    /// user space.
    #[inline]
    fn new(events: u64, maxevents: i32, timeout: Timeout, generations: bool) -> Result<Self> {
        let size = if generations {
            size_of::<UserEvent>()
        } else {
            EVENT_SIZE
        };
        let maxevents = Self::check_maxevents(maxevents, size)?;
        let len = maxevents as usize * size;
        // SAFETY: No requirements.
        if events > SURELY_USER && !unsafe { super::ffi::repoll_access_ok(events, len) } {
            return Err(EFAULT);
        }
        Ok(Self {
            events,
            maxevents,
            timeout,
            generations,
            sigmask: 0,
            sigsetsize: 0,
        })
    }

    /// `EINVAL` for more events of `size` than one wait may ask for, in-tree's `EP_MAX_EVENTS`.
    #[inline]
    fn check_maxevents(maxevents: i32, size: usize) -> Result<u32> {
        // Negative ones are larger than any.
        match maxevents as u32 {
            0 => Err(EINVAL),
            maxevents if maxevents as usize > i32::MAX as usize / size => Err(EINVAL),
            maxevents => Ok(maxevents),
        }
    }

    /// The same without a sleep.
    pub(crate) fn without_sleep(&self) -> Self {
        Self {
            timeout: Timeout::Poll,
            ..*self
        }
    }

    /// Runs `wait` with the caller's signal mask in place, if it gave one. May sleep.
    ///
    /// `EFAULT` or `EINVAL` for the mask, else what `wait` returns. After `EINTR` the delivery of
    /// the signal puts the old mask back, so that the handler still runs under the caller's.
    pub(crate) fn with_sigmask(&self, wait: impl FnOnce() -> Result<u32>) -> Result<u32> {
        if self.sigmask == 0 {
            return wait();
        }
        // SAFETY: In process context; the user address is checked by the callee.
        kernel::error::to_result(unsafe {
            super::ffi::repoll_set_user_sigmask(self.sigmask, self.sigsetsize as usize)
        })?;
        let result = wait();
        if result != Err(EINTR) {
            // SAFETY: In process context, by the task that set the mask above.
            unsafe { super::ffi::repoll_restore_sigmask() };
        }
        result
    }
}

#[cfg(CONFIG_KUNIT = "y")]
#[kernel::macros::kunit_tests(repoll_uapi)]
mod tests {
    use super::*;

    #[test]
    fn maxevents_is_limited() {
        for size in [EVENT_SIZE, size_of::<UserEvent>()] {
            let most = i32::MAX / size as i32;
            for bad in [i32::MIN, -1, 0, most + 1, i32::MAX] {
                assert!(WaitRequest::check_maxevents(bad, size) == Err(EINVAL));
            }
            for good in [1, most] {
                assert!(WaitRequest::check_maxevents(good, size) == Ok(good as u32));
            }
        }
    }

    #[test]
    fn structures_are_as_in_the_header() {
        assert_eq!(size_of::<Info>(), 24);
        assert_eq!(size_of::<Ctl>(), 24);
        assert_eq!(size_of::<Wait>(), 40);
        assert_eq!(size_of::<Params>(), 8);
        assert_eq!(size_of::<UserEvent>(), 16);
        assert_eq!(IOC_INFO, 0x8018_e900);
        assert_eq!(IOC_CTL, 0x4018_e901);
        assert_eq!(IOC_WAIT, 0x4028_e902);
    }
}
