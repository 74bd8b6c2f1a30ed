// SPDX-License-Identifier: GPL-2.0

//! Registrations that are handed over: whoever is delivered the event of one has it to itself, until
//! the next wait of that thread on the instance, which arms it again.
//!
//! Such a registration is a one-shot one, also by its mask: the delivery of its event disarms it.
//! What there is besides is its [`Hold`], made by ADD or MOD, where memory may be refused, which
//! keeps the mask and, from the delivery on, who has been delivered the event. That is a
//! [`Holder`], one for each thread that has taken something off the instance, which is made
//! before a wait looks for events: no allocation comes between the delivery of an event and the note of
//! who has it.
//!
//! A hold ends, and the registration is armed again, when its holder next waits on the instance, when
//! its holder exits ([`crate::holder`]), or by MOD, whoever calls it. DEL and the last close end it with
//! the registration.

use super::{
    epitem::{check, Epitem, Key},
    eventpoll::Eventpoll,
    events::Events,
    extras::Extras,
    ffi,
    holder::{Holder, Holders, TaskId},
    interest::Interest,
    uapi::CtlFlags,
};
use core::{
    cell::Cell,
    ptr::{self, NonNull},
};
use kernel::{
    prelude::*,
    rbtree::{RBTree, RBTreeNodeReservation},
};

/// The holds of the registrations of a set. Guarded by the instance's mutex.
pub(crate) type Holds = RBTree<Key, Hold>;

/// What a registration that is handed over has besides. Guarded by the instance's mutex.
///
/// # Invariants
///
/// With a `holder`, which is one of the same set, it is on the list of that, between `prev` and `next`,
/// and the registration is disarmed.
pub(crate) struct Hold {
    /// What the registration is armed with.
    mask: Cell<Events>,
    holder: Cell<Option<TaskId>>,
    prev: Cell<Option<Key>>,
    next: Cell<Option<Key>>,
}

/// The mask of a registration that is to be handed over. `EINVAL`: arming again asks the file, which is
/// not what edge-triggered is, and with one-shot nobody is to arm it but MOD.
pub(crate) fn mask(events: Events) -> Result<Events> {
    if events.intersects(Events::ONESHOT | Events::ET) {
        return Err(EINVAL);
    }
    Ok(events | Events::ONESHOT)
}

/// Memory for a [`Hold`] that is to be.
pub(crate) type HoldMemory = RBTreeNodeReservation<Key, Hold>;

impl Hold {
    fn new(mask: Events) -> Self {
        // INVARIANT: There is no holder.
        Self {
            mask: Cell::new(mask),
            holder: Cell::new(None),
            prev: Cell::new(None),
            next: Cell::new(None),
        }
    }

    /// May sleep. `ENOMEM`.
    pub(crate) fn memory() -> Result<HoldMemory> {
        HoldMemory::new(GFP_KERNEL_ACCOUNT)
    }

    /// What a MOD of `item` takes after which it is handed over, or not. May sleep. `EINVAL` for an
    /// instance, `ENOMEM`.
    pub(crate) fn memory_for_change(item: &Epitem, handover: bool) -> Result<Option<HoldMemory>> {
        if !handover || item.is_handed_over() {
            return Ok(None);
        }
        if item.kind.is_eventpoll() {
            return Err(EINVAL);
        }
        Self::memory().map(Some)
    }
}

impl Interest {
    /// From here on `item`, a member, is handed over. Its mask is what it is armed with again.
    pub(crate) fn begin_handover(&mut self, memory: HoldMemory, item: NonNull<Epitem>) {
        // SAFETY: A member, which does not leave the set here.
        let item = unsafe { item.as_ref() };
        item.set_tied(item.tied.get().with(CtlFlags::HANDOVER));
        let hold = Hold::new(item.events.load());
        self.holds.insert(memory.into_node(item.key, hold));
    }

    /// `item` is not handed over any more, and armed or about to leave the set.
    pub(crate) fn end_handover(&mut self, item: NonNull<Epitem>) {
        // SAFETY: A member, which does not leave the set here.
        let item = unsafe { item.as_ref() };
        if let Some(hold) = self.holds.get(&item.key) {
            self.end_hold(hold);
        }
        self.holds.remove(&item.key);
        item.set_tied(item.tied.get().without(CtlFlags::HANDOVER));
    }

    /// MOD has armed the registration with this key with another mask: nobody holds it any more.
    pub(crate) fn change_handover(&mut self, key: Key, handover: bool, memory: Option<HoldMemory>) {
        let Some(item) = self.find(key) else { return };
        let mask = item.events.load();
        let was = item.is_handed_over();
        let item = NonNull::from(item);
        match (was, handover) {
            (true, true) => {
                if let Some(hold) = self.holds.get(&key) {
                    self.end_hold(hold);
                    hold.mask.set(mask);
                }
            }
            (true, false) => self.end_handover(item),
            (false, _) => {
                if let Some(memory) = memory {
                    self.begin_handover(memory, item);
                }
            }
        }
    }

    /// Whether `item` may be delivered to the current task: there may be a note of that to be made.
    pub(crate) fn may_deliver(&self, item: &Epitem) -> bool {
        !item.is_noted() || self.holders.get(&TaskId::current()).is_some()
    }

