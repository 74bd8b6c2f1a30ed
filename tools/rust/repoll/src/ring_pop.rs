// SPDX-License-Identifier: LGPL-2.1-only OR MIT

//! What a consumer of a ready ring does to take events.
//!
//! The other side is the kernel's, `rust/ring.rs`, where the states of an entry and the orderings are
//! described. The file uses nothing but atomics: the same text is checked with the other side's, all
//! interleavings, by a model checker, in `tools/testing/host`.

use super::atomic::{AtomicU32, AtomicU64, Ordering};

/// The events of an entry's word.
const EVENTS: u64 = u32::MAX as u64;

/// Takes the first events, up to `max` of them, tells `take` the bits and the data of each, and returns
/// how many there were. Any number of threads may do so at once, and none waits for another.
///
/// `head` is the ring's, and `slot` finds the word and the data of the entry at a position.
pub(crate) fn get<'a>(
    head: &AtomicU32,
    slot: impl Fn(u32) -> Option<(&'a AtomicU64, &'a AtomicU64)>,
    max: usize,
    mut take: impl FnMut(u32, u64),
) -> usize {
    loop {
        let from = head.load(Ordering::Acquire);
        let (mut at, mut taken) = (from, 0);
        while taken < max {
            let Some((word, data)) = slot(at) else { break };
            // Ordering 1.
            let now = word.load(Ordering::Acquire);
            let ahead = ((now >> 32) as u32).wrapping_sub(at) as i32;
            if ahead < 0 {
                // There is no entry yet.
                break;
            }
            let is_live = ahead == 0 && now & EVENTS != 0;
            let data = data.load(Ordering::Relaxed);
            if is_live {
                // Orderings 1 and 2.
                let free = now & !EVENTS;
                if word
                    .compare_exchange(now, free, Ordering::AcqRel, Ordering::Relaxed)
                    .is_err()
                {
                    // Somebody else was faster, or there are more events now.
                    continue;
                }
                take(now as u32, data);
                taken += 1;
            }
            // Taken, here or by somebody who has not moved on yet.
            at = at.wrapping_add(1);
        }
        // Once for all of them. If somebody else has moved on, so be it, unless nothing was found: that
        // may have been long ago.
        let is_recent = if at == from {
            head.load(Ordering::Relaxed) == from
        } else {
            head.compare_exchange(from, at, Ordering::Release, Ordering::Relaxed)
                .is_ok()
        };
        if taken > 0 || is_recent || max == 0 {
            return taken;
        }
    }
}
