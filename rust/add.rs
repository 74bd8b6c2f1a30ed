// SPDX-License-Identifier: GPL-2.0

//! ADD: new members of the interest set.

use super::{
    ctl::{create_wakeup_source, exclusive_ok, Access, Checked, EachTime},
    epitem::{Epitem, EpitemBox, Key},
    eventpoll::Eventpoll,
    events::Events,
    extras::Extras,
    ffi,
    file::{Target, TargetKind},
    interest::Interest,
    nesting,
    stock::{Items, OneByOne},
    ties::Ties,
    uapi::CtlFlags,
    wait_hook, watched_file,
};
use core::{cell::Cell, ptr::NonNull};
use kernel::prelude::*;

/// What ADD is asked to register.
pub(crate) struct Registration<'a> {
    pub(crate) target: Target<'a>,
    pub(crate) key: Key,
    pub(crate) kind: TargetKind,
    pub(crate) events: Events,
    pub(crate) data: u64,
    pub(crate) flags: CtlFlags,
    /// Set when it is registered: its number, 0 for one that has none.
    pub(crate) generation: Cell<u32>,
}

impl<'a> Registration<'a> {
    /// `EINVAL` for an exclusive one that may not be, and for an instance that is to be handed over.
    #[inline(always)]
    pub(crate) fn new(checked: &Checked<'a>, data: u64, flags: CtlFlags) -> Result<Self> {
        let kind = checked.target.kind();
        let policy = flags.wake_policy();
        if checked.is_exclusive() && (kind.is_eventpoll() || !exclusive_ok(checked.events, policy))
        {
            return Err(EINVAL);
        }
        if flags.intersects(CtlFlags::HANDOVER) && kind.is_eventpoll() {
            return Err(EINVAL);
        }
        Ok(Self {
            target: checked.target,
            key: checked.key,
            kind,
            events: checked.events,
            data,
            flags,
            generation: Cell::new(0),
        })
    }
}

impl Eventpoll {
    /// [`Self::add_once`], also for what is to be bound, and where one that is not there any more is
    /// in the way.
    #[inline(always)]
    pub(crate) fn add(&self, set: &mut impl Access, new: &Registration<'_>) -> Result {
        if new.flags.intersects(CtlFlags::HANDOVER) {
            set.let_go();
            self.see_exits(Extras::HANDOVER)?;
        }
        if new.flags.intersects(CtlFlags::BIND) {
            set.let_go();
            return self.add_bound(new);
        }
        match self.add_once(set, new) {
            Err(EEXIST) => {
                set.let_go();
                self.add_again(new)
            }
            added => added,
        }
    }

    #[cold]
    fn add_bound(&self, new: &Registration<'_>) -> Result {
        self.see_fd_closes()?;
        match self.add_once(&mut EachTime::new(self), new) {
            Err(EEXIST) => self.add_again(new)?,
            added => added?,
        }
        self.confirm_binding(new.key)
    }

    /// After `EEXIST`. What was in the way may have been about to go, or have gone since.
    #[cold]
    fn add_again(&self, new: &Registration<'_>) -> Result {
        let is_token = new.flags.intersects(CtlFlags::TOKEN);
        while self.make_way(new.key, is_token.then_some(new.data)) {
            match self.add_once(&mut EachTime::new(self), new) {
                // Another thread was faster, once more.
                // SAFETY: No requirements.
                Err(EEXIST) if unsafe { ffi::repoll_fatal_signal_pending() } => return Err(EINTR),
                Err(EEXIST) => {}
                added => return added,
            }
        }
        Err(EEXIST)
    }

    #[inline(always)]
    fn add_once(&self, set: &mut impl Access, new: &Registration<'_>) -> Result {
        if new.kind == TargetKind::Plain {
            let (mut interest, items) = set.lock();
            // Asked under the mutex: an ADD that nests this instance first says so and then counts
            // the members, under the mutex. Whoever comes later must do its own counting.
            if !self.topology.is_nested() {
                return self.insert_with_ties(&mut interest, items, new);
            }
        }
        set.let_go();
        nesting::add(self, new.target, new.key, || match new.kind {
            TargetKind::Foreign => self.insert_foreign(new),
            TargetKind::Plain | TargetKind::Nested | TargetKind::Clock => {
                self.insert_with_ties(&mut self.interest.lock(), &mut OneByOne, new)
            }
        })
    }

    /// [`Self::insert`], and what the flags ask for. Leaves nothing behind if it fails.
    #[inline(always)]
    fn insert_with_ties(
        &self,
        interest: &mut Interest,
        items: &mut impl Items,
        new: &Registration<'_>,
    ) -> Result {
        if new.flags.ties() == CtlFlags::NONE {
            return self.insert(interest, items, new);
        }
        self.insert_and_tie(interest, new)
    }

