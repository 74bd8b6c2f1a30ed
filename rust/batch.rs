// SPDX-License-Identifier: GPL-2.0

//! Many operations in one call: in order, each with an answer of its own.

use super::{
    ctl::Access,
    eventpoll::{Eventpoll, InterestGuard},
    ffi,
    file::{Fd, Target},
    interest::Interest,
    ops::{BatchRequest, Chunk, UserOps, CHUNK},
    stock::Stock,
    uapi::CtlFlags,
};
use core::mem::MaybeUninit;
use kernel::prelude::*;

/// The interest set of an instance, locked from the first use on.
struct LockedOnUse<'a, 's> {
    ep: &'a Eventpoll,
    guard: Option<InterestGuard<'a>>,
    stock: &'s mut Stock<'a>,
}

impl<'a> Access for LockedOnUse<'a, '_> {
    type Set<'s>
        = &'s mut Interest
    where
        Self: 's;
    type Items = Stock<'a>;

    #[inline(always)]
    fn lock(&mut self) -> (&mut Interest, &mut Stock<'a>) {
        let interest = self.guard.get_or_insert_with(|| self.ep.interest.lock());
        (&mut **interest, self.stock)
    }

    #[inline(always)]
    fn let_go(&mut self) {
        self.guard = None;
    }
}

impl Eventpoll {
    /// `REPOLL_IOC_BATCH` on this instance, whose file is `this`. May sleep.
    ///
    /// Returns how many operations succeeded or, if there is a wait, how many events it stored. It
    /// does not sleep when an operation failed: the caller has to look at that first. `EFAULT` when
    /// an operation could not be read or answered, `EINTR` for a fatal signal, `ENOMEM`, and what
    /// the wait returns. What has been done by then stays done.
    #[inline(never)] // With a frame of its own, which other calls do without.
    pub(crate) fn batch(&self, this: Target<'_>, request: &BatchRequest) -> Result<u32> {
        let Some(wait) = &request.wait else {
            return self.run(this, request);
        };
        self.refuse_with_ring()?;
        wait.with_sigmask(|| {
            if self.run(this, request)? == request.nr_ops {
                self.wait(wait)
            } else {
                self.wait(&wait.without_sleep())
            }
        })
    }

    /// Carries out the operations, and tells the caller and its caller how many succeeded.
    fn run(&self, this: Target<'_>, request: &BatchRequest) -> Result<u32> {
        let succeeded = if request.atomic {
            self.run_all_or_nothing(this, request.ops())?
        } else {
            self.run_in_order(this, request.ops())?
        };
        request.put_succeeded(succeeded)?;
        Ok(succeeded)
    }

    fn run_in_order(&self, this: Target<'_>, mut from: UserOps) -> Result<u32> {
        let mut succeeded: u32 = 0;
        while !from.is_empty() {
            let mut room: Chunk = [const { MaybeUninit::uninit() }; CHUNK];
            let chunk = from.read(&mut room)?;
            let mut stock = Stock::new(self);
            stock.fill(chunk.adds());
            let mut set = LockedOnUse {
                ep: self,
                guard: None,
                stock: &mut stock,
            };
            let mut words = [0; CHUNK];
            chunk.look_up(&mut words);
            for (op, &word) in chunk.ops.iter_mut().zip(&words) {
                // SAFETY: Looked up just now, for this operation.
                let fd = unsafe { Fd::from_word(word) };
                let mut generation = 0;
                let result = op.request().and_then(|request| {
                    if request.flags != CtlFlags::NONE {
                        set.let_go();
                        generation = self.ctl_flagged(this, &request)?;
                        return Ok(());
                    }
                    self.ctl_with(&mut set, this, &fd?, &request)
                });
                succeeded = succeeded.wrapping_add(op.answer(result, generation).into());
            }
            // Unlocks, before what has ended is freed.
            drop(set);
            drop(stock);
            chunk.put_results()?;
            breathe()?;
        }
        Ok(succeeded)
    }
}

/// Between two parts of a long call, with nothing locked. `EINTR` for a task that is being killed.
pub(crate) fn breathe() -> Result {
    // SAFETY: In process context; no requirements.
    unsafe {
        ffi::repoll_cond_resched();
        if ffi::repoll_fatal_signal_pending() {
            return Err(EINTR);
        }
    }
    Ok(())
}
