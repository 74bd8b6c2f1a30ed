// SPDX-License-Identifier: GPL-2.0

//! What sets a registration apart from most.

use super::{file::TargetKind, wake_policy::WakePolicy};
use core::sync::atomic::{AtomicU8, Ordering};

/// What sets a registration apart from most: one byte, for those who only ask whether anything does.
/// Written with the instance's mutex held, or before anybody knows the registration; read by wakeups.
pub(crate) struct Traits(AtomicU8);

impl Traits {
    pub(crate) const UNUSUAL: u8 = 1 << 0;
    pub(crate) const WAKEUP: u8 = 1 << 1;
    pub(crate) const TIED: u8 = 1 << 4;
    pub(crate) const COUNTED: u8 = 1 << 5;
    pub(crate) const NOTED: u8 = 1 << 6;
    pub(crate) const RING: u8 = 1 << 7;
    pub(crate) const FIFO: u8 = WakePolicy::bit(Some(WakePolicy::Fifo));
    pub(crate) const ROUND_ROBIN: u8 = WakePolicy::bit(Some(WakePolicy::RoundRobin));

    pub(crate) fn new(kind: TargetKind, policy: Option<WakePolicy>) -> Self {
        let kind = match kind {
            TargetKind::Plain => 0,
            _ => Self::UNUSUAL,
        };
        Self(AtomicU8::new(kind | WakePolicy::bit(policy)))
    }

    #[inline]
    pub(crate) fn any(&self, of: u8) -> bool {
        self.0.load(Ordering::Relaxed) & of != 0
    }

    /// Gives the bits of `mask` these values.
    pub(crate) fn set(&self, mask: u8, bits: u8) {
        let others = self.0.load(Ordering::Relaxed) & !mask;
        self.0.store(others | bits, Ordering::Relaxed);
    }
}
