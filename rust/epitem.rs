// SPDX-License-Identifier: GPL-2.0

//! The registration of one (open file description, fd number) with one instance.

use super::{
    add::Registration,
    atomic::{AtomicPtr, Ordering},
    eventpoll::Eventpoll,
    events::{AtomicEvents, Events},
    ffi,
    file::TargetKind,
    quota::WatchCharge,
    rdllist::Rdllink,
    ready_ring::ReadyRing,
    record::Record,
    ring::Position,
    traits::Traits,
    uapi::CtlFlags,
    wait_hook::WaitHooks,
    wake_policy::WakePolicy,
    wakeup::WakeupSource,
    watched_file::FileLink,
};
use core::{
    cell::Cell,
    mem::ManuallyDrop,
    ops::Deref,
    ptr::{self, NonNull},
};
use kernel::{bindings, error::to_result, prelude::*};

/// What a registration is looked up by: the file first, so that all registrations of one file are
/// neighbours in the tree.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) file: *mut bindings::file,
    pub(crate) fd: i32,
}

/// A registration.
///
/// It is owned by its instance's interest set and referred to from four other places, all of which
/// are cleared before the set lets go of it: the wait queues of the watched file, the ovflist, the
/// rdllist and the table of watched files.
///
/// Who guards what: `events`, `traits` and `record` are atomics that wakeups use from any context, as
/// are the nodes of the `hooks`; `link` is guarded by its bucket's lock in [`crate::watched_file`]; all that
/// is a cell, as well as `rbn`, `rdllink` and `hooks`, by the instance's mutex; the rest does not
/// change.
///
/// # Invariants
///
/// * `ep` points to the instance whose interest set owns this, which outlives it.
/// * `key.file` is a file whose `__fput()` has not got past the last-close hook: the hook waits
///   for the instance's mutex while the registration is in the table of watched files.
pub(crate) struct Epitem {
    pub(crate) ep: NonNull<Eventpoll>,
    pub(crate) key: Key,
    /// The mask of the last ADD or MOD; only the private bits of it after a one-shot delivery.
    pub(crate) events: AtomicEvents,
    pub(crate) data: Cell<u64>,
    /// Its last entry in the ready ring, if its instance has one; guarded by the lock of that.
    pub(crate) entry: Cell<Option<Position>>,
    pub(crate) rbn: Cell<bindings::rb_node>,
    pub(crate) rdllink: Rdllink,
    pub(crate) link: FileLink,
    pub(crate) hooks: WaitHooks,
    pub(crate) ws: WakeupSource,
    /// What is counted of it; null if nothing is.
    record: AtomicPtr<Record>,
    pub(crate) kind: TargetKind,
    /// What else of its set knows it, see [`crate::ties`].
    pub(crate) tied: Cell<CtlFlags>,
    traits: Traits,
    /// For an in-tree epoll as target: what its last poll, made with no lock held, answered.
    pub(crate) foreign: Cell<ForeignReady>,
}

impl Epitem {
    /// Whether a harvest has to do no more than to poll the file: it is no instance and no clock, there
    /// is no wakeup source, no policy but in-tree's, and no note of who is delivered its event.
    #[inline]
    pub(crate) fn is_simple(&self) -> bool {
        !self.traits.any(!(Traits::TIED | Traits::COUNTED))
    }

    /// Whether it is noted who is delivered its event.
    pub(crate) fn is_noted(&self) -> bool {
        self.traits.any(Traits::NOTED)
    }

    /// Whether who is delivered its event has it to itself.
    pub(crate) fn is_handed_over(&self) -> bool {
        self.tied.get().intersects(CtlFlags::HANDOVER)
    }

    /// Whether a mask and data are all there is to it.
    #[inline]
    pub(crate) fn is_ordinary(&self) -> bool {
        !self.traits.any(!Traits::COUNTED) && !self.is_exclusive()
    }

    /// Whether anything at all is special about it.
    #[inline]
    pub(crate) fn has_traits(&self) -> bool {
        self.traits.any(u8::MAX)
    }

    /// What is counted of it. By wakeups with the lock of the wait queue held, else with the instance's
    /// mutex: a record stays until both have been let go of.
    #[inline]
    pub(crate) fn record(&self) -> Option<&Record> {
        // SAFETY: A record that has been set is one of the instance. It goes when no hook is left, or
        // after a grace period, which waits for holders of spinlocks; both with the mutex held.
        unsafe { self.record.load(Ordering::Acquire).as_ref() }
    }

    /// With the instance's mutex held; by the record, or who takes it away.
    pub(crate) fn set_record(&self, record: Option<&Record>) {
        let record = record.map_or(ptr::null(), ptr::from_ref);
        let counted = if record.is_null() { 0 } else { Traits::COUNTED };
        self.traits.set(Traits::COUNTED, counted);
        // Release: who finds it finds it initialised.
        self.record.store(record.cast_mut(), Ordering::Release);
    }

