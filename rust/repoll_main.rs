// SPDX-License-Identifier: GPL-2.0

//! repoll: an alternate eventpoll.
//!
//! # Overview
//!
//! Each `open()` of `/dev/repoll` is an instance, an [`Eventpoll`](eventpoll::Eventpoll). Each
//! `EPOLL_CTL_ADD` makes an [`Epitem`](epitem::Epitem), owned by the instance's
//! [`Interest`](interest::Interest) set, a red-black tree by (file, fd), and hooks it to the wait
//! queues of the file ([`wait_hook`]). A wakeup there queues the epitem on the instance's ovflist
//! ([`ready`]) and wakes a waiter ([`wait`]), which moves the ovflist to the rdllist ([`rdllist`]),
//! asks each file on it what it is ready for, and copies the answers out ([`deliver`]). With a ready
//! ring ([`ready_ring`]) the answers go to memory that is shared with the program, and so do wakeups.
//!
//! An instance may have timers ([`timers`]). They are in trees of their own; for those of a clock that
//! are due, one epitem that is in no tree stands on the ready lists ([`clock`]).
//!
//! Three lifetimes meet. An instance lives in an `Arc`, of which its file has one reference; an
//! epitem lives in its set and knows its instance; the watched file knows nothing of either, has no
//! reference taken on it, and is found through a table ([`watched_file`]) by a hook on its last
//! close.
//!
//! # Lock order, outer to inner
//!
//! ```text
//! nesting::NESTING            mutex, global   ADDs that make or extend a nesting
//!   Eventpoll::interest       mutex           all else on an instance; outer instance first
//!     nesting::LINKS          mutex, global   the edges between instances
//!       Bucket::lock          raw spinlock    the registrations of files of one hash
//!       Bucket::lock          raw spinlock    the bindings of one hash; of `binding`
//!       Bucket::lock          raw spinlock    the holders of one hash; of `holder`
//!     a table's file_lock     spinlock        an ADD with a binding
//!     Returns::queue          spinlock, irq   deletions that wait for threads at work
//!     a file's wait queue     spinlock, irq   our callback runs under it
//!       Eventpoll::wq         spinlock, irq   waiters
//!       Eventpoll::poll_wait  spinlock, irq   who polls or watches the instance
//!       ReadyRing::lock       raw spinlock, irq   what is posted; innermost, also of a Bucket::lock
//! ```
//!
//! The function of a clock's hrtimer takes the last two with none held. It does not take the mutex, so
//! that it can be waited for under it.
//!
//! A watched file may be an instance itself. Its `poll_wait` is then the file's wait queue, and a
//! callback under it takes that of the instance above: inner instance first, and no more than
//! [`nesting::MAX_NESTS`] times. A callback under the wait queue of an in-tree instance takes none:
//! that wakeup is left to an `irq_work`. Nor is an instance's mutex held while an in-tree epoll is
//! polled ([`foreign`]).
//!
//! # Field protection
//!
//! ```text
//! Eventpoll  interest          itself
//!            ovflist           lock-free, see `ready`; drained and settled under interest
//!            wq, poll_wait     their own locks
//!            deferred_*        atomic
//!            busy_poll, policies, waits   atomics
//!            extras            atomic; STATS, NOTIFIER written under interest, FOREIGN, TIMERS, RING only
//!                              ever set, the latter two under interest, HANDOVER and SYNC until the
//!                              release
//!            ring              only ever set, under interest
//!            topology.edges    LINKS
//!            topology.nested   atomic, only ever set
//!            user              immutable
//!            sees_fd_closes    atomic, only ever set
//! Interest   root, rdllist, fifo, idle, tokens, bindings, holds, holders, deliveries, notifier,
//!            timers, stats         interest
//!            ws                written under interest, read under it
//! Epitem     events            written under interest; read by callbacks, ordering 2 of `ready`;
//!                              of a bound one written under its Bucket::lock, by the close too
//!            data, rbn, rdllink, tied, foreign   interest
//!            traits            written under interest; read by callbacks
//!            link              the bucket's lock
//!            hooks             interest; Hook::whead is also cleared by POLLFREE, Hook::ready is
//!                              lock-free, pushed under the file's wait queue, see `ready`
//!            ws                written under interest; read by callbacks under RCU
//!            record            written under interest; read by callbacks, as if under RCU
//!            ep, key, kind     immutable
//!            entry             ReadyRing::lock; with a ring events and data are written under it too, and
//!                              read by callbacks under it
//! ReadyRing  tail, posts       its lock; the tail is read by anybody
//!            more              atomic
//!            the shared memory atomic, and not trusted
//! Timers, Timer                interest
//! Clock      hrtimer           its own base's lock; started and cancelled under interest
//!            item              as of any Epitem; its node is pushed by the hrtimer's function
//!            queue, armed      interest
//!            ep, id            immutable
//! Hold       all               interest
//! Holder     first, last, since, place   interest
//!            next, linked      its Bucket::lock
//! Deliveries, Generation       interest
//! Returns    queue             its own lock
//!            count, waiters    atomic, written under interest
//! Notifier   wait              Eventpoll::wq
//!            eventfd, fasync   interest, and changed only while its work is neither queued nor running
//! Collector  heard, missing, begun   Eventpoll::wq
//!            over              atomic
//! Record     wakes, merged, filtered, woken_at   atomic, written by callbacks
//!            waker             by callbacks and read by anybody, see `helpers/waker.c`
//!            ns, slot          immutable
//!            all else          interest
//! ```
//!
//! A reference to an [`Interest`](interest::Interest) shows that its mutex is held: the guard gives
//! no other. References to its epitems borrow from it, and only an exclusive one removes.
//!
//! # Ready states of an epitem
//!
//! ```text
//!               wakeup                     drain
//!    idle -----------------> ovflist ------------------> rdllist
//!     ^                     (any context)   (mutex)       |  ^
//!     |                                                   |  |  level: still ready?
//!     +---------------------------------------------------+--+
//!        not ready, edge or one-shot delivered   harvest
//! ```
//!
//! A wakeup may come at any time: an epitem can be on both lists. ADD and MOD, which have the
//! mutex, put what they find ready on the rdllist directly, and so does a wait with what the thread
//! holds ([`handover`]). A wait with a zero timeout finds
//! nothing only if both lists are empty and nobody is harvesting.
//!
//! # Removal
//!
//! An epitem is removed by `EPOLL_CTL_DEL` or a failed ADD, by the close of its instance, by the
//! last close of its file, or by that of the number it is bound to ([`binding`]); always under its
//! instance's mutex, by `Eventpoll::remove()`, in this order:
//!
//! 1. Hooks off. From here on no callback runs for it. (POLLFREE may have taken one off before; the
//!    handshake is at `repoll_remove_wait_queue()` in `helpers/wait.c`.)
//! 2. Off the ovflist, by draining it: nobody queues it any more.
//! 3. Its edge removed, if it is a nested instance.
//! 4. Out of the table of watched files. From here on its file may be freed: a last close waits for
//!    the mutex as long as it finds the epitem in the table, and does not find it afterwards. Hence
//!    the place of step 1, and hence a registered file's memory may be touched under the mutex.
//! 5. Out of the tree, the rdllist and what its flags have entered it in, and freed. There are no
//!    other readers, so there is no grace period to wait for.
//!
//! An instance goes when its file has been released and the last closer that found one of its
//! epitems in the table has let go of it. The module goes when no file has it open, the last-close
//! hook is unregistered and no call is on its way through that hook (`helpers/ftrace.c`).

