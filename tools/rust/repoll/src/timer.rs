// SPDX-License-Identifier: LGPL-2.1-only OR MIT

//! Timers of an instance, without file descriptors.

use std::io;
use std::os::fd::AsFd;
use std::time::Duration;

use crate::instance::Repoll;
use crate::uapi::{ioctl, RepollTimer, RepollTimers};

const SET: u32 = 1;
const CANCEL: u32 = 2;
const GET: u32 = 3;
const ABSOLUTE: u32 = 1 << 0;

/// A clock by which timers run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// Stands still while the system is suspended.
    Monotonic,
    /// May be set.
    Realtime,
    /// As the first, but goes on.
    Boottime,
}

impl Clock {
    fn to_raw(self) -> u32 {
        let id = match self {
            Self::Monotonic => libc::CLOCK_MONOTONIC,
            Self::Realtime => libc::CLOCK_REALTIME,
            Self::Boottime => libc::CLOCK_BOOTTIME,
        };
        id as u32
    }
}

/// When a timer expires. What does not fit into 63 bits of nanoseconds is never.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timer {
    clock: Clock,
    flags: u32,
    expiry: Duration,
    interval: Duration,
    slack: Duration,
}

impl Timer {
    const fn new(clock: Clock, flags: u32, expiry: Duration) -> Self {
        Self {
            clock,
            flags,
            expiry,
            interval: Duration::ZERO,
            slack: Duration::ZERO,
        }
    }

    /// So long after it is set, once.
    pub const fn after(delay: Duration) -> Self {
        Self::new(Clock::Monotonic, 0, delay)
    }

    /// At this time of `clock`, once; at once if that has passed.
    pub const fn at(clock: Clock, time: Duration) -> Self {
        Self::new(clock, ABSOLUTE, time)
    }

    /// The same, and again after each `interval`.
    #[must_use]
    pub const fn every(self, interval: Duration) -> Self {
        Self { interval, ..self }
    }

    /// The same, or by so much later, together with others.
    #[must_use]
    pub const fn with_slack(self, slack: Duration) -> Self {
        Self { slack, ..self }
    }
}

fn ns(duration: Duration) -> u64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX) as u64
}

/// What is known of a timer that is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimerState {
    /// The time of its clock at which it expires next.
    pub expiry: Duration,
    /// Zero for one that expires once.
    pub interval: Duration,
    /// How often it has expired since it was set.
    pub expirations: u64,
}

/// Operations on timers for [`Repoll::timers`], and their results. It may be used again.
///
/// ```no_run
/// use repoll::{Repoll, Timer, TimerOps};
/// use std::time::Duration;
///
/// let repoll = Repoll::new()?;
/// let mut ops = TimerOps::new();
/// for connection in 0..10_000 {
///     ops.set(connection, Timer::after(Duration::from_secs(30)));
/// }
/// assert_eq!(repoll.timers(&mut ops)?, 10_000);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct TimerOps(Vec<RepollTimer>);

impl TimerOps {
    /// Without operations.
    pub fn new() -> Self {
        Self::default()
    }

    /// To set the timer `id`, in place of the one of this id if there is one.
    pub fn set(&mut self, id: u64, timer: Timer) {
        self.0.push(RepollTimer {
            id,
            expiry_ns: ns(timer.expiry),
            interval_ns: ns(timer.interval),
            slack_ns: ns(timer.slack),
            op: SET,
            clock: timer.clock.to_raw(),
            flags: timer.flags,
            ..RepollTimer::default()
        });
    }

    /// To cancel the timer `id`.
    pub fn cancel(&mut self, id: u64) {
        self.0.push(RepollTimer {
            id,
            op: CANCEL,
            ..RepollTimer::default()
        });
    }

    /// How many operations there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Forgets the operations and their results.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// What became of each operation, in their order.
    pub fn results(&self) -> impl ExactSizeIterator<Item = io::Result<()>> + use<'_> {
        self.0.iter().map(RepollTimer::result)
    }
}

impl RepollTimer {
    fn result(&self) -> io::Result<()> {
        match self.result {
            0 => Ok(()),
            errno => Err(io::Error::from_raw_os_error(-errno)),
        }
    }
}

impl Repoll {
    /// Carries out `ops`, in order and each with its own result; tells how many succeeded.
    ///
    /// # Errors
    ///
    /// * `E2BIG`: there are more than 65,536.
    /// * `ENOTTY`: the module does not know the call.
    pub fn timers(&self, ops: &mut TimerOps) -> io::Result<usize> {
        self.timer_ops(&mut ops.0)
    }

    /// Sets the timer `id`, in place of the one of this id if there is one. When it expires, a
    /// wait returns an event with `id` as data.
    ///
    /// # Errors
    ///
    /// * `ENOMEM`: the kernel is short of memory.
    /// * `ENOSPC`: the user has as many watches, of which a timer is one, as allowed.
    /// * `ENOTTY`: the module does not know the call.
    pub fn set_timer(&self, id: u64, timer: Timer) -> io::Result<()> {
        let mut ops = TimerOps::new();
        ops.set(id, timer);
        self.timers(&mut ops)?;
        ops.results().collect()
    }

    /// Cancels the timer `id`: no wait returns its event afterwards.
    ///
    /// # Errors
    ///
    /// * `ENOENT`: there is none. If it was set for once, a wait has returned its event.
    /// * `ENOTTY`: the module does not know the call.
    pub fn cancel_timer(&self, id: u64) -> io::Result<()> {
        let mut ops = TimerOps::new();
        ops.cancel(id);
        self.timers(&mut ops)?;
        ops.results().collect()
    }

    /// What is known of the timer `id`.
    ///
    /// # Errors
    ///
    /// As [`cancel_timer`](Self::cancel_timer).
    pub fn timer(&self, id: u64) -> io::Result<TimerState> {
        let mut op = [RepollTimer {
            id,
            op: GET,
            ..RepollTimer::default()
        }];
        self.timer_ops(&mut op)?;
        let [timer] = op;
        timer.result()?;
        Ok(TimerState {
            expiry: Duration::from_nanos(timer.expiry_ns),
            interval: Duration::from_nanos(timer.interval_ns),
            expirations: timer.expirations,
        })
    }

    fn timer_ops(&self, ops: &mut [RepollTimer]) -> io::Result<usize> {
        let mut request = RepollTimers {
            timers: ops.as_mut_ptr() as u64,
            nr_timers: ops.len().try_into().unwrap_or(u32::MAX),
            flags: 0,
        };
        // SAFETY: The address of as many operations as it says, ours to read and write; more than
        // fit into 32 bits are more than the kernel takes.
        let succeeded = unsafe { ioctl(self.as_fd(), &mut request) }?;
        Ok(succeeded as usize)
    }
}
