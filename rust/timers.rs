// SPDX-License-Identifier: GPL-2.0

//! The timers of an instance: setting and cancelling them, and their events.
//!
//! They belong to the set as registrations do, without a file. All is done under the mutex: a
//! timer is cancelled before its event has been stored, or not at all.

use super::{
    batch::breathe,
    clock::{Clock, ClockId},
    epitem::Epitem,
    eventpoll::Eventpoll,
    events::Events,
    extras::Extras,
    ffi,
    file::{Target, TargetKind},
    interest::Interest,
    timer::Timer,
    timer_request::{Action, Schedule, TimerOp, TimerRequest},
    user_events::{Slot, UserEvents, BATCH},
};
use core::{cell::Cell, mem::MaybeUninit, slice};
use kernel::{
    prelude::*,
    rbtree::{RBTree, RBTreeNode},
};

/// What an instance has that has, or had, timers. Guarded by its mutex.
///
/// # Invariants
///
/// Each timer in `by_id` is in the queue of its clock, which is there, and no other timer is.
pub(crate) struct Timers {
    clocks: [Option<Pin<KBox<Clock>>>; ClockId::COUNT],
    by_id: Cell<RBTree<u64, Timer>>,
}

impl Timers {
    fn new() -> Self {
        Self {
            clocks: [const { None }; ClockId::COUNT],
            by_id: Cell::new(RBTree::new()),
        }
    }

    /// The one of that index.
    fn clock(&self, index: usize) -> Option<&Clock> {
        self.clocks.get(index)?.as_deref()
    }

    fn each_clock(&self) -> impl Iterator<Item = &Clock> {
        self.clocks.iter().flatten().map(|clock| &**clock)
    }

    /// Sees to it that there is the clock `id`. May sleep. `ENOMEM`, `ENOSPC`.
    fn make_clock(&mut self, ep: &Eventpoll, this: Target<'_>, id: ClockId) -> Result {
        if let Some(clock @ None) = self.clocks.get_mut(id.index()) {
            *clock = Some(Clock::new(ep, this, id)?);
        }
        Ok(())
    }

    /// May sleep. `ENOMEM`, `ENOSPC`; no timer is changed then.
    fn set(&mut self, ep: &Eventpoll, this: Target<'_>, id: u64, schedule: &Schedule) -> Result {
        self.make_clock(ep, this, schedule.clock)?;
        let now = schedule.clock.now();
        let by_id = self.by_id.get_mut();
        let timer = match by_id.get(&id) {
            Some(timer) => {
                if let Some(Some(clock)) = self.clocks.get(timer.clock().index()) {
                    // SAFETY: By the type's invariant.
                    unsafe { clock.unlink(timer) };
                }
                timer.set(schedule, now);
                timer
            }
            None => {
                let timer = Timer::new(ep, id, schedule, now)?;
                by_id.insert(RBTreeNode::new(id, timer, GFP_KERNEL_ACCOUNT)?);
                by_id.get(&id).ok_or(ENOENT)?
            }
        };
        if let Some(Some(clock)) = self.clocks.get(schedule.clock.index()) {
            // SAFETY: In none. A node of the tree stays where it is until it is removed.
            // INVARIANT: It is there, see above.
            unsafe { clock.link(timer) };
        }
        Ok(())
    }

    /// `ENOENT`.
    fn get(&mut self, id: u64) -> Result<&Timer> {
        self.by_id.get_mut().get(&id).ok_or(ENOENT)
    }

    /// `ENOENT`.
    fn cancel(&mut self, id: u64) -> Result {
        let index = self.get(id)?.clock().index();
        let timer = self.by_id.get_mut().find_mut(&id).ok_or(ENOENT)?;
        if let Some(Some(clock)) = self.clocks.get(index) {
            // SAFETY: By the type's invariant.
            unsafe { clock.unlink(timer.get()) };
        }
        timer.remove_node();
        Ok(())
    }

    /// The events of `due`, timers of `clock`, have been stored, `now` by it. Those that are
    /// periodic stay, the others are gone.
    fn delivered<'a>(&self, clock: &Clock, due: impl Iterator<Item = &'a &'a Timer>, now: i64) {
        let mut by_id = self.by_id.replace(RBTree::new());
        for timer in due {
            // SAFETY: It was found there.
            unsafe { clock.unlink(timer) };
            if timer.delivered(now) {
                // SAFETY: Unlinked above, and in the tree.
                unsafe { clock.link(timer) };
            } else {
                let id = timer.id;
                by_id.remove_node(&id);
            }
        }
        self.by_id.set(by_id);
    }
}

impl Interest {
    /// The clock that `item`, of this set, stands for, if it does.
    #[inline]
    pub(crate) fn clock_of(&self, item: &Epitem) -> Option<&Clock> {
        if item.kind != TargetKind::Clock {
            return None;
        }
        self.timers.as_ref()?.clock(item.data.get() as usize)
    }
}

impl Eventpoll {
    /// `REPOLL_IOC_TIMER` on this instance, whose file is `this`: how many operations succeeded. May
    /// sleep.
    ///
    /// `EFAULT` when an operation could not be read or answered, `EINTR` for a fatal signal,
    /// `ENOMEM`. What has been done by then stays done.
    #[cold]
    pub(crate) fn timer(&self, this: Target<'_>, mut request: TimerRequest) -> Result<u32> {
        let mut succeeded: u32 = 0;
        while let Some(n) = request.next_chunk(|ops| self.timer_ops(this, ops))? {
            succeeded = succeeded.saturating_add(n?);
            breathe()?;
        }
        Ok(succeeded)
    }