#![deny(unsafe_op_in_unsafe_fn)]

use kernel::prelude::*;

mod add;
mod all_or_nothing;
mod atomic;
mod batch;
mod binding;
mod busy_poll;
mod clock;
mod collector;
mod compat;
mod ctl;
mod ctl_flags;
mod deliver;
mod deliveries;
mod device;
mod epitem;
mod eventpoll;
mod events;
mod extras;
mod fd_lifetime;
mod ffi;
mod file;
mod foreign;
mod generation;
mod handover;
mod holder;
mod interest;
mod nesting;
mod notifier;
mod ops;
mod quota;
mod raw_lock;
mod rdllist;
mod ready;
mod ready_ring;
mod record;
mod records;
mod returns;
mod ring;
mod ring_enter;
mod stats;
mod stats_request;
mod stock;
mod sync_delete;
mod sync_request;
mod ticks;
mod ties;
mod timeout;
mod timer;
mod timer_request;
mod timers;
mod trace;
mod traits;
mod uapi;
mod user_events;
mod wait;
mod wait_hook;
mod wait_many;
mod wait_queue;
mod wake_policy;
mod wakeup;
mod watched_file;

module! {
    type: RepollModule,
    name: "repoll",
    authors: ["The repoll developers"],
    description: "An alternate eventpoll",
    license: "GPL",
}

/// The module. Its parts go in the order of the fields: first nobody can open the device any more,
/// then the last-close hook goes, then what it looks at.
#[pin_data]
struct RepollModule {
    #[pin]
    _device: device::Device,
    _fd_hook: binding::FdHook,
    _exit_hook: holder::ExitHook,
    _hook: CloseHook,
    _quota: quota::QuotaSysctl,
    _files: watched_file::WatchedFiles,
    _cache: epitem::EpitemCache,
}

/// Unregisters the last-close hook, which instances register, when the module goes.
struct CloseHook(());

impl CloseHook {
    /// Finds out whether this kernel lets us see last closes. May sleep.
    fn new() -> Result<Self> {
        // SAFETY: In process context.
        epitem::check(unsafe { ffi::repoll_close_hook_get() }).inspect_err(|error| {
            pr_err!("cannot trace locks_remove_file(), by which last closes are seen: {error:?}\n");
            if *error == EBUSY {
                pr_err!("kernel.ftrace_enabled is 0, or a live patch owns the function\n");
            }
        })?;
        // SAFETY: Undoes the get above.
        unsafe { ffi::repoll_close_hook_put() };
        Ok(Self(()))
    }
}

impl Drop for CloseHook {
    fn drop(&mut self) {
        // SAFETY: No instance is left: each holds the module.
        unsafe { ffi::repoll_close_hook_exit() };
    }
}

impl kernel::InPlaceModule for RepollModule {
    fn init(_module: &'static ThisModule) -> impl PinInit<Self, Error> {
        // SAFETY: Called once, before there are instances.
        unsafe {
            nesting::NESTING.init();
            nesting::LINKS.init();
            ticks::init();
        }
        try_pin_init!(Self {
            // SAFETY: The only one; dropped after everything that uses it.
            _cache: unsafe { epitem::EpitemCache::new()? },
            // SAFETY: As above.
            _files: unsafe { watched_file::WatchedFiles::new(quota::default_max_watches())? },
            _quota: quota::QuotaSysctl::new()?,
            _hook: CloseHook::new()?,
            // SAFETY: The only one; after the device nobody opens an instance.
            _fd_hook: unsafe { binding::FdHook::new() },
            // SAFETY: As above.
            _exit_hook: unsafe { holder::ExitHook::new() },
            _device <- device::Device::register(),
        })
    }
}
