// SPDX-License-Identifier: GPL-2.0

//! A wait queue, in the steps of the module's `wait_queue.rs` and `helpers/wait.c`.

use crate::{
    atomic::{fence, AtomicBool, Ordering},
    sync::{Condvar, Mutex},
};
use std::sync::Arc;

/// A queue of sleeping waiters.
pub(crate) struct WaitQueue {
    /// The waiters, the next to be woken last, behind the queue's lock.
    waiters: Mutex<Vec<Arc<Condvar>>>,
    /// What `waitqueue_active()` reads without the lock.
    active: AtomicBool,
}

impl WaitQueue {
    pub(crate) fn new() -> Self {
        Self {
            waiters: Mutex::new(Vec::new()),
            active: AtomicBool::new(false),
        }
    }

    pub(crate) fn is_active(&self) -> bool {
        self.active.load(Ordering::Relaxed)
    }

    /// Wakes one waiter and takes it off the queue.
    pub(crate) fn wake_one(&self) {
        let mut waiters = self.waiters.lock().unwrap();
        if let Some(waiter) = waiters.pop() {
            self.active.store(!waiters.is_empty(), Ordering::Relaxed);
            waiter.notify_one();
        }
    }

    /// Sleeps until woken, unless `ready` says that there is no need.
    pub(crate) fn sleep_on(&self, ready: impl FnOnce() -> bool) {
        let this = Arc::new(Condvar::new());
        let mut waiters = self.waiters.lock().unwrap();
        waiters.push(this.clone());
        self.active.store(true, Ordering::Relaxed);
        // The barrier in set_current_state().
        fence(Ordering::SeqCst);
        drop(waiters);

        let ready = ready();
        let mut waiters = self.waiters.lock().unwrap();
        let queued = |waiters: &Vec<_>| waiters.iter().any(|other| Arc::ptr_eq(other, &this));
        while !ready && queued(&waiters) {
            waiters = this.wait(waiters).unwrap();
        }
        waiters.retain(|other| !Arc::ptr_eq(other, &this));
        self.active.store(!waiters.is_empty(), Ordering::Relaxed);
    }
}