    /// The events of these have been delivered to the current task. Holds those that are handed over.
    pub(crate) fn hand_over<'a>(&self, items: impl Iterator<Item = &'a Epitem>) {
        for item in items.filter(|item| item.is_handed_over()) {
            let task = TaskId::current();
            let (Some(hold), Some(holder)) = (self.holds.get(&item.key), self.holders.get(&task))
            else {
                continue;
            };
            // INVARIANT: Last of the list; it was not on one, for it was armed.
            hold.holder.set(Some(task));
            hold.prev.set(holder.last.replace(Some(item.key)));
            match self.neighbour(&hold.prev) {
                Some(prev) => prev.next.set(Some(item.key)),
                None => holder.first.set(Some(item.key)),
            }
        }
    }

    /// What one end of a list's link names.
    fn neighbour(&self, link: &Cell<Option<Key>>) -> Option<&Hold> {
        self.holds.get(&link.get()?)
    }

    /// Takes `hold`, one of this set, off the list of its holder, if it has one.
    fn end_hold(&self, hold: &Hold) {
        let Some(holder) = hold.holder.take().and_then(|task| self.holders.get(&task)) else {
            return;
        };
        match self.neighbour(&hold.prev) {
            Some(prev) => prev.next.set(hold.next.get()),
            None => holder.first.set(hold.next.get()),
        }
        match self.neighbour(&hold.next) {
            Some(next) => next.prev.set(hold.prev.get()),
            None => holder.last.set(hold.prev.get()),
        }
        hold.prev.set(None);
        hold.next.set(None);
    }

    /// Takes the first off the list of `holder`, which is one of this set, and arms it. `None` if there
    /// are no more; the inner one if the number it was bound to has been closed meanwhile.
    fn take_back(&self, holder: &Holder) -> Option<Option<&Epitem>> {
        let key = holder.first.get()?;
        let hold = self.holds.get(&key)?;
        self.end_hold(hold);
        let item = self.find(key)?;
        let armed = self.rearm(item, hold.mask.get(), item.data.get());
        Some(armed.is_ok().then_some(item))
    }

    /// The instance goes, and has no members any more.
    pub(crate) fn forget_holders(&mut self) {
        for holder in self.holders.values() {
            holder.leave();
        }
        self.holders = Holders::new();
        self.deliveries = None;
    }
}

impl Eventpoll {
    /// To be called before a registration is made for which it is noted who is delivered its event, which
    /// `why`, one of [`Extras::OF_HOLDERS`], says: exits of tasks are seen as long as this instance lives.
    /// May sleep. `ENOMEM`, `EOPNOTSUPP` when they cannot be, `EINVAL` if it has a ring.
    pub(crate) fn see_exits(&self, why: u8) -> Result {
        if self.extras.any(why) {
            return Ok(());
        }
        self.refuse_with_ring()?;
        // SAFETY: In process context; undone by `unsee_exits` or below.
        check(unsafe { ffi::repoll_exit_hook_get() })?;
        if !self.extras.begin(why) {
            // SAFETY: Somebody else was first, and has a get of its own.
            unsafe { ffi::repoll_exit_hook_put() };
        }
        Ok(())
    }

    /// When the instance is released. May sleep.
    pub(crate) fn unsee_exits(&self) {
        for why in [Extras::HANDOVER, Extras::SYNC] {
            if self.extras.any(why) {
                self.extras.end(why);
                // SAFETY: Undoes the get of `see_exits`; this instance has no holders any more.
                unsafe { ffi::repoll_exit_hook_put() };
            }
        }
    }

    /// The current task waits: it has come back, what it holds is armed again, and there is a [`Holder`]
    /// for what it may be delivered. May sleep. `ENOMEM`, `ENOSPC` if it has [`Holder`]s of too many instances; what it
    /// held is armed all the same.
    pub(crate) fn take_over(&self, interest: &mut Interest) -> Result {
        if !self.extras.any(Extras::OF_HOLDERS) {
            return Ok(());
        }
        let task = TaskId::current();
        interest.come_back(task);
        if let Some(holder) = interest.holders.get(&task) {
            while let Some(armed) = interest.take_back(holder) {
                if let Some(item) = armed {
                    // As MOD: an event between the poll and the mask is not missed.
                    self.changed(interest, item);
                }
                // SAFETY: In process context, under a mutex.
                unsafe { ffi::repoll_cond_resched() };
            }
            return Ok(());
        }
        self.drain(interest);
        let made = if interest.rdllist.is_empty() {
            Ok(())
        } else {
            self.begin_holder(interest, task)
        };
        self.settle(interest);
        made
    }

    #[cold]
    fn begin_holder(&self, interest: &mut Interest, task: TaskId) -> Result {
        let memory = RBTreeNodeReservation::new(GFP_KERNEL_ACCOUNT)?;
        let holder = Holder::new(self)?;
        interest.holders.insert(memory.into_node(task, holder));
        Ok(())
    }

    /// The task of `gone` exits: what it holds is for others. May sleep.
    pub(crate) fn end_holder(&self, gone: &Holder) {
        let mut interest = self.interest.lock();
        let its_own = interest.holders.get(&gone.task);
        let Some(holder) = its_own.filter(|its_own| ptr::eq(&***its_own, gone)) else {
            return;
        };
        while let Some(armed) = interest.take_back(holder) {
            if let Some(item) = armed {
                // The task is not one to ask files any more: a rumour does.
                self.post(&interest, item);
            }
            // SAFETY: In process context, under a mutex.
            unsafe { ffi::repoll_cond_resched() };
        }
        interest.come_back(gone.task);
        interest.holders.remove(&gone.task);
    }
}
