// SPDX-License-Identifier: GPL-2.0

//! Changes of the interest set: ADD, MOD, DEL, and the two kinds of last close.

use super::{
    epitem::{Epitem, EpitemBox, ForeignReady, Key},
    eventpoll::Eventpoll,
    events::Events,
    ffi,
    file::{Fd, Target, TargetKind},
    interest::Interest,
    nesting, ready,
    ties::Ties,
    uapi::{CtlFlags, CtlRequest, Op},
    wait_hook,
    wake_policy::WakePolicy,
    watched_file,
};
use core::ptr::NonNull;
use kernel::{bindings, prelude::*};

/// What ADD is asked to register.
struct Registration<'a> {
    target: Target<'a>,
    key: Key,
    kind: TargetKind,
    events: Events,
    data: u64,
    flags: CtlFlags,
}

impl Registration<'_> {
    /// An epitem for it whose mask is `events` for now. `ENOMEM`, `ENOSPC`. May sleep.
    #[inline(always)]
    fn new_item(&self, ep: &Eventpoll, events: Events) -> Result<EpitemBox> {
        let policy = self.flags.wake_policy();
        if policy.is_some() {
            ep.policies.note(policy);
        }
        EpitemBox::new(ep, self.key, self.kind, events, self.data, policy)
    }
}

/// How MOD and DEL find a registration.
#[derive(Clone, Copy)]
enum Selector {
    Key(Key),
    Token(u64),
}

impl Selector {
    /// `ENOENT`.
    #[inline(always)] // Into callers that know which it is.
    fn find(self, interest: &Interest) -> Result<&Epitem> {
        match self {
            Selector::Key(key) => interest.find(key),
            Selector::Token(token) => interest.by_token(token),
        }
        .ok_or(ENOENT)
    }
}

