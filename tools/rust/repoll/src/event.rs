// SPDX-License-Identifier: LGPL-2.1-only OR MIT

//! What is waited for, and what a wait reports.

use std::fmt;

bitflags::bitflags! {
    /// The `EPOLL*` bits: conditions to wait for or found, and how to report them.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct EventFlags: u32 {
        /// There is something to read.
        const IN = libc::EPOLLIN as u32;
        /// There is something urgent to read.
        const PRI = libc::EPOLLPRI as u32;
        /// A write would not block.
        const OUT = libc::EPOLLOUT as u32;
        /// The file is in error. Reported whether asked for or not.
        const ERR = libc::EPOLLERR as u32;
        /// The peer hung up. Reported whether asked for or not.
        const HUP = libc::EPOLLHUP as u32;
        /// Normal data can be read.
        const RDNORM = libc::EPOLLRDNORM as u32;
        /// Priority band data can be read.
        const RDBAND = libc::EPOLLRDBAND as u32;
        /// Normal data can be written.
        const WRNORM = libc::EPOLLWRNORM as u32;
        /// Priority band data can be written.
        const WRBAND = libc::EPOLLWRBAND as u32;
        /// Unused by the kernel, and passed through.
        const MSG = libc::EPOLLMSG as u32;
        /// The peer will send no more.
        const RDHUP = libc::EPOLLRDHUP as u32;
        /// Wake one of the instances that wait for the file, not all: which one, a
        /// [`WakePolicy`](crate::WakePolicy) says. Only with
        /// [`Repoll::add`](crate::Repoll::add), unless there is such a policy.
        const EXCLUSIVE = libc::EPOLLEXCLUSIVE as u32;
        /// Keep the system awake while the event is handled. Ignored without
        /// `CAP_BLOCK_SUSPEND`.
        const WAKEUP = libc::EPOLLWAKEUP as u32;
        /// Report once, then not until [`Repoll::modify`](crate::Repoll::modify).
        const ONESHOT = libc::EPOLLONESHOT as u32;
        /// Report changes (edge-triggered), not the state (level-triggered).
        const ET = libc::EPOLLET as u32;

        // Bits that a later kernel may report.
        const _ = !0;
    }
}

/// Flags, and 64 bits of the caller's that come back with them: `struct epoll_event`.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct Event(libc::epoll_event);

impl Event {
    /// An event to wait for. `data` is for the caller to recognise it by.
    pub const fn new(flags: EventFlags, data: u64) -> Self {
        Self(libc::epoll_event {
            events: flags.bits(),
            u64: data,
        })
    }

    /// What is waited for or, in a reported event, what was found.
    pub const fn flags(&self) -> EventFlags {
        EventFlags::from_bits_retain(self.0.events)
    }

    /// The `data` that the file was registered with.
    pub const fn data(&self) -> u64 {
        self.0.u64
    }
}

impl Default for Event {
    /// No flags and data 0, to make room for the events of a wait.
    fn default() -> Self {
        Self::new(EventFlags::empty(), 0)
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event")
            .field("flags", &self.flags())
            .field("data", &self.data())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn event_has_the_layout_of_epoll_event() {
        assert_eq!(size_of::<Event>(), size_of::<libc::epoll_event>());
        assert_eq!(align_of::<Event>(), align_of::<libc::epoll_event>());
    }

    #[test]
    fn event_keeps_flags_and_data() {
        let event = Event::new(EventFlags::IN | EventFlags::ET, u64::MAX - 1);
        assert_eq!(event.flags(), EventFlags::IN | EventFlags::ET);
        assert_eq!(event.data(), u64::MAX - 1);
    }

    #[test]
    fn flags_are_the_bits_of_the_kernel() {
        assert_eq!(EventFlags::IN.bits(), 0x001);
        assert_eq!(EventFlags::RDHUP.bits(), 0x2000);
        assert_eq!(EventFlags::EXCLUSIVE.bits(), 1 << 28);
        assert_eq!(EventFlags::WAKEUP.bits(), 1 << 29);
        assert_eq!(EventFlags::ONESHOT.bits(), 1 << 30);
        assert_eq!(EventFlags::ET.bits(), 1 << 31);
    }

    #[test]
    fn unknown_flags_are_kept() {
        let flags = EventFlags::from_bits_retain(0x10_0001);
        assert_eq!(Event::new(flags, 0).flags().bits(), 0x10_0001);
    }

    #[test]
    fn debug_shows_flags_and_data() {
        let text = format!("{:?}", Event::new(EventFlags::OUT, 7));
        assert_eq!(text, "Event { flags: EventFlags(OUT), data: 7 }");
    }
}
