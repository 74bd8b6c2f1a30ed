// SPDX-License-Identifier: GPL-2.0

//! An instance: what one `open()` of `/dev/repoll` gives.

use super::{
    busy_poll::BusyPoll,
    epitem::{Epitem, ForeignReady},
    events::Events,
    extras::Extras,
    ffi,
    file::{self, FileRef, JustAsk, Target, TargetKind},
    foreign,
    interest::Interest,
    nesting::Topology,
    quota::User,
    ready::{self, Ovflist},
    ready_ring::ReadyRing,
    stats::WaitCounts,
    wait_hook,
    wait_queue::WaitQueue,
    wake_policy::PoliciesSeen,
};
use core::{
    ptr,
    sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, Ordering},
};
use kernel::{
    bindings, container_of, new_mutex,
    prelude::*,
    static_lock_class,
    sync::{lock::mutex::MutexBackend, lock::Guard, Arc, Mutex},
    types::Opaque,
};

/// The interest set of a locked instance.
pub(crate) type InterestGuard<'a> = Guard<'a, Interest, MutexBackend>;

/// An instance. The banner of `repoll_main.rs` says which lock guards what.
///
/// # Invariants
///
/// * It lives in an [`Arc`], one reference of which belongs to its file.
/// * `ring` is null, or comes from [`KBox::into_raw`] and is owned; once set it stays.
#[pin_data(PinnedDrop)]
pub(crate) struct Eventpoll {
    #[pin]
    pub(crate) interest: Mutex<Interest>,
    pub(crate) ovflist: Ovflist,
    /// Waiters, at most one of which is woken by one event.
    #[pin]
    pub(crate) wq: WaitQueue,
    /// Those who poll the instance or watch it from another one.
    #[pin]
    pub(crate) poll_wait: WaitQueue,
    /// Wakes `poll_wait` where that cannot be done at once.
    #[pin]
    deferred_wake: Opaque<bindings::irq_work>,
    deferred_events: AtomicU32,
    pub(crate) extras: Extras,
    pub(crate) busy_poll: BusyPoll,
    pub(crate) policies: PoliciesSeen,
    pub(crate) waits: WaitCounts,
    user: User,
    pub(crate) topology: Topology,
    /// See [`Self::ring`].
    pub(crate) ring: AtomicPtr<ReadyRing>,
    /// See [`Self::see_fd_closes`]. Once set it stays, until the instance is released.
    pub(crate) sees_fd_closes: AtomicBool,
}

// SAFETY: `deferred_wake` may be queued by any thread; all else is `Send`.
unsafe impl Send for Eventpoll {}
// SAFETY: As above; shared fields are atomics or behind locks.
unsafe impl Sync for Eventpoll {}

impl Eventpoll {
    /// An instance that watches nothing, its watches counted for the current user. May sleep.
    pub(crate) fn new() -> Result<Arc<Self>> {
        let user = User::current()?;
        Arc::pin_init(
            pin_init!(Self {
                interest <- new_mutex!(Interest::new(), "Eventpoll::interest"),
                ovflist: Ovflist::new(),
                wq <- WaitQueue::new(c"Eventpoll::wq", static_lock_class!()),
                poll_wait <- WaitQueue::new(c"Eventpoll::poll_wait", static_lock_class!()),
                deferred_wake <- Opaque::ffi_init(|work| {
                    // SAFETY: Valid for writes, and pinned until `drop` has waited for it.
                    unsafe { ffi::repoll_init_irq_work(work, wake_deferred) }
                }),
                deferred_events: AtomicU32::new(0),
                extras: Extras::none(),
                busy_poll: BusyPoll::new(),
                policies: PoliciesSeen::new(),
                waits: WaitCounts::new(),
                user,
                topology: Topology::new(),
                ring: AtomicPtr::new(ptr::null_mut()),
                sees_fd_closes: AtomicBool::new(false),
            }),
            GFP_KERNEL_ACCOUNT,
        )
    }

    pub(crate) fn user(&self) -> &User {
        &self.user
    }

