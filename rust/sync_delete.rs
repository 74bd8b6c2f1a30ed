// SPDX-License-Identifier: GPL-2.0

//! Operations with `REPOLL_CTL_SYNC`.

use super::{
    add::Registration,
    ctl::{Checked, EachTime, Selector},
    eventpoll::Eventpoll,
    file::{Fd, Target},
    timeout::Timeout,
    uapi::{CtlFlags, CtlRequest, Op},
};
use core::ptr::NonNull;
use kernel::prelude::*;

impl Eventpoll {
    /// ADD of a registration whose deletion can be waited for, and that deletion; the request has the
    /// flag. Returns the generation, or 0. May sleep.
    ///
    /// As [`Self::ctl`], and [`Self::see_deliveries`] and [`Self::delete_and_wait`].
    pub(crate) fn ctl_sync(&self, this: Target<'_>, request: &CtlRequest) -> Result<u32> {
        if request.op != Some(Op::Add) && request.flags.intersects(CtlFlags::TOKEN) {
            return self.delete_and_wait(Selector::Token(request.data));
        }
        let fd = Fd::get(request.fd)?;
        let checked = Checked::new(&fd, this, request)?;
        match request.op {
            Some(Op::Add) => {
                let new = Registration::new(&checked, request.data, request.flags)?;
                self.see_deliveries()?;
                self.add(&mut EachTime::new(self), &new)?;
                Ok(new.generation.get())
            }
            _ => {
                let which = Selector::Key(checked.key);
                // Lest its last close has to wait as well.
                drop(fd);
                self.delete_and_wait(which)
            }
        }
    }

    /// DEL that returns when no other thread has the event of the registration still. May sleep.
    ///
    /// `ENOENT`; `EINVAL` for one that was added without the flag. `EINTR` on a signal: it has been
    /// deleted, but not waited for.
    #[cold]
    fn delete_and_wait(&self, which: Selector) -> Result<u32> {
        let mut interest = self.interest.lock();
        let item = which.find(&interest)?;
        let waits = interest.generation_of(item).ok_or(EINVAL)?.waits.get();
        let item = NonNull::from(item);
        // SAFETY: In this set.
        drop(unsafe { self.remove(&mut interest, item) });
        self.wait_for_returns(interest, |_| waits, Timeout::Never)
            .map(|()| 0)
    }
}
