// SPDX-License-Identifier: LGPL-2.1-only OR MIT

//! Waiting for several events.

use std::io;
use std::os::fd::AsFd;
use std::time::Duration;

use crate::event::Event;
use crate::instance::{wait_request, Repoll};
use crate::uapi::{ioctl, KernelTimespec, RepollWaitMany};

/// What [`Repoll::wait_many`] waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Enough {
    events: u32,
    delay: Duration,
}

impl Enough {
    /// So many events, or those that are there `delay` after the first came. What does not
    /// fit into 64 bits of nanoseconds is never.
    pub const fn new(events: u32, delay: Duration) -> Self {
        Self { events, delay }
    }
}

impl Repoll {
    /// Waits until there are as many events as `enough` says, or as there is room for in
    /// `events`, or some time after the first of them; returns the part of `events` that was
    /// filled. When the timeout expires or a signal comes, that is what there is. No timeout
    /// is no limit; a zero one does not block.
    ///
    /// # Errors
    ///
    /// * `EINTR` ([`io::ErrorKind::Interrupted`]): a signal handler ran, and there was no
    ///   event.
    /// * `EINVAL`: `events` is empty, or nothing is enough.
    /// * `ENOTTY`: the module does not know the call.
    pub fn wait_many<'e>(
        &self,
        events: &'e mut [Event],
        enough: Enough,
        timeout: Option<Duration>,
    ) -> io::Result<&'e [Event]> {
        let timeout = timeout.map(KernelTimespec::from);
        let mut request = RepollWaitMany {
            wait: wait_request(events, timeout.as_ref(), None),
            min_events: enough.events,
            reserved: 0,
            delay_ns: enough.delay.as_nanos().try_into().unwrap_or(u64::MAX),
        };
        // SAFETY: The wait holds the address of as many events as it says, ours to write, of
        // which any bits make one, and that of a timeout that outlives the call.
        let count = unsafe { ioctl(self.as_fd(), &mut request) }?;
        Ok(&events[..count as usize])
    }
}
