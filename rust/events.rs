// SPDX-License-Identifier: GPL-2.0

//! Event masks, as in `struct epoll_event`, and the rules about their bits.

use super::atomic::{AtomicU32, Ordering};
use core::ops::{BitAnd, BitOr};

/// A set of `EPOLL*` bits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Events(u32);

impl Events {
    pub(crate) const NONE: Events = Events(0);
    pub(crate) const IN: Events = Events(0x1);
    pub(crate) const OUT: Events = Events(0x4);
    pub(crate) const ERR: Events = Events(0x8);
    pub(crate) const HUP: Events = Events(0x10);
    pub(crate) const RDNORM: Events = Events(0x40);
    pub(crate) const WRNORM: Events = Events(0x100);
    /// A wakeup whose wait-queue head is about to be freed; never part of a registration.
    pub(crate) const POLLFREE: Events = Events(0x4000);
    /// A wakeup that io_uring caused; passed on so that it does not answer itself.
    pub(crate) const URING_WAKE: Events = Events(1 << 27);
    pub(crate) const EXCLUSIVE: Events = Events(1 << 28);
    pub(crate) const WAKEUP: Events = Events(1 << 29);
    pub(crate) const ONESHOT: Events = Events(1 << 30);
    pub(crate) const ET: Events = Events(1 << 31);

    /// Bits that say how to deliver, not what to wait for.
    pub(crate) const PRIVATE: Events =
        Events(Self::WAKEUP.0 | Self::ONESHOT.0 | Self::ET.0 | Self::EXCLUSIVE.0);

    /// What a wakeup is believed: there is something to be read, or room to write.
    pub(crate) const SIMPLE: Events =
        Events(Self::IN.0 | Self::OUT.0 | Self::RDNORM.0 | Self::WRNORM.0);

    const INOUT: Events = Events(Self::IN.0 | Self::OUT.0);

    /// All that may stand beside `EPOLLEXCLUSIVE`.
    const EXCLUSIVE_OK: Events = Events(
        Self::INOUT.0 | Self::ERR.0 | Self::HUP.0 | Self::WAKEUP.0 | Self::ET.0 | Self::EXCLUSIVE.0,
    );

    pub(crate) const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    pub(crate) const fn bits(self) -> u32 {
        self.0
    }

    pub(crate) const fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(crate) const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    pub(crate) const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether a wakeup for `key` (empty: for anything, since not every file tells) is news for a
    /// registration with this mask. For one that is disarmed nothing is.
    #[inline]
    pub(crate) const fn is_woken_by(self, key: Self) -> bool {
        let asked = self.without(Self::PRIVATE);
        asked.intersects(key) || (key.is_empty() && !asked.is_empty())
    }

    /// The mask that one-shot leaves behind.
    pub(crate) const fn disarmed(self) -> Self {
        Self(self.0 & Self::PRIVATE.0)
    }

    /// Whether this mask, with `EPOLLEXCLUSIVE` in it, may be used for `EPOLL_CTL_ADD`.
    pub(crate) const fn exclusive_bits_ok(self) -> bool {
        self.0 & !Self::EXCLUSIVE_OK.0 == 0
    }

    /// Whether a wakeup for `key` (empty: for anything) is one that an exclusive registration with
    /// this mask takes as its own, so that no other exclusive one need be woken.
    pub(crate) const fn consumes_exclusively(self, key: Self) -> bool {
        let inout = key.0 & Self::INOUT.0;
        inout == 0 || (inout != Self::INOUT.0 && inout & self.0 != 0)
    }
}

impl BitOr for Events {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitAnd for Events {
    type Output = Self;
    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

/// A mask that wakeups read while the holder of the instance's mutex replaces it.
pub(crate) struct AtomicEvents(AtomicU32);

impl AtomicEvents {
    pub(crate) fn new(events: Events) -> Self {
        Self(AtomicU32::new(events.0))
    }

    /// Any context. A wakeup calls [`crate::ready::event_happened`] before.
    #[inline]
    pub(crate) fn load(&self) -> Events {
        Events(self.0.load(Ordering::Relaxed))
    }

    /// To be followed by a full fence and a poll where a bit is set that was not.
    pub(crate) fn store(&self, events: Events) {
        self.0.store(events.0, Ordering::Relaxed)
    }
}

#[cfg(CONFIG_KUNIT = "y")]
#[kernel::macros::kunit_tests(repoll_events)]
mod tests {
    use super::*;

    #[test]
    fn exclusive_takes_few_bits() {
        let exclusive = Events::EXCLUSIVE | Events::ERR | Events::HUP;
        for good in [Events::IN, Events::OUT, Events::ET, Events::WAKEUP] {
            assert!((exclusive | good).exclusive_bits_ok());
        }
        for bit in 0..u32::BITS {
            let one = Events::from_bits(1 << bit);
            let ok = one.intersects(Events::EXCLUSIVE_OK);
            assert_eq!((exclusive | one).exclusive_bits_ok(), ok);
        }
        assert!(!(exclusive | Events::ONESHOT).exclusive_bits_ok());
        assert!(!(exclusive | Events::RDNORM).exclusive_bits_ok());
        assert_eq!(Events::EXCLUSIVE_OK.bits(), 0xb000_001d);
    }

    #[test]
    fn exclusive_consumes_what_it_waits_for() {
        let both = Events::IN | Events::OUT;
        // A wakeup for neither, or for anything, is everybody's own.
        assert!(Events::IN.consumes_exclusively(Events::NONE));
        assert!(Events::IN.consumes_exclusively(Events::HUP));
        assert!(Events::IN.consumes_exclusively(Events::IN | Events::RDNORM));
        assert!(both.consumes_exclusively(Events::OUT));
        assert!(!Events::IN.consumes_exclusively(Events::OUT));
        // Of a wakeup for both, somebody else may want the other half.
        assert!(!both.consumes_exclusively(both));
    }

    #[test]
    fn wakeup_is_news_for_what_was_asked() {
        let asked = Events::IN | Events::HUP | Events::ET | Events::ONESHOT;
        assert!(asked.is_woken_by(Events::IN | Events::RDNORM));
        assert!(asked.is_woken_by(Events::NONE));
        assert!(!asked.is_woken_by(Events::OUT));
        // Disarmed, it is woken by nothing, whatever a file may put into a key.
        assert!(!asked.disarmed().is_woken_by(Events::NONE));
        assert!(!asked.disarmed().is_woken_by(Events::from_bits(u32::MAX)));
    }

    #[test]
    fn disarming_leaves_the_private_bits() {
        let private = Events::WAKEUP | Events::ONESHOT | Events::ET | Events::EXCLUSIVE;
        for bit in 0..u32::BITS {
            let armed = Events::from_bits(1 << bit) | Events::ONESHOT;
            let disarmed = armed.disarmed();
            assert!(!disarmed.is_woken_by(Events::NONE));
            assert!(disarmed.intersects(Events::ONESHOT));
            assert!(disarmed.without(private).is_empty());
            assert_eq!(
                armed.is_woken_by(Events::NONE),
                !armed.without(private).is_empty()
            );
        }
    }
}
