// SPDX-License-Identifier: GPL-2.0

//! Instances of in-tree epoll as targets.
//!
//! In-tree epoll polls what it watches with its own mutex held, and so do we. An instance of either
//! kind may watch one of the other, and a cycle through both is seen by neither one's check at ADD:
//! each takes the other for a file like any other. Two rules make such a cycle harmless, and keep
//! lockdep content with all that is not one:
//!
//! * *No instance's mutex of ours is held while an in-tree instance is polled.* [`refresh`] polls
//!   those that are on the ready list before the mutex is taken, and leaves the answers in the
//!   epitems.
//! * *No wakeup of ours is sent from within one of in-tree's.* Those who watch the instance are
//!   told from an `irq_work`, see [`Eventpoll::notify`].
//!
//! An in-tree instance that polls one of ours is a third matter: it holds its mutex, so nothing
//! in-tree may be polled from there. What is on the ready list and not known to be unready counts
//! as ready then, until a wait on ours finds out. So the middle one of in-tree > ours > in-tree may
//! be reported ready when it is not. It is never missed.

use super::{
    epitem::{ForeignReady, Key},
    eventpoll::Eventpoll,
    events::Events,
    file::FileRef,
    interest::Interest,
    nesting::MAX_NESTS,
};

/// The first eventpoll behind `after`, in the order of keys, that is on the ready list, kept alive
/// by the reference.
fn next_ready(interest: &Interest, mut after: Option<Key>) -> Option<(Key, FileRef)> {
    while let Some(key) = interest.next_eventpoll(after) {
        after = Some(key);
        let Some(item) = interest.find(key).filter(|item| item.rdllink.is_linked()) else {
            continue;
        };
        // SAFETY: Registered with this set, whose mutex the caller holds.
        if let Some(file) = unsafe { FileRef::get(item.key.file) } {
            return Some((key, file));
        }
        // Its last close waits for the mutex; until then it has no events.
        item.foreign.set(ForeignReady::Unready);
    }
    None
}

/// Polls the in-tree instances that are on the ready list of `ep`, or of instances of ours that
/// are, and notes the answers.
///
/// Called with no lock of ours held, and not from a poll by an in-tree instance. May sleep.
pub(crate) fn refresh(ep: &Eventpoll, depth: u32) {
    if depth > MAX_NESTS {
        return;
    }
    let mut after = None;
    loop {
        let found = {
            let interest = ep.interest.lock();
            ep.drain(&interest);
            let found = next_ready(&interest, after);
            ep.settle(&interest);
            found
        };
        let Some((key, file)) = found else { return };
        after = Some(key);
        match file.target().eventpoll() {
            Some(nested) if nested.has_foreign() => refresh(nested, depth.saturating_add(1)),
            Some(_) => {}
            None => {
                let ready = if file.target().poll(Events::IN).is_empty() {
                    ForeignReady::Unready
                } else {
                    ForeignReady::Readable
                };
                let interest = ep.interest.lock();
                if let Some(item) = interest.find(key) {
                    item.foreign.set(ready);
                }
            }
        }
    }
}
