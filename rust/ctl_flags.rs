// SPDX-License-Identifier: GPL-2.0

//! The flags of `struct repoll_ctl`, and the rules about them.

use super::{uapi::Op, wake_policy::WakePolicy};
use kernel::prelude::*;

/// `REPOLL_CTL_*`: how an operation differs from `epoll_ctl()`'s. A byte, which an epitem has room
/// for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct CtlFlags(u8);

impl CtlFlags {
    /// As `epoll_ctl()`.
    pub(crate) const NONE: Self = Self(0);
    /// The registration ends when its number is closed.
    pub(crate) const BIND: Self = Self(1 << 2);
    /// The data is a token, by which the registration can be found without its fd.
    pub(crate) const TOKEN: Self = Self(1 << 3);

    /// Who is delivered its event has the registration to itself, until its next wait.
    pub(crate) const HANDOVER: Self = Self(1 << 6);
    /// Its deletion can wait for those who have been delivered its event.
    pub(crate) const SYNC: Self = Self(1 << 7);

    /// Those by which something else of the set knows the registration.
    const TIES: u8 = Self::BIND.0 | Self::TOKEN.0 | Self::HANDOVER.0 | Self::SYNC.0;

    /// A number, one of the wake policies.
    const WAKE_MASK: u8 = 3;

    /// The bits that are flags.
    pub(crate) const KNOWN: u32 = (Self::TIES | Self::WAKE_MASK) as u32;

    /// `EINVAL` for unknown ones.
    pub(crate) fn from_bits(bits: u32) -> Result<Self> {
        if bits & !Self::KNOWN != 0 {
            return Err(EINVAL);
        }
        Ok(Self(bits as u8))
    }

    pub(crate) const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// These and those.
    #[must_use]
    pub(crate) const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// These but for those.
    #[must_use]
    pub(crate) const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Those of [`Self::TIES`].
    #[inline]
    pub(crate) const fn ties(self) -> Self {
        Self(self.0 & Self::TIES)
    }

    /// `None` for in-tree's rules.
    pub(crate) const fn wake_policy(self) -> Option<WakePolicy> {
        match self.0 & Self::WAKE_MASK {
            1 => Some(WakePolicy::Lifo),
            2 => Some(WakePolicy::Fifo),
            3 => Some(WakePolicy::RoundRobin),
            _ => None,
        }
    }

    /// `EINVAL` where they do not go with `op`, or with `fd`.
    pub(crate) fn check(self, op: Option<Op>, fd: i32) -> Result {
        if op == Some(Op::Add) {
            return Ok(());
        }
        if op == Some(Op::Del) && (self.wake_policy().is_some() || self.intersects(Self::HANDOVER))
        {
            return Err(EINVAL);
        }
        if self.intersects(Self::SYNC) && op != Some(Op::Del) {
            return Err(EINVAL);
        }
        if self.intersects(Self::BIND) || (self.intersects(Self::TOKEN) && fd != -1) {
            return Err(EINVAL);
        }
        Ok(())
    }
}

#[cfg(CONFIG_KUNIT = "y")]
#[kernel::macros::kunit_tests(repoll_ctl_flags)]
mod tests {
    use super::*;

    #[test]
    fn flags_go_with_their_operations() {
        let (bind, token) = (CtlFlags::BIND, CtlFlags::TOKEN);
        for op in [Some(Op::Add), Some(Op::Mod), Some(Op::Del), None] {
            assert!(CtlFlags::NONE.check(op, -1) == Ok(()));
            assert!(bind.check(op, 3).is_ok() == (op == Some(Op::Add)));
            assert!(token.check(op, 3).is_ok() == (op == Some(Op::Add)));
            let changes = matches!(op, Some(Op::Mod) | None);
            assert!(CtlFlags::SYNC.check(op, 3).is_err() == changes);
            assert!(token.check(op, -1) == Ok(()));
            for no_del in [CtlFlags(2), CtlFlags::HANDOVER] {
                assert!(no_del.check(op, 3).is_err() == (op == Some(Op::Del)));
            }
        }
        for bit in 0..u32::BITS {
            let known = 1 << bit & CtlFlags::KNOWN != 0;
            assert!(CtlFlags::from_bits(1 << bit).is_ok() == known);
        }
    }
}