    /// Carries out `ops`, with the mutex held once. Tells how many succeeded. May sleep. `ENOMEM`,
    /// `EINVAL` if there is a ring.
    fn timer_ops(&self, this: Target<'_>, ops: &mut [TimerOp]) -> Result<u32> {
        let mut interest = self.interest.lock();
        self.refuse_with_ring()?;
        let mut succeeded: u32 = 0;
        for op in ops {
            let result = self.timer_op(&mut interest, this, op);
            succeeded = succeeded.wrapping_add(op.answer(result).into());
        }
        self.settle_timers(&interest);
        Ok(succeeded)
    }

    fn timer_op(&self, interest: &mut Interest, this: Target<'_>, op: &mut TimerOp) -> Result {
        let action = op.action()?;
        if let Action::Set(schedule) = action {
            let timers = match &mut interest.timers {
                Some(timers) => timers,
                none => {
                    let timers = KBox::new(Timers::new(), GFP_KERNEL_ACCOUNT)?;
                    self.extras.begin(Extras::TIMERS);
                    none.insert(timers)
                }
            };
            return timers.set(self, this, op.id, &schedule);
        }
        let timers = interest.timers.as_mut().ok_or(ENOENT)?;
        if let Action::Cancel = action {
            return timers.cancel(op.id);
        }
        let timer = timers.get(op.id)?;
        let (schedule, expirations) = timer.describe(timer.clock().now());
        op.describe(&schedule, expirations);
        Ok(())
    }

    /// After timers have been changed: what is due is on the ready list, the hrtimers are armed
    /// for the rest.
    fn settle_timers(&self, interest: &Interest) {
        let Some(timers) = &interest.timers else {
            return;
        };
        let mut due = false;
        for clock in timers.each_clock().filter(|clock| clock.settle()) {
            if !due {
                // What wakeups have queued came before.
                self.drain(interest);
            }
            interest.rdllist.push_back(clock.item());
            due = true;
        }
        if due {
            self.settle(interest);
            self.wake_to_look();
        }
    }

    /// There are timers that are due: wakes a waiter, who looks how many, and those who poll this
    /// instance. After a full fence. Any context.
    pub(crate) fn wake_to_look(&self) {
        if self.wq.is_active() {
            self.wq.wake_to_look(self.policies.any());
        }
        if self.poll_wait.is_active() {
            self.poll_wait.wake_poll(Events::IN, 0);
        }
    }

    /// Delivers the timers of the clock that `item`, which is on the ready list, stands for, as
    /// long as there are any that are due and room in `out`. `item` stays on the list as long as
    /// there are. Tells whether all could be stored; else the list begins with `item`, and what
    /// was not stored is as if nobody had looked. May sleep.
    #[cold]
    pub(crate) fn deliver_timers(
        &self,
        interest: &Interest,
        item: &Epitem,
        out: &mut UserEvents,
    ) -> bool {
        let (Some(timers), Some(clock)) = (&interest.timers, interest.clock_of(item)) else {
            interest.rdllist.unlink(item);
            return true;
        };
        // Once: a periodic timer expires no more than once in a harvest.
        let now = clock.now();
        while !out.is_full() {
            let mut batch = [const { MaybeUninit::<Slot<'_>>::uninit() }; BATCH];
            let mut due = [None; BATCH];
            let mut len: usize = 0;
            let places = batch.iter_mut().zip(&mut due).take(out.batch());
            for ((slot, place), timer) in places.zip(clock.due(now)) {
                slot.write(Slot {
                    data: timer.id,
                    events: Events::IN.bits(),
                    item,
                });
                *place = Some(timer);
                len = len.wrapping_add(1);
            }
            if len == 0 {
                break;
            }
            // SAFETY: As many have been written.
            let slots = unsafe { slice::from_raw_parts(batch.as_ptr().cast(), len) };
            let stored = out.put_for::<true>(slots, interest);
            // Not the first that are due now: a periodic one may get between them.
            timers.delivered(clock, due.iter().take(stored).flatten(), now);
            if stored < len {
                interest.rdllist.begin_with(item);
                return false;
            }
        }
        if clock.look(1) == 0 {
            interest.rdllist.unlink(item);
        }
        true
    }

    /// The last close of the instance: all timers end. May sleep.
    #[cold]
    pub(crate) fn clear_timers(&self, interest: &mut Interest) {
        if let Some(timers) = &interest.timers {
            timers.each_clock().for_each(Clock::stop);
            self.drain(interest);
            let items = timers.each_clock().map(Clock::item);
            items.for_each(|item| interest.rdllist.remove(item));
        }
        let Some(timers) = interest.timers.take() else {
            return;
        };
        // The timers first, and not all at once.
        let mut by_id = timers.by_id.replace(RBTree::new());
        while let Some(cursor) = by_id.cursor_front_mut() {
            drop(cursor.remove_current());
            // SAFETY: In process context, under a mutex.
            unsafe { ffi::repoll_cond_resched() };
        }
    }
}
