// SPDX-License-Identifier: GPL-2.0

//! Where deletions sleep that wait for threads at work.

use super::{
    deliveries::Deliveries,
    eventpoll::{Eventpoll, InterestGuard},
    extras::Extras,
    generation::Waits,
    holder::TaskId,
    timeout::Timeout,
    wait_queue::{WaitQueue, Waiter},
};
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use kernel::{prelude::*, static_lock_class, sync::Arc};

/// The returns of threads from work, as far as anybody waits for one.
#[pin_data]
pub(crate) struct Returns {
    #[pin]
    queue: WaitQueue,
    /// How many there were. Written with the instance's mutex held.
    count: AtomicU64,
    /// How many wait. Only with the instance's mutex held.
    waiters: AtomicU32,
}

impl Returns {
    /// May sleep. `ENOMEM`.
    pub(crate) fn new() -> Result<Arc<Self>> {
        Arc::pin_init(
            pin_init!(Self {
                queue <- WaitQueue::new(c"Returns::queue", static_lock_class!()),
                count: AtomicU64::new(0),
                waiters: AtomicU32::new(0),
            }),
            GFP_KERNEL_ACCOUNT,
        )
    }

    /// A thread has come back. With the instance's mutex held.
    pub(crate) fn note(&self) {
        if self.waiters.load(Ordering::Relaxed) > 0 {
            self.count.fetch_add(1, Ordering::Relaxed);
            // A waiter that is not on the queue yet has its lock after us, and sees the count.
            self.queue.wake_all();
        }
    }

    /// Sleeps until a thread comes back, a signal, or `deadline`, with the mutex of `ep` let go of, which
    /// `interest` is. Tells whether it was for the deadline.
    fn sleep<'a>(
        &self,
        ep: &'a Eventpoll,
        interest: InterestGuard<'a>,
        deadline: Option<i64>,
    ) -> (InterestGuard<'a>, bool) {
        let seen = self.count.load(Ordering::Relaxed);
        self.waiters.fetch_add(1, Ordering::Relaxed);
        drop(interest);
        let is_news = || self.count.load(Ordering::Relaxed) != seen;
        let slept = Waiter::sleep_on(&self.queue, deadline, is_news);
        let interest = ep.interest.lock();
        self.waiters.fetch_sub(1, Ordering::Relaxed);
        (interest, slept.timed_out)
    }
}

impl Eventpoll {
    /// To be called before a registration is made whose deletion can be waited for. May sleep. `ENOMEM`,
    /// `EOPNOTSUPP` as [`Self::see_exits`].
    pub(crate) fn see_deliveries(&self) -> Result {
        if self.extras.any(Extras::SYNC) {
            return Ok(());
        }
        let mut interest = self.interest.lock();
        if interest.deliveries.is_none() {
            interest.deliveries = Some(KBox::new(Deliveries::new()?, GFP_KERNEL_ACCOUNT)?);
        }
        drop(interest);
        self.see_exits(Extras::SYNC)
    }

    /// Waits until no other thread is at work that is now, if that is one that `waits` tells of. The
    /// current one has come back by this. May sleep.
    ///
    /// `EINTR` on a signal, `ETIMEDOUT`: there is such a thread still.
    pub(crate) fn wait_for_returns<'a>(
        &'a self,
        mut interest: InterestGuard<'a>,
        waits: impl FnOnce(&Deliveries) -> Waits,
        timeout: Timeout,
    ) -> Result {
        interest.come_back(TaskId::current());
        let Some(deliveries) = &interest.deliveries else {
            return Ok(());
        };
        let (waits, returns) = (waits(deliveries), deliveries.returns().clone());
        let mut timed_out = timeout == Timeout::Poll;
        while let Some(deliveries) = &interest.deliveries {
            if !deliveries.at_work_since(waits) {
                break;
            }
            if timed_out {
                return Err(ETIMEDOUT);
            }
            if kernel::current!().signal_pending() {
                return Err(EINTR);
            }
            (interest, timed_out) = returns.sleep(self, interest, timeout.deadline());
        }
        Ok(())
    }
}
