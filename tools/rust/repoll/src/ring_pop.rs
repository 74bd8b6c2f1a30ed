// SPDX-License-Identifier: LGPL-2.1-only OR MIT

//! What a consumer of a ready ring does to take an event.
//!
//! The other side is the kernel's, `rust/ring.rs`, where the states of an entry and the orderings are
//! described. The file uses nothing but atomics: the same text is checked with the other side's, all
//! interleavings, by a model checker, in `tools/testing/host`.

use super::atomic::{AtomicU32, AtomicU64, Ordering};

/// The events of an entry's word.
const EVENTS: u64 = u32::MAX as u64;

/// Takes the first event, if there is one: its bits, and its data. Any number of threads may do so at
/// once, and none waits for another.
///
/// `head` is the ring's, and `slot` finds the word and the data of the entry at a position.
pub(crate) fn pop<'a>(
    head: &AtomicU32,
    slot: impl Fn(u32) -> Option<(&'a AtomicU64, &'a AtomicU64)>,
) -> Option<(u32, u64)> {
    loop {
        let at = head.load(Ordering::Acquire);
        let (word, data) = slot(at)?;
        // Ordering 1.
        let now = word.load(Ordering::Acquire);
        let ahead = ((now >> 32) as u32).wrapping_sub(at) as i32;
        if ahead < 0 {
            // There is no entry yet, unless all this has happened long ago.
            if head.load(Ordering::Relaxed) == at {
                return None;
            }
            continue;
        }
        let is_live = ahead == 0 && now & EVENTS != 0;
        let data = data.load(Ordering::Relaxed);
        // Orderings 1 and 2.
        if is_live
            && word
                .compare_exchange(now, now & !EVENTS, Ordering::AcqRel, Ordering::Relaxed)
                .is_err()
        {
            // Somebody else was faster, or there are more events now.
            continue;
        }
        // Taken, here or by somebody who has not moved on yet.
        let next = at.wrapping_add(1);
        let _ = head.compare_exchange(at, next, Ordering::Release, Ordering::Relaxed);
        if is_live {
            return Some((now as u32, data));
        }
    }
}
