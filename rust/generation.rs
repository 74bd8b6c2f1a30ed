// SPDX-License-Identifier: GPL-2.0

//! What tells a registration from those that had its place before it, and who may have its event.

use core::cell::Cell;

/// Some of the waits that have delivered something, which are numbered from 1 on.
#[derive(Clone, Copy)]
pub(crate) struct Waits {
    pub(crate) first: u64,
    /// Less than `first` if there are none.
    pub(crate) last: u64,
}

impl Waits {
    const NONE: Self = Self { first: 1, last: 0 };

    /// All of them.
    pub(crate) const fn up_to(last: u64) -> Self {
        Self { first: 1, last }
    }
}

/// What a registration whose deletion can be waited for has besides. Guarded by the instance's mutex.
pub(crate) struct Generation {
    /// What its events carry: 1 to `INT_MAX`.
    pub(crate) number: u32,
    /// Those that have delivered its event, as far as their threads may still be at work; and, of
    /// those between two such, any.
    pub(crate) waits: Cell<Waits>,
}

impl Generation {
    /// Of a registration that nobody has been delivered.
    pub(crate) fn new(number: u32) -> Self {
        Self {
            number,
            waits: Cell::new(Waits::NONE),
        }
    }
}

/// The number of the generation after that with `number`, 0 before the first: not 0, which events of
/// other registrations carry, and no negative one as an `int`, which a call returns for an error.
pub(crate) fn number_after(number: u32) -> u32 {
    number % i32::MAX as u32 + 1
}

#[cfg(CONFIG_KUNIT = "y")]
#[kernel::macros::kunit_tests(repoll_generation)]
mod tests {
    use super::*;

    #[test]
    fn numbers_begin_again() {
        assert_eq!(number_after(0), 1);
        assert_eq!(number_after(1), 2);
        assert_eq!(number_after(i32::MAX as u32 - 1), i32::MAX as u32);
        assert_eq!(number_after(i32::MAX as u32), 1);
    }
}