    /// The ready ring that its events are posted to, if that is where they go.
    fn ring(&self) -> Option<&ReadyRing> {
        if !self.traits.any(Traits::RING) {
            return None;
        }
        // SAFETY: By the type's invariant.
        unsafe { self.ep.as_ref() }.ring()
    }

    /// Notes that its instance has a ring. With the instance's mutex held, before it is armed.
    pub(crate) fn set_has_ring(&self) {
        self.traits.set(Traits::RING, Traits::RING);
    }

    /// Gives it another mask, and other data. An event of before that is in a ring is not any more. With
    /// the instance's mutex held. To be followed by a full fence and a poll where a bit is set that was
    /// not.
    pub(crate) fn arm(&self, events: Events, data: u64) {
        match self.ring() {
            Some(ring) => ring.arm(self, events, data),
            None => {
                self.events.store(events);
                self.data.set(data);
            }
        }
    }

    /// Leaves it with a mask for nothing, and an event that is in a ring is not any more. Does not sleep.
    pub(crate) fn disarm(&self) {
        match self.ring() {
            Some(ring) => ring.disarm(self),
            None => self.events.store(self.events.load().disarmed()),
        }
    }

    /// It is about to leave the set, and its hooks are off: an event that is in a ring is not any more.
    pub(crate) fn leave_ring(&self) {
        if let Some(ring) = self.ring() {
            ring.disarm(self);
        }
    }

    /// Notes what else of its set knows it. With the instance's mutex held.
    pub(crate) fn set_tied(&self, flags: CtlFlags) {
        self.tied.set(flags);
        let mut traits = 0;
        if flags != CtlFlags::NONE {
            traits |= Traits::TIED;
        }
        if flags.intersects(CtlFlags::HANDOVER.with(CtlFlags::SYNC)) {
            traits |= Traits::NOTED;
        }
        self.traits.set(Traits::TIED | Traits::NOTED, traits);
    }

    /// Whether its events wake, of the threads that wait on its instance, the one that has waited
    /// longest.
    #[inline]
    pub(crate) fn wakes_longest(&self) -> bool {
        self.traits.any(Traits::FIFO | Traits::ROUND_ROBIN)
    }

    /// Whether its hooks move when a thread begins to wait.
    pub(crate) fn moves_when_idle(&self) -> bool {
        self.traits.any(Traits::FIFO) && self.is_exclusive()
    }

    /// Whether its hooks move when its event has been delivered.
    pub(crate) fn moves_when_delivered(&self) -> bool {
        self.traits.any(Traits::ROUND_ROBIN) && self.is_exclusive()
    }

    pub(crate) fn is_exclusive(&self) -> bool {
        self.events.load().intersects(Events::EXCLUSIVE)
    }

    /// With the instance's mutex held; by [`crate::interest::Interest::set_wake_policy`], which knows
    /// what else there is to do.
    pub(crate) fn set_wake_policy(&self, policy: Option<WakePolicy>) {
        self.traits
            .set(Traits::FIFO | Traits::ROUND_ROBIN, WakePolicy::bit(policy));
    }

    /// Gives it a wakeup source. With the instance's mutex held. May sleep. `ENOMEM`.
    pub(crate) fn create_wakeup_source(&self) -> Result {
        // SAFETY: The file of a registration is alive, that of one to be is the target of a system
        // call.
        unsafe { self.ws.create_for(self.key.file)? };
        self.traits.set(Traits::WAKEUP, Traits::WAKEUP);
        Ok(())
    }

    /// Takes its wakeup source away, if it has one. With the instance's mutex held. May sleep.
    #[inline]
    pub(crate) fn destroy_wakeup_source(&self) {
        if self.traits.any(Traits::WAKEUP) {
            self.ws.destroy();
            self.traits.set(Traits::WAKEUP, 0);
        }
    }
}

/// What is known of the readiness of an in-tree epoll instance; see [`crate::foreign`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum ForeignReady {
    /// Not polled since it was queued.
    Unknown,
    /// What the poll returned: an in-tree instance is readable, or it is nothing.
    Readable,
    Unready,
}

/// The slab cache of epitems, null outside of the module's life.
pub(crate) static CACHE: AtomicPtr<bindings::kmem_cache> = AtomicPtr::new(ptr::null_mut());

/// Keeps the slab cache in existence.
///
/// # Invariants
///
/// [`CACHE`] is valid as long as this lives.
pub(crate) struct EpitemCache(());

impl EpitemCache {
    /// Creates the cache. May sleep. `ENOMEM`.
    ///
    /// # Safety
    ///
    /// There is no other one; no [`EpitemBox`] is left when it is dropped.
    pub(crate) unsafe fn new() -> Result<Self> {
        // SAFETY: The name is a string of static lifetime.
        let cache = unsafe {
            ffi::repoll_kmem_cache_create(
                c"repoll_epitem".as_char_ptr(),
                size_of::<Epitem>() as u32,
                align_of::<Epitem>() as u32,
            )
        };
        if cache.is_null() {
            return Err(ENOMEM);
        }
        CACHE.store(cache, Ordering::Relaxed);
        Ok(Self(()))
    }
}

