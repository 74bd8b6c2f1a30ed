// SPDX-License-Identifier: GPL-2.0

//! Changes of the interest set: one operation, MOD, DEL, and the last closes.

use super::{
    add::Registration,
    epitem::{Epitem, EpitemBox, ForeignReady, Key},
    eventpoll::{Eventpoll, InterestGuard},
    events::Events,
    extras::Extras,
    ffi,
    file::{Fd, JustAsk, Target, TargetKind},
    handover::{self, Hold},
    interest::Interest,
    nesting, ready,
    stock::{Items, OneByOne},
    uapi::{CtlFlags, CtlRequest, Op},
    wake_policy::WakePolicy,
    watched_file,
};
use core::{ops::DerefMut, ptr::NonNull};
use kernel::{bindings, prelude::*};

/// The interest set of an instance, for one who has one thing to do to it, or several.
pub(crate) trait Access {
    type Set<'s>: DerefMut<Target = Interest>
    where
        Self: 's;
    type Items: Items;

    /// The set, locked, and where its epitems come from. May sleep.
    // No closure is called with them: the compiler would make a function of it.
    fn lock(&mut self) -> (Self::Set<'_>, &mut Self::Items);

    /// Sees to it that the set is not locked.
    fn let_go(&mut self);
}

/// Locked for each thing that is done.
pub(crate) struct EachTime<'a> {
    ep: &'a Eventpoll,
    items: OneByOne,
}

impl<'a> EachTime<'a> {
    #[inline(always)]
    pub(crate) fn new(ep: &'a Eventpoll) -> Self {
        Self {
            ep,
            items: OneByOne,
        }
    }
}

impl<'a> Access for EachTime<'a> {
    type Set<'s>
        = InterestGuard<'a>
    where
        Self: 's;
    type Items = OneByOne;

    #[inline(always)]
    fn lock(&mut self) -> (InterestGuard<'a>, &mut OneByOne) {
        (self.ep.interest.lock(), &mut self.items)
    }

    #[inline(always)]
    fn let_go(&mut self) {}
}

/// A request whose file has been looked at.
pub(crate) struct Checked<'a> {
    pub(crate) target: Target<'a>,
    pub(crate) key: Key,
    pub(crate) events: Events,
}

impl<'a> Checked<'a> {
    /// `EPERM` when there is no `poll()`, `EINVAL` for the instance itself, whose file is `this`, and
    /// as [`mask_of`].
    #[inline(always)]
    pub(crate) fn new(fd: &'a Fd, this: Target<'_>, request: &CtlRequest) -> Result<Self> {
        let target = fd.target();
        if !target.can_poll() {
            return Err(EPERM);
        }
        if target.as_ptr() == this.as_ptr() {
            return Err(EINVAL);
        }
        Ok(Self {
            target,
            key: Key {
                file: target.as_ptr(),
                fd: request.fd,
            },
            events: mask_of(request)?,
        })
    }

    pub(crate) fn is_exclusive(&self) -> bool {
        self.events.intersects(Events::EXCLUSIVE)
    }
}

/// The mask that is meant by the one the caller gave. `EINVAL` for one that does not go with the flags.
#[inline]
fn mask_of(request: &CtlRequest) -> Result<Events> {
    let mut events = Events::from_bits(request.events) | Events::ERR | Events::HUP;
    if request.flags.intersects(CtlFlags::HANDOVER) {
        events = handover::mask(events)?;
    }
    // SAFETY: In process context.
    if events.intersects(Events::WAKEUP) && !unsafe { ffi::repoll_may_block_suspend() } {
        return Ok(events.without(Events::WAKEUP));
    }
    Ok(events)
}

/// How MOD and DEL find a registration.
#[derive(Clone, Copy)]
pub(crate) enum Selector {
    Key(Key),
    Token(u64),
}

impl Selector {
    /// `ENOENT`.
    #[inline(always)] // Into callers that know which it is.
    pub(crate) fn find(self, interest: &Interest) -> Result<&Epitem> {
        match self {
            Selector::Key(key) => interest.find(key),
            Selector::Token(token) => interest.by_token(token),
        }
        .ok_or(ENOENT)
    }
}

/// What MOD makes of a registration.
#[derive(Clone, Copy)]
pub(crate) struct Change {
    pub(crate) events: Events,
    pub(crate) data: u64,
    pub(crate) policy: Option<WakePolicy>,
    pub(crate) handover: bool,
}

impl Change {
    #[inline(always)]
    fn new(events: Events, request: &CtlRequest) -> Self {
        Self {
            events,
            data: request.data,
            policy: request.flags.wake_policy(),
            handover: request.flags.intersects(CtlFlags::HANDOVER),
        }
    }

