// SPDX-License-Identifier: GPL-2.0

//! The harvest: from the ready list to the caller's array of events.

use super::{
    epitem::{Epitem, ForeignReady},
    eventpoll::Eventpoll,
    events::Events,
    extras::Extras,
    ffi,
    file::{JustAsk, TargetKind},
    foreign,
    interest::Interest,
    trace,
    uapi::WaitRequest,
    user_events::{Slot, UserEvents, BATCH},
};
use core::{mem::MaybeUninit, slice};
use kernel::prelude::*;

impl Slot<'_> {
    /// Gives the epitem the state that follows from the delivery of its event.
    fn delivered(&self) {
        let events = self.item.events.load();
        if events.intersects(Events::ONESHOT) {
            self.item.events.store(events.disarmed());
        }
    }
}

/// Copies `slots` out. A one-shot epitem is disarmed when its event has been stored; what could not
/// be stored is at the front of the ready list again, in order, whether it was taken off or not,
/// before `next`, which is the first member that nobody has looked at. Returns whether all were
/// stored. With `COUNTED`, what has been stored is told to whoever counts or traces. May sleep.
#[inline]
fn deliver<const COUNTED: bool>(
    slots: &[Slot<'_>],
    oneshot: bool,
    interest: &Interest,
    next: Option<&Epitem>,
    out: &mut UserEvents,
) -> bool {
    let stored = out.put_for::<COUNTED>(slots, interest);
    if COUNTED {
        let done = slots.iter().take(stored);
        interest.note_deliveries(done.clone().map(|slot| slot.item));
        if let Some(stats) = &interest.stats {
            if trace::deliveries() {
                let each = |slot: &Slot<'_>| trace::deliver(slot.item, slot.events, slot.data);
                done.clone().for_each(each);
            }
            stats.delivered(done.map(|slot| slot.item));
        }
    }
    if stored == slots.len() && !oneshot {
        return true;
    }
    let (done, rest) = slots.split_at(stored.min(slots.len()));
    done.iter().for_each(Slot::delivered);
    if COUNTED {
        interest.hand_over(done.iter().map(|slot| slot.item));
    }
    rest.is_empty() || take_back(rest, interest, next)
}

/// See [`deliver`]. Returns false.
#[cold]
fn take_back(rest: &[Slot<'_>], interest: &Interest, next: Option<&Epitem>) -> bool {
    if let Some(next) = next {
        interest.rdllist.begin_with(next);
    }
    for Slot { item, .. } in rest.iter().rev() {
        interest.rdllist.remove(item);
        interest.rdllist.push_front(item);
        item.ws.stay_awake();
    }
    false
}

/// What became of a harvest that is not for a few events.
pub(crate) enum Look {
    /// As many were stored, at least one.
    Stored(u32),
    /// No more than so many were ready, and are still.
    TooFew(u32),
}

/// What a harvest finds that is not simple.
enum Special {
    Ready(Events),
    /// Of no use before another refresh, or the next harvest.
    LeftOut,
    /// It stands for timers.
    Clock,
}

impl Epitem {
    /// Whether this is an in-tree instance that has to be polled before it can be reported.
    pub(crate) fn is_unpolled(&self) -> bool {
        self.kind == TargetKind::Foreign && self.foreign.get() == ForeignReady::Unknown
    }
}

impl Eventpoll {
    /// Delivers what is ready to the caller's array. May sleep.
    ///
    /// Returns how many events were stored, possibly 0: that an epitem is on the ready list is a
    /// rumour, only its file knows. `EINTR` when a fatal signal is pending: what is ready is for
    /// another waiter then. `EFAULT` when not even the first event could be stored.
    /// With registrations that are handed over also what [`Self::take_over`] returns.
    #[inline(never)] // A wait that finds nothing saves no registers for it.
    pub(crate) fn harvest<const GENERATIONS: bool>(
        &self,
        events: u64,
        maxevents: u32,
    ) -> Result<u32> {
        if GENERATIONS || self.extras.any(Extras::OF_HARVESTS) {
            return self.harvest_special(events, maxevents, GENERATIONS);
        }
        let (stored, _) = self.harvest_once::<false>(events, maxevents, false)?;
        // An in-tree instance that is being added at this moment may have been left out. Who waits
        // for it asks again, since it is on the ready list.
        Ok(stored)
    }

    /// [`Self::harvest`] where in-tree instances have to be polled before, or what the thread has been
    /// handed over armed again, or somebody wants to know what it does, or that it has been. `EINVAL` if
    /// there is a ring.
    #[cold]
    fn harvest_special(&self, events: u64, maxevents: u32, generations: bool) -> Result<u32> {
        self.refuse_with_ring()?;
        loop {
            if self.has_foreign() {
                foreign::refresh(self, 0);
            }
            let (stored, unknown) = self.harvest_once::<true>(events, maxevents, generations)?;
            // One that turned ready since its refresh must not make this a zero.
            if stored > 0 || !unknown || !self.has_foreign() {
                return Ok(stored);
            }
            // SAFETY: No requirements.
            if unsafe { ffi::repoll_fatal_signal_pending() } {
                return Err(EINTR);
            }
        }
    }

    /// One look at the ready list. Tells also whether a foreign instance was left out.
    #[inline(always)] // So that the loops of the others are not in the way of each other.
    fn harvest_once<const SPECIAL: bool>(
        &self,
        events: u64,
        maxevents: u32,
        generations: bool,
    ) -> Result<(u32, bool)> {
        let mut interest = self.interest.lock();
        if SPECIAL {
            self.take_over(&mut interest)?;
        }
        self.drain(&interest);
        let out = UserEvents::new(events, maxevents, generations);
        self.harvest_drained::<SPECIAL>(&mut interest, out)
    }

    /// [`Self::harvest_once`], under the mutex.
    #[inline(always)]
    fn harvest_drained<const SPECIAL: bool>(
        &self,
        interest: &mut Interest,
        mut out: UserEvents,
    ) -> Result<(u32, bool)> {
        let (fault, unknown) = self.scan::<SPECIAL>(interest, &mut out);
        if SPECIAL {
            interest.begin_work();
            if let Some(stats) = &interest.stats {
                stats.returned(out.stored);
            }
            if let Some(notifier) = &interest.notifier {
                notifier.join();
            }
        }
        if interest.idle.get() && out.stored > 0 {
            interest.idle.set(false);
        }
        self.finish_scan(interest);
        if out.stored == 0 && fault {
            // SAFETY: No requirements.
            let dying = unsafe { ffi::repoll_fatal_signal_pending() };
            return Err(if dying { EINTR } else { EFAULT });
        }
        Ok((out.stored, unknown))
    }

    /// A harvest if at least `enough` events are ready, else none. `looking` is called before the look,
    /// with the mutex held. May sleep. `EFAULT`, `EINTR` as [`Self::harvest`].
    #[inline(never)] // A plain wait has nothing of it.
    pub(crate) fn harvest_many(
        &self,
        wait: &WaitRequest,
        enough: u32,
        looking: impl Fn(),
    ) -> Result<Look> {
        self.refuse_with_ring()?;
        loop {
            if self.has_foreign() {
                foreign::refresh(self, 0);
            }
            let mut interest = self.interest.lock();
            self.take_over(&mut interest)?;
            looking();
            self.drain(&interest);
            let (ready, unknown) = self.count_ready(&interest, enough);
            if ready >= enough {
                let out = UserEvents::new(wait.events, wait.maxevents, wait.generations);
                return match self.harvest_drained::<true>(&mut interest, out)? {
                    (0, _) => Ok(Look::TooFew(0)),
                    (stored, _) => Ok(Look::Stored(stored)),
                };
            }
            // All others have been told of what is on the list.
            self.settle(&interest);
            interest.ws.relax();
            drop(interest);
            if !unknown {
                return Ok(Look::TooFew(ready));
            }
            // SAFETY: No requirements.
            if unsafe { ffi::repoll_fatal_signal_pending() } {
                return Err(EINTR);
            }
        }
    }

    /// How many events a harvest would find now, `enough` if they are more. What is not ready leaves
    /// the ready list. Tells also whether a foreign instance was left out. May sleep.
    fn count_ready(&self, interest: &Interest, enough: u32) -> (u32, bool) {
        let (mut ready, mut unknown) = (0, false);
        let mut next = interest.rdllist.front();
        while let Some(item) = next.filter(|_| ready < enough) {
            next = interest.rdllist.behind(item);
            if item.is_unpolled() {
                unknown = true;
            } else if let Some(clock) = interest.clock_of(item) {
                match clock.look(enough.saturating_sub(ready)) {
                    0 => interest.rdllist.remove(item),
                    due => ready = ready.saturating_add(due),
                }
            } else if self.is_ready(interest, item) {
                ready += 1;
            } else {
                interest.rdllist.remove(item);
                self.note_unready(item);
            }
        }
        (ready, unknown)
    }

    /// Whether `item` is ready. If it keeps the system awake, and still has reason to, it does so when
    /// this returns; meanwhile the instance does.
    fn is_ready(&self, interest: &Interest, item: &Epitem) -> bool {
        let awake = item.ws.is_active();
        if awake {
            interest.ws.stay_awake();
            item.ws.relax();
        }
        let ready = !self.poll_item(interest, item, 1).is_empty();
        if awake && ready {
            item.ws.stay_awake();
        }
        ready
    }

    /// Looks once at each epitem that is on the ready list now, until `out` is full. Tells whether
    /// a store faulted, and whether a foreign instance was left for another refresh.
    ///
    /// What is level-triggered stays on the list, in its place; in the end the list begins with
    /// what nobody has looked at. An event that could not be stored is as if nobody had: no edge
    /// and no one-shot is lost.
    #[inline(always)]
    fn scan<const COUNTED: bool>(&self, interest: &Interest, out: &mut UserEvents) -> (bool, bool) {
        let rdllist = &interest.rdllist;
        let mut unknown = false;
        let mut ask = JustAsk::new();
        let mut next = rdllist.front();
        loop {
            let mut batch = [const { MaybeUninit::<Slot<'_>>::uninit() }; BATCH];
            let (room, _) = batch.split_at_mut(out.batch());
            let mut len: usize = 0;
            let mut oneshot = false;
            for slot in room.iter_mut() {
                let Some((item, events, ready)) =
                    self.next_ready::<COUNTED>(interest, &mut next, &mut ask, &mut unknown)
                else {
                    break;
                };
                if events.intersects(Events::ONESHOT | Events::ET) {
                    oneshot |= events.intersects(Events::ONESHOT);
                    rdllist.unlink(item);
                }
                slot.write(Slot {
                    data: item.data.get(),
                    events: ready.bits(),
                    item,
                });
                len = len.wrapping_add(1);
            }
            // SAFETY: As many have been written.
            let slots = unsafe { slice::from_raw_parts(room.as_ptr().cast(), len) };
            if len > 0 && !deliver::<COUNTED>(slots, oneshot, interest, next, out) {
                return (true, unknown);
            }
            let Some(front) = next else {
                return (false, unknown);
            };
            if out.is_full() {
                rdllist.begin_with(front);
                return (false, unknown);
            }
            if COUNTED && front.kind == TargetKind::Clock {
                next = rdllist.behind(front);
                if !self.deliver_timers(interest, front, out) {
                    return (true, unknown);
                }
            }
        }
    }

    /// The first epitem from `next` on that is ready, its mask, and for what it is; those before it
    /// that are not are taken off the ready list. Tells of a foreign instance that was left out, or one
    /// that there was nobody to be handed over to when this harvest began.
    #[inline(always)]
    fn next_ready<'a, const COUNTED: bool>(
        &self,
        interest: &'a Interest,
        next: &mut Option<&'a Epitem>,
        ask: &mut JustAsk,
        unknown: &mut bool,
    ) -> Option<(&'a Epitem, Events, Events)> {
        loop {
            let item = (*next)?;
            *next = interest.rdllist.behind(item);
            let record = if COUNTED { item.record() } else { None };
            if let Some(record) = record {
                record.looked_at();
            }
            let events = item.events.load();
            let ready = if item.is_simple() {
                // SAFETY: Registered with this set, whose mutex is held.
                unsafe { ask.poll_registered(item.key.file, events) }
            } else {
                match self.poll_special(interest, item) {
                    Special::Ready(ready) => ready,
                    Special::LeftOut => {
                        *unknown = true;
                        continue;
                    }
                    Special::Clock if COUNTED => {
                        // Not one event, but any number.
                        *next = Some(item);
                        return None;
                    }
                    // The first timers have been set since the caller looked at the extras.
                    Special::Clock => continue,
                }
            };
            if !ready.is_empty() {
                return Some((item, events, ready));
            }
            interest.rdllist.unlink(item);
            if let Some(record) = record {
                trace::not_ready(item, events);
                record.not_ready();
            }
        }
    }

    /// What `item`, which is about to be delivered if it is ready, is ready for: an instance, or one
    /// that keeps the system awake, takes turns or of which it is noted who has it. The instance's wakeup source takes
    /// over before the epitem's own relaxes, lest the system fall asleep in between.
    #[cold]
    fn poll_special(&self, interest: &Interest, item: &Epitem) -> Special {
        if item.is_unpolled() || !interest.may_deliver(item) {
            return Special::LeftOut;
        }
        if item.kind == TargetKind::Clock {
            return Special::Clock;
        }
        if item.ws.is_active() {
            interest.ws.stay_awake();
        }
        item.ws.relax();
        let ready = self.poll_item(interest, item, 1);
        if !ready.is_empty() && !item.events.load().intersects(Events::ONESHOT | Events::ET) {
            // Level: it is not done with, the next harvest asks the file again.
            item.ws.stay_awake();
        }
        if !ready.is_empty() && item.moves_when_delivered() {
            item.hooks.move_to_tails();
        }
        Special::Ready(ready)
    }
}