impl Drop for EpitemCache {
    fn drop(&mut self) {
        // SAFETY: By the promise to `new`, the cache is empty and nobody uses it any more.
        unsafe { bindings::kmem_cache_destroy(CACHE.load(Ordering::Relaxed)) };
    }
}

/// Sole ownership of an epitem, which stays where it is in memory.
///
/// # Invariants
///
/// The pointer is to an initialised object of [`CACHE`], of which this is the only owner.
pub(crate) struct EpitemBox(NonNull<Epitem>);

impl EpitemBox {
    /// A registration that is in no list or tree yet, charged to the caller's memory cgroup. Its mask
    /// is `events` for now.
    ///
    /// May sleep. `ENOMEM`, or `ENOSPC` when the user of `ep` has as many watches as allowed.
    #[inline(always)]
    pub(crate) fn new(ep: &Eventpoll, new: &Registration<'_>, events: Events) -> Result<Self> {
        let charge = WatchCharge::new(ep.user())?;
        // SAFETY: An `Eventpoll`, which makes epitems, exists only while the cache does.
        let item = unsafe {
            bindings::kmem_cache_alloc_noprof(CACHE.load(Ordering::Relaxed), bindings::GFP_KERNEL)
        };
        let item = NonNull::new(item.cast::<Epitem>()).ok_or(ENOMEM)?;
        // The charge is given back when the box is dropped.
        core::mem::forget(charge);
        // SAFETY: Just allocated and charged.
        Ok(unsafe { Self::in_memory(item, ep, new, events) })
    }

    /// A registration in memory that there is already.
    ///
    /// # Safety
    ///
    /// `item` is an object of [`CACHE`] that nobody uses, and a watch of the user of `ep` is counted
    /// for it.
    #[inline(always)]
    pub(crate) unsafe fn in_memory(
        item: NonNull<Epitem>,
        ep: &Eventpoll,
        new: &Registration<'_>,
        events: Events,
    ) -> Self {
        let policy = new.flags.wake_policy();
        if policy.is_some() {
            ep.policies.note(policy);
        }
        // SAFETY: By the caller's promise, of the type's size and alignment.
        unsafe {
            item.write(Epitem {
                ep: NonNull::from(ep),
                key: new.key,
                events: AtomicEvents::new(events),
                data: Cell::new(new.data),
                entry: Cell::new(None),
                rbn: Cell::new(pin_init::zeroed()),
                rdllink: Rdllink::new(),
                link: FileLink::new(),
                hooks: WaitHooks::new(),
                ws: WakeupSource::none(),
                record: AtomicPtr::new(ptr::null_mut()),
                kind: new.kind,
                tied: Cell::new(CtlFlags::NONE),
                traits: Traits::new(new.kind, policy),
                foreign: Cell::new(ForeignReady::Unknown),
            })
        };
        // INVARIANT: Initialised above.
        Self(item)
    }

    /// Ends the registration; its memory, which comes uninitialised, and its charge are the
    /// caller's.
    pub(crate) fn into_memory(self) -> NonNull<Epitem> {
        let item = self.into_raw();
        // SAFETY: The only owner gives it up: nobody refers to the object from here on.
        unsafe { core::ptr::drop_in_place(item.as_ptr()) };
        item
    }

    /// Gives up ownership to whoever calls [`Self::from_raw`].
    pub(crate) fn into_raw(self) -> NonNull<Epitem> {
        ManuallyDrop::new(self).0
    }

    /// Takes ownership.
    ///
    /// # Safety
    ///
    /// `item` comes from [`Self::into_raw`] and its ownership was not taken since.
    pub(crate) unsafe fn from_raw(item: NonNull<Epitem>) -> Self {
        // INVARIANT: By the caller's promise.
        Self(item)
    }
}

impl Deref for EpitemBox {
    type Target = Epitem;

    fn deref(&self) -> &Epitem {
        // SAFETY: By the type's invariant.
        unsafe { self.0.as_ref() }
    }
}

impl Drop for EpitemBox {
    fn drop(&mut self) {
        // SAFETY: The instance outlives its epitems.
        let user = unsafe { self.ep.as_ref() }.user();
        // SAFETY: The only owner gives it up: nobody refers to the object from here on.
        unsafe {
            ptr::drop_in_place(self.0.as_ptr());
            bindings::kmem_cache_free(CACHE.load(Ordering::Relaxed), self.0.as_ptr().cast());
        }
        WatchCharge::give_back(user);
    }
}

/// The result of a C function that returns 0 or a negative errno.
pub(crate) fn check(ret: kernel::ffi::c_int) -> Result {
    to_result(ret)
}