    /// Whether a mask and data are all there is to it.
    #[inline(always)]
    fn is_simple_for(&self, item: &Epitem) -> bool {
        self.policy.is_none()
            && !self.handover
            && !self.events.intersects(Events::WAKEUP)
            && item.is_ordinary()
    }

    /// Whether there is no registration that may be changed like this.
    #[inline(always)]
    fn is_impossible(&self) -> bool {
        self.events.intersects(Events::EXCLUSIVE)
            && (self.policy.is_none() || !exclusive_ok(self.events, self.policy))
    }
}

impl Eventpoll {
    /// `epoll_ctl()` on this instance, whose file is `this`. May sleep.
    ///
    /// `EBADF`, `EPERM` (no `poll()`), `EINVAL`, `EEXIST`, `ENOENT`, `ELOOP`, `ENOSPC`, `ENOMEM`,
    /// as documented for `REPOLL_IOC_CTL`. A call that fails changes nothing.
    #[inline(always)] // Into a caller that knows the flags, and has the rest in registers.
    pub(crate) fn ctl(&self, this: Target<'_>, request: &CtlRequest) -> Result {
        if request.flags.intersects(CtlFlags::TOKEN) && request.op != Some(Op::Add) {
            return self.ctl_by_token(request);
        }
        let fd = Fd::get(request.fd)?;
        self.ctl_with(&mut EachTime::new(self), this, &fd, request)
    }

    /// [`Self::ctl`] with flags, for which no other pays. Returns 0, or the generation of a new one.
    #[cold]
    pub(crate) fn ctl_flagged(&self, this: Target<'_>, request: &CtlRequest) -> Result<u32> {
        if request.flags.intersects(CtlFlags::SYNC) {
            return self.ctl_sync(this, request);
        }
        self.ctl(this, request).map(|()| 0)
    }

    /// [`Self::ctl`] by one who may have more to do to `set`, which is that of this instance; `fd` is
    /// the one of the request.
    #[inline(always)]
    pub(crate) fn ctl_with(
        &self,
        set: &mut impl Access,
        this: Target<'_>,
        fd: &Fd,
        request: &CtlRequest,
    ) -> Result {
        let checked = Checked::new(fd, this, request)?;
        let which = Selector::Key(checked.key);
        match request.op {
            Some(Op::Add) => {
                let new = Registration::new(&checked, request.data, request.flags)?;
                self.add(set, &new)
            }
            Some(Op::Mod) => self.modify(set, which, Change::new(checked.events, request)),
            Some(Op::Del) => self.delete(set, which),
            None => Err(EINVAL),
        }
    }

    /// MOD or DEL of a registration whose fd the caller need not have. May sleep. `ENOENT`, `EINVAL`.
    #[cold]
    fn ctl_by_token(&self, request: &CtlRequest) -> Result {
        let which = Selector::Token(request.data);
        let set = &mut EachTime::new(self);
        match request.op {
            Some(Op::Mod) => self.modify(set, which, Change::new(mask_of(request)?, request)),
            Some(Op::Del) => self.delete(set, which),
            Some(Op::Add) | None => Err(EINVAL),
        }
    }

    #[inline(always)]
    fn modify(&self, set: &mut impl Access, which: Selector, change: Change) -> Result {
        if change.is_impossible() {
            return Err(EINVAL);
        }
        if change.handover {
            set.let_go();
            self.see_exits(Extras::HANDOVER)?;
        }
        self.change(&mut set.lock().0, which, change)
    }

    /// [`Self::modify`] under the mutex. May sleep.
    #[inline(always)]
    pub(crate) fn change(
        &self,
        interest: &mut Interest,
        which: Selector,
        change: Change,
    ) -> Result {
        let item = which.find(interest)?;
        if !change.is_simple_for(item) {
            let key = item.key;
            return self.change_special(interest, key, change);
        }
        // The new mask first: an event between the poll and the new mask would be missed.
        item.events.store(change.events);
        item.data.set(change.data);
        // Ordering 2 of `ready`.
        ready::event_happened();
        // SAFETY: Registered with this set, whose mutex is held. What is ordinary is a plain file.
        let ready = unsafe { JustAsk::new().poll_registered(item.key.file, change.events) };
        if !ready.is_empty() {
            // Nor has what is ordinary a ring.
            self.post_to_list(interest, item);
        }
        Ok(())
    }

