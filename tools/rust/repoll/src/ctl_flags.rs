// SPDX-License-Identifier: LGPL-2.1-only OR MIT

//! What a registration can be asked for that epoll does not have.

use crate::uapi;

/// Who is woken first by the events of a registration: among threads that wait on its
/// instance and, with [`EventFlags::EXCLUSIVE`](crate::EventFlags::EXCLUSIVE), among the
/// instances that watch the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum WakePolicy {
    /// In-tree's order: the thread that was the last to come, the instance that was
    /// the first to add the file.
    Lifo = 1,
    /// Who has waited longest.
    Fifo = 2,
    /// The thread that has waited longest, the instance whose last event is the longest
    /// ago.
    RoundRobin = 3,
}

bitflags::bitflags! {
    /// The `REPOLL_CTL_*` bits: how [`Repoll::add_with`](crate::Repoll::add_with) differs
    /// from [`add`](crate::Repoll::add), and
    /// [`modify_with`](crate::Repoll::modify_with) from
    /// [`modify`](crate::Repoll::modify). By default, they do not.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct CtlFlags: u32 {
        /// The registration ends when the number of its file descriptor is closed, also
        /// where a duplicate or another process keeps the file open. Only with
        /// [`Repoll::add_with`](crate::Repoll::add_with).
        const BIND = uapi::CTL_BIND;
        /// Its data is a token, of which there is one in the instance, and by which
        /// [`Repoll::modify_by_token`](crate::Repoll::modify_by_token) and
        /// [`Repoll::delete_by_token`](crate::Repoll::delete_by_token) find it.
        const TOKEN = uapi::CTL_TOKEN;
        /// Whoever is delivered its event has it to itself, until its next wait on the
        /// instance, which arms it again, or its exit. Neither with
        /// [`ONESHOT`](crate::EventFlags::ONESHOT) nor with
        /// [`ET`](crate::EventFlags::ET), and not of an instance.
        const HANDOVER = uapi::CTL_HANDOVER;
    }
}

impl CtlFlags {
    const WAKE_MASK: u32 = 3;

    /// With this policy. `EXCLUSIVE` then goes with `ONESHOT`, and does not keep a
    /// registration from being modified.
    #[must_use]
    pub const fn wake_policy(self, policy: WakePolicy) -> Self {
        Self::from_bits_retain(self.bits() & !Self::WAKE_MASK | policy as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_the_bits_of_the_header() {
        assert_eq!(CtlFlags::default().bits(), 0);
        for (policy, bits) in [
            (WakePolicy::Lifo, 1),
            (WakePolicy::Fifo, 2),
            (WakePolicy::RoundRobin, 3),
        ] {
            assert_eq!(CtlFlags::empty().wake_policy(policy).bits(), bits);
        }
    }

    #[test]
    fn last_policy_holds() {
        let flags = CtlFlags::empty().wake_policy(WakePolicy::RoundRobin);
        assert_eq!(flags.wake_policy(WakePolicy::Lifo).bits(), 1);
    }
}
