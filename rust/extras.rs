// SPDX-License-Identifier: GPL-2.0

//! What an instance does that most do not.

use core::sync::atomic::{AtomicU8, Ordering};

/// One byte, for those who only ask whether there is anything. May be read at any time.
pub(crate) struct Extras(AtomicU8);

impl Extras {
    /// It drives a network device before it sleeps.
    pub(crate) const BUSY_POLL: u8 = 1 << 0;
    /// It keeps statistics.
    pub(crate) const STATS: u8 = 1 << 1;
    /// There may be in-tree instances below it.
    pub(crate) const FOREIGN: u8 = 1 << 2;
    /// It has a notifier.
    pub(crate) const NOTIFIER: u8 = 1 << 3;
    /// It has, or had, timers.
    pub(crate) const TIMERS: u8 = 1 << 4;
    /// It has, or has had, registrations that are handed over.
    pub(crate) const HANDOVER: u8 = 1 << 5;
    /// It has, or has had, registrations whose deletion can be waited for.
    pub(crate) const SYNC: u8 = 1 << 6;
    /// It has a ready ring, for the rest of its life.
    pub(crate) const RING: u8 = 1 << 7;
    /// Those for which it is noted who has been delivered something.
    pub(crate) const OF_HOLDERS: u8 = Self::HANDOVER | Self::SYNC;
    /// Those that harvests have to do with.
    pub(crate) const OF_HARVESTS: u8 =
        Self::STATS | Self::FOREIGN | Self::NOTIFIER | Self::TIMERS | Self::OF_HOLDERS | Self::RING;
    /// Those that wakeups have to do with.
    pub(crate) const OF_WAKEUPS: u8 = Self::BUSY_POLL | Self::STATS | Self::RING;
    /// Those that do not go with a ring.
    pub(crate) const NOT_WITH_RING: u8 =
        Self::BUSY_POLL | Self::STATS | Self::NOTIFIER | Self::TIMERS | Self::OF_HOLDERS;

    pub(crate) fn none() -> Self {
        Self(AtomicU8::new(0))
    }

    #[inline]
    pub(crate) fn any(&self, of: u8) -> bool {
        self.0.load(Ordering::Relaxed) & of != 0
    }

    /// Sets `one` of them; tells whether that is news.
    pub(crate) fn begin(&self, one: u8) -> bool {
        self.0.fetch_or(one, Ordering::Relaxed) & one == 0
    }

    pub(crate) fn end(&self, one: u8) {
        self.0.fetch_and(!one, Ordering::Relaxed);
    }
}
