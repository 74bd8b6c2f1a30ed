// SPDX-License-Identifier: LGPL-2.1-only OR MIT

//! Deletions after which no other thread has an event of what was deleted.

use std::fmt;
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::time::Duration;

use crate::ctl_flags::CtlFlags;
use crate::event::{Event, EventFlags};
use crate::instance::{address, Repoll};
use crate::uapi::{
    ioctl, KernelTimespec, RepollSync, RepollWait, CTL_SYNC, KERNEL_SIGSET_SIZE, SYNC_TIMESPEC,
    WAIT_GENERATION, WAIT_TIMESPEC,
};

/// What tells a registration from those before it that had the same file descriptor or
/// data: [`Repoll::add_sync`] returns it, and [`Repoll::wait_generations`] with each event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Generation(u32);

/// An event, and which registration it is of: `struct repoll_event`.
#[derive(Clone, Copy, Default)]
#[repr(C)]
pub struct GenerationEvent {
    events: u32,
    generation: u32,
    data: u64,
}

impl GenerationEvent {
    /// What was found.
    pub const fn flags(&self) -> EventFlags {
        EventFlags::from_bits_retain(self.events)
    }

    /// The `data` that the file was registered with.
    pub const fn data(&self) -> u64 {
        self.data
    }

    /// That of the registration; `None` if it was not made by [`Repoll::add_sync`].
    pub const fn generation(&self) -> Option<Generation> {
        match self.generation {
            0 => None,
            generation => Some(Generation(generation)),
        }
    }
}

impl fmt::Debug for GenerationEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GenerationEvent")
            .field("flags", &self.flags())
            .field("generation", &self.generation())
            .field("data", &self.data())
            .finish()
    }
}

impl Repoll {
    /// Registers `fd` as [`add_with`](Self::add_with) does, so that
    /// [`delete_sync`](Self::delete_sync) can end it.
    ///
    /// # Errors
    ///
    /// Those of [`add_with`](Self::add_with), and `EOPNOTSUPP`: the kernel does not let
    /// exits be seen.
    pub fn add_sync(&self, fd: impl AsFd, event: Event, flags: CtlFlags) -> io::Result<Generation> {
        let flags = flags.bits() | CTL_SYNC;
        let fd = fd.as_fd().as_raw_fd();
        let generation = self.ctl_result(libc::EPOLL_CTL_ADD, fd, event, flags)?;
        Ok(Generation(generation as u32))
    }

    /// Ends a registration, and waits until no other thread is at work with an event of it:
    /// what its data refers to may be freed then. A thread is at work from the return of
    /// the wait that delivered the event to its next wait on the instance, its own call
    /// of this or of [`sync`](Self::sync), or its exit. What this thread has been
    /// delivered itself it gives up by the call.
    ///
    /// # Errors
    ///
    /// * `EINTR` ([`io::ErrorKind::Interrupted`]): a signal handler ran. The registration
    ///   has ended; what is left to do is [`sync`](Self::sync).
    /// * `EINVAL`: it was not made by [`add_sync`](Self::add_sync).
    /// * `ENOENT`: `fd` is not registered.
    pub fn delete_sync(&self, fd: impl AsFd) -> io::Result<()> {
        let (fd, event) = (fd.as_fd().as_raw_fd(), Event::default());
        self.ctl_result(libc::EPOLL_CTL_DEL, fd, event, CTL_SYNC)
            .map(|_| ())
    }

    /// [`delete_sync`](Self::delete_sync) for the registration with this token.
    ///
    /// # Errors
    ///
    /// Those of [`delete_sync`](Self::delete_sync); `ENOENT`: there is no such token.
    pub fn delete_sync_by_token(&self, token: u64) -> io::Result<()> {
        let event = Event::new(EventFlags::empty(), token);
        let flags = CtlFlags::TOKEN.bits() | CTL_SYNC;
        self.ctl_result(libc::EPOLL_CTL_DEL, -1, event, flags)
            .map(|_| ())
    }

    /// Waits until no other thread is at work that is now: after deletions of any kind, of
    /// registrations made by [`add_sync`](Self::add_sync), what their data refers to may be
    /// freed. No timeout is no limit; a zero one does not block.
    ///
    /// # Errors
    ///
    /// * `EINTR` ([`io::ErrorKind::Interrupted`]): a signal handler ran.
    /// * `ETIMEDOUT` ([`io::ErrorKind::TimedOut`]): the timeout expired.
    /// * `ENOTTY`: the module does not know the call.
    pub fn sync(&self, timeout: Option<Duration>) -> io::Result<()> {
        let timeout = timeout.map(KernelTimespec::from);
        let mut request = RepollSync {
            timeout: address(timeout.as_ref()) as i64,
            flags: SYNC_TIMESPEC,
            reserved: 0,
        };
        // SAFETY: The timeout is the address of a value that outlives the call, or 0.
        unsafe { ioctl(self.as_fd(), &mut request) }.map(|_| ())
    }

    /// Waits as [`wait`](Self::wait) does; each event tells which registration it is of.
    ///
    /// # Errors
    ///
    /// Those of [`wait`](Self::wait), and `EINVAL`: the module does not know the call.
    pub fn wait_generations<'e>(
        &self,
        events: &'e mut [GenerationEvent],
        timeout: Option<Duration>,
    ) -> io::Result<&'e [GenerationEvent]> {
        // More than the kernel accepts at once is no mistake, just more than needed.
        const MAX_EVENTS: usize = i32::MAX as usize / size_of::<GenerationEvent>();

        let timeout = timeout.map(KernelTimespec::from);
        let mut request = RepollWait {
            events: events.as_mut_ptr().expose_provenance() as u64,
            maxevents: events.len().min(MAX_EVENTS) as i32,
            flags: WAIT_TIMESPEC | WAIT_GENERATION,
            timeout: address(timeout.as_ref()) as i64,
            sigmask: 0,
            sigsetsize: KERNEL_SIGSET_SIZE,
            reserved: 0,
        };
        // SAFETY: `request.events` is the address of at least `maxevents` events of that kind
        // that are ours to write, of which any bits make one. The timeout outlives the call.
        let count = unsafe { ioctl(self.as_fd(), &mut request) }?;
        Ok(&events[..count as usize])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::mem::offset_of;

    #[test]
    fn event_has_the_layout_of_the_header() {
        assert_eq!(size_of::<GenerationEvent>(), 16);
        assert_eq!(offset_of!(GenerationEvent, generation), 4);
        assert_eq!(offset_of!(GenerationEvent, data), 8);
    }

    #[test]
    fn no_generation_is_none() {
        let mut event = GenerationEvent::default();
        assert_eq!(event.generation(), None);
        event.generation = 7;
        assert_eq!(event.generation(), Some(Generation(7)));
    }
}