    /// [`Self::change`] where there is or was more than a mask. May sleep.
    ///
    /// `ENOENT`, `ENOMEM`. `EINVAL`: a token stays as it is, and so does whether a registration is
    /// exclusive; one that is can be modified with a policy only.
    #[cold]
    fn change_special(&self, interest: &mut Interest, key: Key, change: Change) -> Result {
        let Change { events, policy, .. } = change;
        let item = interest.find(key).ok_or(ENOENT)?;
        item.check_token(change.data)?;
        if policy.is_some() || change.handover || events.intersects(Events::WAKEUP) {
            self.refuse_with_ring()?;
        }
        let memory = Hold::memory_for_change(item, change.handover)?;
        if policy.is_some() || item.is_exclusive() || item.wakes_longest() {
            let exclusive = item.is_exclusive();
            if exclusive != events.intersects(Events::EXCLUSIVE) || (exclusive && policy.is_none())
            {
                return Err(EINVAL);
            }
            self.policies.note(policy);
            interest.set_wake_policy(key, policy)?;
        }
        let item = interest.find(key).ok_or(ENOENT)?;
        interest.rearm(item, events, change.data)?;
        interest.change_handover(key, change.handover, memory);
        let item = interest.find(key).ok_or(ENOENT)?;
        if !events.intersects(Events::WAKEUP) {
            item.destroy_wakeup_source();
        } else if !item.ws.is_some() {
            // Without memory the events are delivered all the same, as in-tree.
            let _ = create_wakeup_source(interest, item);
        }
        self.changed(interest, item);
        Ok(())
    }

    /// Posts `item`, which has another mask, if it is ready by that mask. May sleep.
    pub(crate) fn changed(&self, interest: &Interest, item: &Epitem) {
        // Ordering 2 of `ready`.
        ready::event_happened();
        item.foreign.set(ForeignReady::Unknown);
        if item.kind == TargetKind::Foreign || !self.poll_item(interest, item, 1).is_empty() {
            self.post(interest, item);
        }
    }

    #[inline(always)]
    fn delete(&self, set: &mut impl Access, which: Selector) -> Result {
        let (mut interest, items) = set.lock();
        self.delete_from(&mut interest, items, which)
    }

    /// [`Self::delete`] under the mutex. May sleep.
    #[inline(always)]
    pub(crate) fn delete_from(
        &self,
        interest: &mut Interest,
        items: &mut impl Items,
        which: Selector,
    ) -> Result {
        let item = NonNull::from(which.find(interest)?);
        // SAFETY: In this set.
        items.end(unsafe { self.remove(interest, item) });
        Ok(())
    }

    /// The last close of `file`: all its registrations with this instance end. May sleep.
    pub(crate) fn remove_file(&self, file: *mut bindings::file) {
        let mut interest = self.interest.lock();
        while let Some(item) = interest.first_of(file).map(NonNull::from) {
            // SAFETY: In this set.
            drop(unsafe { self.remove(&mut interest, item) });
            // SAFETY: In process context, under a mutex.
            unsafe { ffi::repoll_cond_resched() };
        }
    }

    /// The last close of the instance itself: all registrations end. May sleep.
    pub(crate) fn clear(&self) {
        let mut interest = self.interest.lock();
        interest.notifier = None;
        self.clear_timers(&mut interest);
        while let Some(item) = interest.first().map(NonNull::from) {
            // SAFETY: In this set.
            drop(unsafe { self.remove(&mut interest, item) });
            // SAFETY: In process context, under a mutex.
            unsafe { ffi::repoll_cond_resched() };
        }
        interest.forget_holders();
    }

    /// Ends a registration, in the order of the banner's section on removal. May sleep.
    ///
    /// # Safety
    ///
    /// `item` is in `interest`, which is the set of this instance.
    pub(crate) unsafe fn remove(
        &self,
        interest: &mut Interest,
        item: NonNull<Epitem>,
    ) -> EpitemBox {
        // SAFETY: In the set, which is locked.
        let this = unsafe { item.as_ref() };
        if this.hooks.unhook() {
            // It cannot be taken from the middle of the ovflist.
            self.drain(interest);
        }
        if this.kind == TargetKind::Nested {
            nesting::forget(self, this);
        }
        watched_file::leave(this);
        // SAFETY: By the caller's promise.
        let item = unsafe { interest.remove(item) };
        self.settle(interest);
        item
    }
}

/// Whether `events`, with `EPOLLEXCLUSIVE` in it, may be the mask of a registration with this policy.
pub(crate) fn exclusive_ok(events: Events, policy: Option<WakePolicy>) -> bool {
    match policy {
        None => events.exclusive_bits_ok(),
        Some(_) => events.without(Events::ONESHOT).exclusive_bits_ok(),
    }
}

/// Gives `item` a wakeup source, and its instance one to take over from it. May sleep. `ENOMEM`.
pub(crate) fn create_wakeup_source(interest: &Interest, item: &Epitem) -> Result {
    interest.ws.create_own()?;
    item.create_wakeup_source()
}
