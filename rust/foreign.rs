// SPDX-License-Identifier: GPL-2.0

//! Instances of in-tree epoll as targets.
//!
//! In-tree epoll polls what it watches with its own mutex held, and so do we. An instance of either
//! kind may watch one of the other, and a cycle through both is seen by neither one's check at ADD:
//! each takes the other for a file like any other. Two rules make such a cycle harmless, and keep
//! lockdep content with all that is not one:
//!
//! * *No mutex of ours is held while an in-tree instance is polled.* [`refresh`] polls those that
//!   are on the ready list before the mutex is taken, and leaves the answers in the epitems.
//! * *No wakeup of ours is sent from within one of in-tree's.* Those who watch the instance are
//!   told from an `irq_work`, see [`Eventpoll::notify`].
//!
//! An in-tree instance that polls one of ours is a third matter: it holds its mutex, so nothing
//! in-tree may be polled from there. What is on the ready list and not known to be unready counts
//! as ready then; the next wait finds out. So the middle one of in-tree > ours > in-tree may be
//! reported ready once when it is not. It is never missed.

use super::{
    epitem::{Epitem, ForeignReady, Key},
    eventpoll::Eventpoll,
    file::{FileRef, TargetKind},
    interest::Interest,
    nesting::MAX_NESTS,
};

/// What [`next_unknown`] found, kept alive by its reference.
struct Found {
    key: Key,
    file: FileRef,
}

/// The first epitem behind `after` on the ready list, in the order of keys, that must be asked with
/// no lock held: an in-tree instance of unknown readiness, or an instance of ours above one.
fn next_unknown(interest: &Interest, after: Option<Key>) -> Option<Found> {
    let mut best: Option<&Epitem> = None;
    let mut next = interest.rdllist.front();
    while let Some(item) = next {
        next = interest.rdllist.after(item);
        let wanted = match item.kind {
            TargetKind::Plain => false,
            TargetKind::Nested => true,
            TargetKind::Foreign => item.foreign.get() == ForeignReady::Unknown,
        };
        if wanted
            && after.is_none_or(|after| item.key > after)
            && best.is_none_or(|best| item.key < best.key)
        {
            best = Some(item);
        }
    }
    let item = best?;
    // SAFETY: Registered with this set, whose mutex the caller holds.
    match unsafe { FileRef::get(item.key.file) } {
        Some(file) => Some(Found {
            key: item.key,
            file,
        }),
        None => {
            // Its last close waits for the mutex; until then it has no events.
            item.foreign
                .set(ForeignReady::Polled(super::events::Events::NONE));
            next_unknown(interest, Some(item.key))
        }
    }
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
            let found = next_unknown(&interest, after);
            ep.settle(&interest);
            found
        };
        let Some(Found { key, file }) = found else {
            return;
        };
        after = Some(key);
        match file.target().eventpoll() {
            Some(nested) if nested.has_foreign() => refresh(nested, depth.wrapping_add(1)),
            Some(_) => {}
            None => {
                let events = file
                    .target()
                    .poll(super::events::Events::from_bits(u32::MAX));
                let interest = ep.interest.lock();
                if let Some(item) = interest.find(key) {
                    item.foreign.set(ForeignReady::Polled(events));
                }
            }
        }
    }
}