    #[cold]
    fn insert_and_tie(&self, interest: &mut Interest, new: &Registration<'_>) -> Result {
        let ties = Ties::new(self, interest, new.flags, new.key, new.data)?;
        self.insert(interest, &mut OneByOne, new)?;
        new.generation.set(interest.tie(new.key, ties));
        Ok(())
    }

    /// Registers a file that may be polled under the mutex. Leaves nothing behind if it fails.
    fn insert(
        &self,
        interest: &mut Interest,
        items: &mut impl Items,
        new: &Registration<'_>,
    ) -> Result {
        let vacancy = interest.vacancy(new.key).ok_or(EEXIST)?;
        let item = items.make(self, new, new.events)?;
        if new.events.intersects(Events::WAKEUP) {
            create_wakeup_source(vacancy.interest(), &item)?;
        }
        let item = NonNull::from(vacancy.fill(item).map_err(|(error, _)| error)?);
        // SAFETY: In the set, which is locked.
        let this = unsafe { item.as_ref() };
        watched_file::enter(this);
        let begun = if self.extras.any(Extras::OF_WAKEUPS) {
            self.begin_extras(interest, this, new)
        } else {
            Ok(())
        };
        // SAFETY: The epitem is in its final place; `remove` takes the hooks off.
        let hook = || unsafe { wait_hook::poll_and_hook(this, new.target, new.events, 1) };
        match begun.and_then(|()| hook()) {
            Ok(ready) => {
                if !ready.is_empty() {
                    self.post(interest, this);
                }
                Ok(())
            }
            Err(error) => {
                // SAFETY: In this set.
                items.end(unsafe { self.remove(interest, item) });
                Err(error)
            }
        }
    }

    /// What an instance that has extras does for a new member, before its hooks are on. May sleep.
    /// `ENOMEM`, `EINVAL` for what does not go with a ring.
    #[cold]
    fn begin_extras(
        &self,
        interest: &mut Interest,
        item: &Epitem,
        new: &Registration<'_>,
    ) -> Result {
        self.check_for_ring(new.events, new.flags)?;
        self.begin_ring(item);
        if self.extras.any(Extras::BUSY_POLL) {
            self.busy_poll.note_napi(item.key.file);
        }
        interest.make_room_for_records(1)?;
        interest.begin_record(item);
        Ok(())
    }

    /// The events of `item`, a new member that is not armed or has no hooks yet, go to the ring, if there
    /// is one.
    pub(crate) fn begin_ring(&self, item: &Epitem) {
        if self.extras.any(Extras::RING) {
            item.set_has_ring();
        }
    }

    /// Registers an instance of in-tree epoll, which must not be polled under the mutex.
    ///
    /// It is hooked while nobody else knows it, with an empty mask so that its wakeups do nothing,
    /// and entered with its readiness unknown; the next wait asks.
    fn insert_foreign(&self, new: &Registration<'_>) -> Result {
        if self.interest.lock().find(new.key).is_some() {
            return Err(EEXIST);
        }
        let item = OneByOne.make(self, new, Events::NONE)?;
        // SAFETY: The box does not move its epitem. Its hooks are off before it goes: below, or by
        // `remove`.
        let hooked = unsafe { wait_hook::poll_and_hook(&item, new.target, Events::NONE, 0) };
        let entered = match hooked {
            Ok(_) => self.enter_foreign(new, item),
            Err(error) => Err((error, item)),
        };
        entered.map_err(|(error, item)| {
            item.hooks.unhook();
            error
        })
    }

    /// Enters `item`, an in-tree instance that is hooked already, or gives it back.
    fn enter_foreign(
        &self,
        new: &Registration<'_>,
        item: EpitemBox,
    ) -> Result<(), (Error, EpitemBox)> {
        let mut interest = self.interest.lock();
        if let Err(error) = self.check_for_ring(new.events, new.flags) {
            return Err((error, item));
        }
        let ties = match Ties::new(self, &interest, new.flags, new.key, new.data) {
            Ok(ties) => ties,
            Err(error) => return Err((error, item)),
        };
        if let Err(error) = interest.make_room_for_records(1) {
            return Err((error, item));
        }
        let Some(vacancy) = interest.vacancy(new.key) else {
            return Err((EEXIST, item));
        };
        if new.events.intersects(Events::WAKEUP) {
            if let Err(error) = create_wakeup_source(vacancy.interest(), &item) {
                return Err((error, item));
            }
        }
        let item = NonNull::from(vacancy.fill(item)?);
        // SAFETY: In the set, which is locked.
        let item = unsafe { item.as_ref() };
        watched_file::enter(item);
        interest.begin_record(item);
        self.begin_ring(item);
        item.arm(new.events, new.data);
        self.post(&interest, item);
        new.generation.set(interest.tie(new.key, ties));
        Ok(())
    }
}
