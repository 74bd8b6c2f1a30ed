// SPDX-License-Identifier: LGPL-2.1-only OR MIT

//! Notification without a waiter.

use std::io;
use std::os::fd::{AsFd, AsRawFd, RawFd};

use crate::instance::Repoll;
use crate::uapi::{ioctl, RepollNotify};

impl Repoll {
    /// Has 1 added to `eventfd` when there are events and no thread waits for any; then not
    /// again before a wait has looked for them. If that leaves some, it is at once. There is
    /// one eventfd at a time, which may be closed.
    ///
    /// # Errors
    ///
    /// * `EINVAL`: it is not an eventfd.
    /// * `ENOMEM`: the kernel is short of memory.
    /// * `ENOTTY`: the module does not know the call.
    pub fn notify_by(&self, eventfd: impl AsFd) -> io::Result<()> {
        self.set_notification(eventfd.as_fd().as_raw_fd())
    }

    /// Takes the eventfd away, if there is one.
    ///
    /// # Errors
    ///
    /// `ENOTTY`: the module does not know the call.
    pub fn notify_nobody(&self) -> io::Result<()> {
        self.set_notification(-1)
    }

    fn set_notification(&self, fd: RawFd) -> io::Result<()> {
        // SAFETY: `RepollNotify` holds no address.
        unsafe { ioctl(self.as_fd(), &mut RepollNotify { fd, flags: 0 }) }.map(|_| ())
    }
}