    /// Locks the interest set while the sets of `depth` instances above are locked.
    pub(crate) fn lock_nested(&self, depth: u32) -> InterestGuard<'_> {
        #[cfg(CONFIG_DEBUG_LOCK_ALLOC)]
        {
            let lock = core::ptr::from_ref(&self.interest).cast_mut().cast();
            // SAFETY: A `Lock` is `repr(C)` and begins with its `struct mutex`, which is
            // initialised. The guard is made for the lock just taken.
            unsafe {
                ffi::repoll_mutex_lock_nested(lock, depth);
                Guard::new(&self.interest, ())
            }
        }
        #[cfg(not(CONFIG_DEBUG_LOCK_ALLOC))]
        {
            let _ = depth;
            self.interest.lock()
        }
    }

    /// Whether there may be in-tree instances below this one.
    pub(crate) fn has_foreign(&self) -> bool {
        self.extras.any(Extras::FOREIGN)
    }

    /// Notes that there are, from now on; tells whether that is news.
    pub(crate) fn set_has_foreign(&self) -> bool {
        self.extras.begin(Extras::FOREIGN)
    }

    /// A wakeup of `item`, whose mask is `events`, for `key`: queue it by `node`, and wake who
    /// waits. Any context.
    ///
    /// `exclusive` says the same as the bit in `events`: where it is a constant, the bit need not be
    /// looked at.
    ///
    /// Returns what a wakeup callback returns: 1 if somebody was woken for the purpose of exclusive
    /// wakeups; of a registration that is not exclusive that is always so.
    ///
    /// # Safety
    ///
    /// `node` is that of the hook of `item`, a registration with this instance, whose wait queue is
    /// locked by the caller.
    #[inline]
    pub(crate) unsafe fn notify(
        &self,
        item: &Epitem,
        node: &ready::Node,
        events: Events,
        exclusive: bool,
        key: Events,
        sync: i32,
    ) -> i32 {
        if !events.is_woken_by(key) {
            return i32::from(!exclusive);
        }
        // SAFETY: The wait queue's lock makes calls follow each other. The node is pushed to the
        // instance of its epitem only, and a removal drains the list after it has taken the hooks
        // off.
        let queued = unsafe { self.ovflist.push(node) };
        if !self.wq.is_active() && !self.poll_wait.is_active() {
            return i32::from(!exclusive);
        }
        self.wake(item, events, key, sync, queued)
    }

    /// Wakes a waiter and those who poll this instance. Returns as [`Self::notify`].
    ///
    /// Those who poll this instance are woken from within the wakeup, also when it comes from
    /// another instance of ours: there are no loops of these, and no long chains. An event of an
    /// in-tree instance reaches them through an `irq_work`, and only when it queued `item`: passed
    /// on at once it could go around in a circle through both implementations, deadlock on a wait
    /// queue's lock or use up the stack, and passed on always it would go around for ever.
    #[inline(never)] // Lest a wakeup that finds nobody save registers for those that do.
    pub(crate) fn wake(
        &self,
        item: &Epitem,
        events: Events,
        key: Events,
        sync: i32,
        queued: bool,
    ) -> i32 {
        let waiters = self.wq.is_active();
        if waiters {
            self.wq.wake_one(item.wakes_longest(), sync, queued);
        }
        if self.poll_wait.is_active() {
            self.notify_pollers(item, key & Events::URING_WAKE, queued);
        }
        let taken =
            waiters && !key.intersects(Events::POLLFREE) && events.consumes_exclusively(key);
        i32::from(taken || !events.intersects(Events::EXCLUSIVE))
    }

    #[cold]
    fn notify_pollers(&self, item: &Epitem, key: Events, queued: bool) {
        match item.kind {
            TargetKind::Plain | TargetKind::Clock => {
                self.poll_wait.wake_poll(Events::IN | key, 0);
            }
            TargetKind::Nested => {
                // SAFETY: Registered. Whoever ends that waits for the lock of the file's wait queue,
                // which the caller holds.
                let nested = unsafe { file::eventpoll_of(item.key.file) };
                let nests = nested.map_or(0, |nested| nested.poll_wait.nests());
                self.poll_wait
                    .wake_poll(Events::IN | key, nests.saturating_add(1));
            }
            TargetKind::Foreign if queued => {
                self.deferred_events.fetch_or(key.bits(), Ordering::Relaxed);
                // SAFETY: Initialised, and waited for before the instance goes.
                unsafe { bindings::irq_work_queue(self.deferred_wake.get()) };
            }
            TargetKind::Foreign => {}
        }
    }

    /// Moves what wakeups have queued to the ready list.
    #[inline]
    pub(crate) fn drain(&self, interest: &Interest) {
        let mut arrivals = interest.rdllist.arrivals();
        // SAFETY: `interest` shows that the mutex is held; nodes are those of epitems of this set,
        // which a removal takes off the list first.
        unsafe {
            self.ovflist.drain(|node| {
                let item = wait_hook::item_of(node).as_ref();
                if item.kind == TargetKind::Foreign {
                    item.foreign.set(ForeignReady::Unknown);
                }
                arrivals.prepend(item);
            })
        };
        arrivals.append();
    }

    /// To be called before the mutex is released if the ready list may have changed.
    #[inline]
    pub(crate) fn settle(&self, interest: &Interest) {
        let busy = !interest.rdllist.is_empty();
        self.ovflist.settle(busy);
        if !busy && interest.notifier.is_some() {
            self.arm_notifier(interest);
        }
    }

    /// Ends a scan: what it left on the ready list is for the next waiter.
    #[inline(always)] // A part of each harvest.
    pub(crate) fn finish_scan(&self, interest: &Interest) {
        self.settle(interest);
        interest.ws.relax();
        if let Some(next) = interest.rdllist.front() {
            self.wake_waiter(next);
        }
    }

    /// Wakes a waiter, if there is one, for `item`.
    fn wake_waiter(&self, item: &Epitem) {
        if self.wq.is_active() {
            self.wake_next(item.wakes_longest());
        }
    }

    /// Wakes a waiter for what is on the ready list: one event at least, and with timers any number.
    fn wake_next(&self, longest: bool) {
        if self.extras.any(Extras::TIMERS) {
            self.wq.wake_to_look(longest);
        } else {
            self.wq.wake_one(longest, 0, true);
        }
    }

    /// Wakes a waiter, if there is one, in place of another, which does not say what for.
    pub(crate) fn wake_other_waiter(&self) {
        if self.wq.is_active() {
            self.wake_next(self.policies.any());
        }
    }

    /// Puts `item` on the ready list because ADD or MOD found it ready, and wakes who waits.
    pub(crate) fn post(&self, interest: &Interest, item: &Epitem) {
        if self.extras.any(Extras::RING) {
            return self.post_to_ring(interest, item);
        }
        self.post_to_list(interest, item);
    }

    /// [`Self::post`] where it is known that there is no ring.
    pub(crate) fn post_to_list(&self, interest: &Interest, item: &Epitem) {
        // What wakeups have queued came before.
        self.drain(interest);
        let listed = interest.rdllist.push_back(item);
        self.settle(interest);
        if !listed {
            return;
        }
        item.ws.stay_awake();
        self.wake_waiter(item);
        if self.poll_wait.is_active() {
            self.poll_wait.wake_poll(Events::IN, 0);
        }
    }

    /// What `item` is ready for, by its mask. `depth`: how many instances are locked. May sleep.
    #[inline(always)] // MOD does little else.
    pub(crate) fn poll_item(&self, interest: &Interest, item: &Epitem, depth: u32) -> Events {
        let events = item.events.load();
        match item.kind {
            // SAFETY: Registered with this set, whose mutex the caller holds.
            TargetKind::Plain => unsafe { JustAsk::new().poll_registered(item.key.file, events) },
            TargetKind::Nested => {
                // SAFETY: As above.
                let Some(file) = (unsafe { FileRef::get(item.key.file) }) else {
                    return Events::NONE;
                };
                match file.target().eventpoll() {
                    Some(nested) => nested.poll_nested(depth) & events,
                    None => Events::NONE,
                }
            }
            TargetKind::Foreign => match item.foreign.get() {
                ForeignReady::Unready => Events::NONE,
                ForeignReady::Readable | ForeignReady::Unknown => {
                    events & (Events::IN | Events::RDNORM)
                }
            },
            TargetKind::Clock => match interest.clock_of(item) {
                Some(clock) if clock.look(1) > 0 => events & Events::IN,
                _ => Events::NONE,
            },
        }
    }

    /// `poll()` on the instance's file. May sleep.
    pub(crate) fn poll(&self, file: Target<'_>) -> Events {
        // Whoever is watched in-tree may be polled under an in-tree mutex.
        if self.has_foreign() && !file.is_watched_in_tree() {
            foreign::refresh(self, 0);
        }
        self.poll_nested(0)
    }

    /// Whether a wait would find something, as `EPOLLIN | EPOLLRDNORM`. `depth`: how many
    /// instances are locked, at most [`crate::nesting::MAX_NESTS`] since deeper ones cannot be built. May
    /// sleep.
    pub(crate) fn poll_nested(&self, depth: u32) -> Events {
        let interest = self.lock_nested(depth);
        if let Some(ring) = self.ring() {
            return self.poll_ring(&interest, ring, depth);
        }
        self.drain(&interest);
        let mut any = Events::NONE;
        while let Some(item) = interest.rdllist.front() {
            let ready = self.poll_item(&interest, item, depth.saturating_add(1));
            if !ready.is_empty() {
                any = Events::IN | Events::RDNORM;
                break;
            }
            item.ws.relax();
            interest.rdllist.remove(item);
            self.note_unready(item);
        }
        self.finish_scan(&interest);
        any
    }
}

#[pinned_drop]
impl PinnedDrop for Eventpoll {
    fn drop(self: Pin<&mut Self>) {
        // The hooks, which queue the work, are gone.
        // SAFETY: Initialised; in process context.
        unsafe { bindings::irq_work_sync(self.deferred_wake.get()) };
        if let Some(ring) = self.ring() {
            ring.uncharge(&self.user);
            // SAFETY: By the type's invariant; nobody uses the instance any more.
            drop(unsafe { KBox::from_raw(self.ring.load(Ordering::Relaxed)) });
        }
    }
}

/// Runs with interrupts off, or in a thread on PREEMPT_RT.
///
/// # Safety
///
/// `work` is the `deferred_wake` of an instance.
unsafe extern "C" fn wake_deferred(work: *mut bindings::irq_work) {
    // SAFETY: By the caller's promise; the instance waits for its work before it goes.
    let ep = unsafe { &*container_of!(Opaque::cast_from(work), Eventpoll, deferred_wake) };
    let key = ep.deferred_events.swap(0, Ordering::Relaxed);
    ep.poll_wait
        .wake_poll(Events::IN | Events::from_bits(key), 0);
}