/// The mask that is meant by the one the caller gave.
#[inline]
fn mask_of(request: &CtlRequest) -> Events {
    let events = Events::from_bits(request.events) | Events::ERR | Events::HUP;
    // SAFETY: In process context.
    if events.intersects(Events::WAKEUP) && !unsafe { ffi::repoll_may_block_suspend() } {
        return events.without(Events::WAKEUP);
    }
    events
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
        let target = fd.target();
        if !target.can_poll() {
            return Err(EPERM);
        }
        if target.as_ptr() == this.as_ptr() {
            return Err(EINVAL);
        }
        let key = Key {
            file: target.as_ptr(),
            fd: request.fd,
        };
        let events = mask_of(request);
        let exclusive = events.intersects(Events::EXCLUSIVE);
        match request.op {
            Some(Op::Add) => {
                let policy = request.flags.wake_policy();
                let kind = target.kind();
                if exclusive && (kind.is_eventpoll() || !exclusive_ok(events, policy)) {
                    return Err(EINVAL);
                }
                self.add(&Registration {
                    target,
                    key,
                    kind,
                    events,
                    data: request.data,
                    flags: request.flags,
                })
            }
            Some(Op::Mod) => self.modify(Selector::Key(key), events, request),
            Some(Op::Del) => self.delete(Selector::Key(key)),
            None => Err(EINVAL),
        }
    }

    /// MOD or DEL of a registration whose fd the caller need not have. May sleep. `ENOENT`, `EINVAL`.
    #[cold]
    fn ctl_by_token(&self, request: &CtlRequest) -> Result {
        let token = Selector::Token(request.data);
        let events = mask_of(request);
        match request.op {
            Some(Op::Mod) => self.modify(token, events, request),
            Some(Op::Del) => self.delete(token),
            Some(Op::Add) | None => Err(EINVAL),
        }
    }

    /// [`Self::add_once`], also for what is to be bound, and where one that is not there any more is
    /// in the way.
    #[inline(always)]
    fn add(&self, new: &Registration<'_>) -> Result {
        if new.flags.intersects(CtlFlags::BIND) {
            return self.add_bound(new);
        }
        match self.add_once(new) {
            Err(EEXIST) => self.add_again(new),
            added => added,
        }
    }

    #[cold]
    fn add_bound(&self, new: &Registration<'_>) -> Result {
        self.see_fd_closes()?;
        match self.add_once(new) {
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
            match self.add_once(new) {
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
    fn add_once(&self, new: &Registration<'_>) -> Result {
        if new.kind == TargetKind::Plain {
            let mut interest = self.interest.lock();
            // Asked under the mutex: an ADD that nests this instance first says so and then counts
            // the members, under the mutex. Whoever comes later must do its own counting.
            if !self.topology.is_nested() {
                return self.insert_with_ties(&mut interest, new);
            }
        }
        nesting::add(self, new.target, new.key, || match new.kind {
            TargetKind::Foreign => self.insert_foreign(new),
            TargetKind::Plain | TargetKind::Nested => {
                self.insert_with_ties(&mut self.interest.lock(), new)
            }
        })
    }

    /// [`Self::insert`], and what the flags ask for. Leaves nothing behind if it fails.
    #[inline(always)]
    fn insert_with_ties(&self, interest: &mut Interest, new: &Registration<'_>) -> Result {
        if new.flags.ties() == CtlFlags::NONE {
            return self.insert(interest, new);
        }
        self.insert_and_tie(interest, new)
    }

    #[cold]
    fn insert_and_tie(&self, interest: &mut Interest, new: &Registration<'_>) -> Result {
        let ties = Ties::new(self, interest, new.flags, new.key, new.data)?;
        self.insert(interest, new)?;
        interest.tie(new.key, ties);
        Ok(())
    }

    /// Registers a file that may be polled under the mutex. Leaves nothing behind if it fails.
    fn insert(&self, interest: &mut Interest, new: &Registration<'_>) -> Result {
        let vacancy = interest.vacancy(new.key).ok_or(EEXIST)?;
        let item = new.new_item(self, new.events)?;
        if new.events.intersects(Events::WAKEUP) {
            create_wakeup_source(vacancy.interest(), &item)?;
        }
        let item = NonNull::from(vacancy.fill(item).map_err(|(error, _)| error)?);
        // SAFETY: In the set, which is locked.
        let this = unsafe { item.as_ref() };
        watched_file::enter(this);
        if self.busy_poll.is_on() {
            self.busy_poll.note_napi(new.key.file);
        }
        // SAFETY: The epitem is in its final place; `remove` takes the hooks off.
        match unsafe { wait_hook::poll_and_hook(this, new.target, 1) } {
            Ok(ready) => {
                if !ready.is_empty() {
                    self.post(interest, this);
                }
                Ok(())
            }
            Err(error) => {
                // SAFETY: In this set.
                unsafe { self.remove(interest, item) };
                Err(error)
            }
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
        let item = new.new_item(self, Events::NONE)?;
        // SAFETY: The box does not move its epitem. Its hooks are off before it goes: below, or by
        // `remove`.
        let hooked = unsafe { wait_hook::poll_and_hook(&item, new.target, 0) };
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
        let ties = match Ties::new(self, &interest, new.flags, new.key, new.data) {
            Ok(ties) => ties,
            Err(error) => return Err((error, item)),
        };
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
        item.events.store(new.events);
        self.post(&interest, item);
        interest.tie(new.key, ties);
        Ok(())
    }

    #[inline(always)]
    fn modify(&self, which: Selector, events: Events, request: &CtlRequest) -> Result {
        let policy = request.flags.wake_policy();
        if events.intersects(Events::EXCLUSIVE)
            && (policy.is_none() || !exclusive_ok(events, policy))
        {
            return Err(EINVAL);
        }
        let mut interest = self.interest.lock();
        let mut item = which.find(&interest)?;
        // The new mask first: an event between the poll and the new mask would be missed.
        if policy.is_none() && !events.intersects(Events::WAKEUP) && item.is_ordinary() {
            item.events.store(events);
        } else {
            let key = item.key;
            self.modify_special(&mut interest, key, events, request)?;
            item = interest.find(key).ok_or(ENOENT)?;
        }
        item.data.set(request.data);
        // Ordering 2 of `ready`.
        ready::event_happened();
        item.foreign.set(ForeignReady::Unknown);
        if item.kind == TargetKind::Foreign || !self.poll_item(item, 1).is_empty() {
            self.post(&interest, item);
        }
        Ok(())
    }

    /// The mask, and all that comes with it, where there is or was more than a mask. May sleep.
    ///
    /// `ENOENT`, `ENOMEM`. `EINVAL`: a token stays as it is, and so does whether a registration is
    /// exclusive; one that is can be modified with a policy only.
    #[cold]
    fn modify_special(
        &self,
        interest: &mut Interest,
        key: Key,
        events: Events,
        request: &CtlRequest,
    ) -> Result {
        let item = interest.find(key).ok_or(ENOENT)?;
        item.check_token(request.data)?;
        let policy = request.flags.wake_policy();
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
        interest.rearm(item, events)?;
        if !events.intersects(Events::WAKEUP) {
            item.destroy_wakeup_source();
        } else if !item.ws.is_some() {
            // Without memory the events are delivered all the same, as in-tree.
            let _ = create_wakeup_source(interest, item);
        }
        Ok(())
    }

    #[inline(always)]
    fn delete(&self, which: Selector) -> Result {
        let mut interest = self.interest.lock();
        let item = NonNull::from(which.find(&interest)?);
        // SAFETY: In this set.
        unsafe { self.remove(&mut interest, item) };
        Ok(())
    }

    /// The last close of `file`: all its registrations with this instance end. May sleep.
    pub(crate) fn remove_file(&self, file: *mut bindings::file) {
        let mut interest = self.interest.lock();
        while let Some(item) = interest.first_of(file).map(NonNull::from) {
            // SAFETY: In this set.
            unsafe { self.remove(&mut interest, item) };
            // SAFETY: In process context, under a mutex.
            unsafe { ffi::repoll_cond_resched() };
        }
    }

    /// The last close of the instance itself: all registrations end. May sleep.
    pub(crate) fn clear(&self) {
        let mut interest = self.interest.lock();
        while let Some(item) = interest.first().map(NonNull::from) {
            // SAFETY: In this set.
            unsafe { self.remove(&mut interest, item) };
            // SAFETY: In process context, under a mutex.
            unsafe { ffi::repoll_cond_resched() };
        }
    }

    /// Ends a registration, in the order of the banner's section on removal. May sleep.
    ///
    /// # Safety
    ///
    /// `item` is in `interest`, which is the set of this instance.
    pub(crate) unsafe fn remove(&self, interest: &mut Interest, item: NonNull<Epitem>) {
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
        drop(unsafe { interest.remove(item) });
        self.settle(interest);
    }
}

/// Whether `events`, with `EPOLLEXCLUSIVE` in it, may be the mask of a registration with this policy.
fn exclusive_ok(events: Events, policy: Option<WakePolicy>) -> bool {
    match policy {
        None => events.exclusive_bits_ok(),
        Some(_) => events.without(Events::ONESHOT).exclusive_bits_ok(),
    }
}

/// Gives `item` a wakeup source, and its instance one to take over from it. May sleep. `ENOMEM`.
fn create_wakeup_source(interest: &Interest, item: &Epitem) -> Result {
    interest.ws.create_own()?;
    item.create_wakeup_source()
}
