// SPDX-License-Identifier: GPL-2.0

//! What closes of numbers do to an instance, some of whose registrations are bound to them.

use super::{
    binding::{make_table, Binding},
    ctl::Selector,
    epitem::{check, Key},
    eventpoll::Eventpoll,
    ffi,
};
use core::{
    ptr::{self, NonNull},
    sync::atomic::Ordering,
};
use kernel::prelude::*;

impl Eventpoll {
    /// To be called before a binding is made: closes of numbers are seen as long as this instance
    /// lives. May sleep. `ENOMEM`, `EINVAL`, `ENODEV` when they cannot be.
    pub(crate) fn see_fd_closes(&self) -> Result {
        if self.sees_fd_closes.load(Ordering::Relaxed) {
            return Ok(());
        }
        make_table()?;
        // SAFETY: In process context; undone by `unsee_fd_closes` or below.
        check(unsafe { ffi::repoll_fd_hook_get() })?;
        if self.sees_fd_closes.swap(true, Ordering::Relaxed) {
            // SAFETY: Somebody else was first, and has a get of its own.
            unsafe { ffi::repoll_fd_hook_put() };
        }
        Ok(())
    }

    /// When the instance is released. May sleep.
    pub(crate) fn unsee_fd_closes(&self) {
        if self.sees_fd_closes.swap(false, Ordering::Relaxed) {
            // SAFETY: Undoes the get of `see_fd_closes`; this instance has no bindings any more.
            unsafe { ffi::repoll_fd_hook_put() };
        }
    }

    /// The number of `binding` has been closed: its registration ends, unless it has already. May
    /// sleep.
    pub(crate) fn end_binding(&self, binding: &Binding) {
        let mut interest = self.interest.lock();
        let bound = interest.find(binding.key).filter(|item| {
            let its_own = interest.binding_of(item);
            its_own.is_some_and(|its_own| ptr::eq(its_own, binding))
        });
        if let Some(item) = bound.map(NonNull::from) {
            // SAFETY: In this set.
            drop(unsafe { self.remove(&mut interest, item) });
        }
    }

    /// After an ADD with a binding: `EBADF`, and no registration, if the number was closed before the
    /// binding was there to be found. May sleep.
    #[cold]
    pub(crate) fn confirm_binding(&self, key: Key) -> Result {
        let mut interest = self.interest.lock();
        // SAFETY: In process context.
        if unsafe { ffi::repoll_fd_leads_to(key.fd as u32, key.file) } {
            return Ok(());
        }
        // By now it may be gone, and another one in its place.
        let ours = interest.find(key).filter(|item| {
            let binding = interest.binding_of(item);
            binding.is_some_and(Binding::is_ours)
        });
        if let Some(item) = ours.map(NonNull::from) {
            // SAFETY: In this set.
            drop(unsafe { self.remove(&mut interest, item) });
        }
        Err(EBADF)
    }

    /// Ends what has this key or token but is bound to a number that has been closed: another task is
    /// about to. Tells whether nothing has them now. May sleep.
    #[cold]
    pub(crate) fn make_way(&self, key: Key, token: Option<u64>) -> bool {
        let mut interest = self.interest.lock();
        let mut clear = true;
        let token = token.map(Selector::Token);
        for which in [Some(Selector::Key(key)), token].into_iter().flatten() {
            let Ok(item) = which.find(&interest) else {
                continue;
            };
            let binding = interest.binding_of(item);
            if binding.is_some_and(|binding| !binding.is_live()) {
                let item = NonNull::from(item);
                // SAFETY: In this set.
                drop(unsafe { self.remove(&mut interest, item) });
            } else {
                clear = false;
            }
        }
        clear
    }
}
