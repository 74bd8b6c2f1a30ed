// SPDX-License-Identifier: GPL-2.0

//! A wait queue, in the steps of the module's `wait_queue.rs`, `helpers/wait.c` and `collector.rs`.

use crate::{
    atomic::{fence, AtomicBool, Ordering},
    sync::{Condvar, Mutex},
};
use std::sync::Arc;

/// Those on a queue.
struct Waiters {
    /// Who sleeps until anything happens, the next to be woken last.
    any: Vec<Arc<Condvar>>,
    collectors: Vec<Collector>,
}

impl Waiters {
    fn is_empty(&self) -> bool {
        self.any.is_empty() && self.collectors.is_empty()
    }

    fn collector(&mut self, of: &Arc<Condvar>) -> &mut Collector {
        let mut all = self.collectors.iter_mut();
        all.find(|other| Arc::ptr_eq(&other.task, of))
            .expect("on the queue")
    }
}

/// Who counts events, and has no delay: a lost one is a deadlock.
struct Collector {
    task: Arc<Condvar>,
    heard: usize,
    missing: usize,
}

/// A queue of sleeping waiters.
pub(crate) struct WaitQueue {
    /// The waiters, behind the queue's lock.
    waiters: Mutex<Waiters>,
    /// What `waitqueue_active()` reads without the lock.
    active: AtomicBool,
}

impl WaitQueue {
    pub(crate) fn new() -> Self {
        Self {
            waiters: Mutex::new(Waiters {
                any: Vec::new(),
                collectors: Vec::new(),
            }),
            active: AtomicBool::new(false),
        }
    }

    pub(crate) fn is_active(&self) -> bool {
        self.active.load(Ordering::Relaxed)
    }

    /// Wakes one waiter and takes it off the queue. If there is none that is for anything, who counts
    /// events counts this one if it is news.
    pub(crate) fn wake_one(&self, news: bool) {
        let mut waiters = self.waiters.lock().unwrap();
        if let Some(waiter) = waiters.any.pop() {
            self.note(&waiters);
            waiter.notify_one();
            return;
        }
        for collector in waiters.collectors.iter_mut().filter(|_| news) {
            collector.heard += 1;
            if collector.heard == collector.missing {
                collector.task.notify_one();
            }
        }
    }

    fn note(&self, waiters: &Waiters) {
        self.active.store(!waiters.is_empty(), Ordering::Relaxed);
    }

    /// Sleeps until woken, unless `ready` says that there is no need.
    pub(crate) fn sleep_on(&self, ready: impl FnOnce() -> bool) {
        let this = Arc::new(Condvar::new());
        let mut waiters = self.waiters.lock().unwrap();
        waiters.any.push(this.clone());
        self.note(&waiters);
        // The barrier in set_current_state().
        fence(Ordering::SeqCst);
        drop(waiters);

        let ready = ready();
        let mut waiters = self.waiters.lock().unwrap();
        let queued = |waiters: &Waiters| waiters.any.iter().any(|other| Arc::ptr_eq(other, &this));
        while !ready && queued(&waiters) {
            waiters = this.wait(waiters).unwrap();
        }
        waiters.any.retain(|other| !Arc::ptr_eq(other, &this));
        self.note(&waiters);
    }

    /// Puts a collector on the queue.
    pub(crate) fn join(&self) -> Arc<Condvar> {
        let task = Arc::new(Condvar::new());
        let mut waiters = self.waiters.lock().unwrap();
        waiters.collectors.push(Collector {
            task: task.clone(),
            heard: 0,
            missing: usize::MAX,
        });
        self.note(&waiters);
        drop(waiters);
        fence(Ordering::SeqCst);
        task
    }

    /// At the beginning of a look.
    pub(crate) fn forget(&self, this: &Arc<Condvar>) {
        let mut waiters = self.waiters.lock().unwrap();
        let collector = waiters.collector(this);
        (collector.heard, collector.missing) = (0, usize::MAX);
    }

    /// Sleeps until so many have been heard of since the last look.
    pub(crate) fn collect(&self, this: &Arc<Condvar>, missing: usize) {
        let mut waiters = self.waiters.lock().unwrap();
        waiters.collector(this).missing = missing;
        while waiters.collector(this).heard < missing {
            waiters = this.wait(waiters).unwrap();
        }
    }

    pub(crate) fn leave(&self, this: &Arc<Condvar>) {
        let mut waiters = self.waiters.lock().unwrap();
        let others = |other: &Collector| !Arc::ptr_eq(&other.task, this);
        waiters.collectors.retain(others);
        self.note(&waiters);
    }
}
