// SPDX-License-Identifier: GPL-2.0

//! The hooks of a registration on the wait queues of its file, and what happens when they fire.
//!
//! Nearly every file has one wait queue, so the first hook is part of the epitem; further ones are
//! allocated. A hook is added by the `poll()` of `EPOLL_CTL_ADD` and taken off by [`WaitHooks::unhook`]
//! or, when the wait queue goes away before the file does, by its POLLFREE wakeup.

use super::{
    epitem::Epitem,
    eventpoll::Eventpoll,
    events::Events,
    extras::Extras,
    ffi,
    file::{Target, TargetKind},
    ready, trace,
};
use core::{
    cell::Cell,
    ptr,
    ptr::NonNull,
    sync::atomic::{AtomicPtr, Ordering},
};
use kernel::{bindings, container_of, prelude::*, types::Opaque};

/// One hook.
///
/// Guarded by the instance's mutex, but for what the holder of the wait queue's lock uses: `ready` as
/// its one producer, and `whead`, which POLLFREE clears.
///
/// # Invariants
///
/// * While `whead` is not null, `wait` is on that queue.
/// * `wait.private` points to the epitem from [`Self::add`] on.
#[repr(C)]
struct Hook {
    /// First, so that a pointer to it is one to the hook.
    ready: ready::Node,
    wait: Opaque<bindings::wait_queue_entry>,
    whead: AtomicPtr<bindings::wait_queue_head>,
    /// The next hook of the epitem; owned.
    next: Cell<Option<KBox<Hook>>>,
}

impl Hook {
    fn new() -> Self {
        Self {
            ready: ready::Node::new(),
            wait: Opaque::uninit(),
            whead: AtomicPtr::new(ptr::null_mut()),
            next: Cell::new(None),
        }
    }

    /// Puts the hook on `whead` for `item`.
    ///
    /// # Safety
    ///
    /// The hook is new; it and `item` stay where they are until [`Self::remove`]; `whead` is a wait
    /// queue that lives until then or ends with POLLFREE.
    unsafe fn add(&self, whead: *mut bindings::wait_queue_head, item: &Epitem) {
        let wait = self.wait.get();
        // SAFETY: `wait` is ours alone up to its being added.
        unsafe {
            wait.write(bindings::wait_queue_entry {
                flags: 0,
                private: ptr::from_ref(item).cast_mut().cast(),
                func: Some(wake_callback),
                entry: pin_init::zeroed(),
            })
        };
        // INVARIANT: Added right below; nobody else looks at `whead` before that.
        self.whead.store(whead, Ordering::Relaxed);
        // SAFETY: Initialised, and by the caller's promise valid until removed.
        unsafe {
            if item.events.load().intersects(Events::EXCLUSIVE) {
                bindings::add_wait_queue_exclusive(whead, wait);
            } else {
                bindings::add_wait_queue(whead, wait);
            }
        }
    }

    /// Takes the hook off its queue. When this returns, the callback does not run for it and never
    /// will: both are ordered by the queue's lock. Does not sleep.
    ///
    /// Tells whether the hook is on the ovflist.
    fn remove(&self) -> bool {
        // SAFETY: By the type's invariant, and `AtomicPtr` is a pointer in memory.
        unsafe { ffi::repoll_remove_wait_queue(self.whead.as_ptr(), self.wait.get()) };
        self.whead.store(ptr::null_mut(), Ordering::Relaxed);
        self.ready.is_queued()
    }

    /// Takes the hook off its queue, which goes away (POLLFREE). Nothing of it, or of its epitem, may be
    /// touched any more.
    ///
    /// # Safety
    ///
    /// On its queue, whose lock is held.
    unsafe fn unhook_within(&self) {
        // SAFETY: By the caller's promise. Until the store below, whoever removes the epitem waits for
        // that lock; after it, nothing keeps the epitem.
        unsafe { ffi::repoll_unhook_within(self.wait.get()) };
        self.whead.store(ptr::null_mut(), Ordering::Release);
    }

    /// Moves the hook, which is exclusive, behind all others on its queue, unless POLLFREE has taken
    /// it off. With the instance's mutex held, and not from a wakeup. Does not sleep.
    fn move_to_tail(&self) {
        // SAFETY: As in `remove`.
        unsafe { ffi::repoll_move_to_tail(self.whead.as_ptr(), self.wait.get()) };
    }
}

/// The epitem of a node.
///
/// # Safety
///
/// The node was pushed by a wakeup, and has not been freed.
#[inline]
pub(crate) unsafe fn item_of(node: NonNull<ready::Node>) -> NonNull<Epitem> {
    // The first field of a `repr(C)` type, and no node lives anywhere else.
    let hook = node.cast::<Hook>();
    // SAFETY: By the type's invariant; a wakeup implies that the hook was added.
    unsafe { NonNull::new_unchecked((*hook.as_ref().wait.get()).private.cast()) }
}

/// All hooks of an epitem. They are freed with it.
pub(crate) struct WaitHooks {
    /// Not on a queue if the file has none.
    first: Hook,
}

impl WaitHooks {
    pub(crate) fn new() -> Self {
        Self { first: Hook::new() }
    }

    /// Prepares the epitem to be queued on the ovflist by somebody who is on no wait queue.
    ///
    /// # Safety
    ///
    /// The hooks are new, and those of `item`, which stays where it is.
    pub(crate) unsafe fn hook_to_none(&self, item: &Epitem) {
        let wait = self.first.wait.get();
        // SAFETY: Nobody else uses it. INVARIANT: As for [`Hook::add`], on no queue.
        unsafe {
            wait.write(bindings::wait_queue_entry {
                private: ptr::from_ref(item).cast_mut().cast(),
                ..pin_init::zeroed()
            })
        };
    }

    /// The node to be queued by who called [`Self::hook_to_none`].
    pub(crate) fn node(&self) -> &ready::Node {
        &self.first.ready
    }

    /// Takes all hooks off their queues. When this returns, no wakeup is, or ever will be, at work
    /// on the epitem. Must come before anything else of a removal.
    ///
    /// Tells whether the ovflist refers to the epitem: it has to be drained then before the epitem
    /// goes. With the instance's mutex held, or before anybody knows the epitem. Does not sleep.
    pub(crate) fn unhook(&self) -> bool {
        let mut queued = self.first.remove();
        self.for_the_others(|hook| queued |= hook.remove());
        queued
    }

    /// Moves the hooks of an exclusive registration to the tails of their queues: the others there
    /// are woken before it. With the instance's mutex held. Does not sleep.
    pub(crate) fn move_to_tails(&self) {
        self.first.move_to_tail();
        self.for_the_others(Hook::move_to_tail);
    }

    /// Does something to all hooks but the first. With the instance's mutex held, or before anybody
    /// knows the epitem.
    #[inline]
    fn for_the_others(&self, mut each: impl FnMut(&Hook)) {
        let (mut next, mut done) = (self.first.next.take(), None);
        while let Some(hook) = next {
            each(&hook);
            next = hook.next.replace(done);
            done = Some(hook);
        }
        self.first.next.set(done);
    }
}

impl Drop for WaitHooks {
    fn drop(&mut self) {
        // Not one within the other, as the compiler would.
        let mut next = self.first.next.take();
        while let Some(hook) = next {
            next = hook.next.take();
        }
    }
}

/// A poll table that hooks an epitem to every wait queue that the polled file names.
#[repr(C)]
struct HookTable {
    pt: bindings::poll_table_struct,
    item: *const Epitem,
    /// The first hook is in use: further ones are to be allocated.
    hooked: bool,
    failed: bool,
}

/// Polls the file of a new registration for `events` and hooks it to the file's wait queues. May
/// sleep.
///
/// Returns those of `events` that are there already; `ENOMEM` when a hook could not be allocated, in which
/// case the caller takes the others off with [`WaitHooks::unhook`].
///
/// # Safety
///
/// `item` stays where it is until its hooks are off. `target` is its file.
pub(crate) unsafe fn poll_and_hook(
    item: &Epitem,
    target: Target<'_>,
    events: Events,
    depth: u32,
) -> Result<Events> {
    let mut table = HookTable {
        pt: bindings::poll_table_struct {
            _qproc: Some(queue_proc),
            _key: events.bits(),
        },
        item,
        hooked: false,
        failed: false,
    };
    let table = &raw mut table;
    let ready = match (item.kind, target.eventpoll()) {
        (TargetKind::Nested, Some(nested)) => {
            // SAFETY: `pt` is the first field of a valid table; `poll_wait` is initialised, and the
            // instance outlives its file's last reference.
            unsafe {
                bindings::poll_wait(target.as_ptr(), nested.poll_wait.as_ptr(), table.cast())
            };
            nested.poll_nested(depth)
        }
        // SAFETY: `table` outlives the call.
        _ => target.poll_with(unsafe { &mut (*table).pt }),
    };
    // SAFETY: Valid; the borrow above has ended.
    if unsafe { (*table).failed } {
        return Err(ENOMEM);
    }
    Ok(ready & events)
}

/// Called by `poll_wait()` within [`poll_and_hook`].
///
/// # Safety
///
/// `pt` is the table of a [`HookTable`]; `whead` is a wait queue of the file that is being polled.
unsafe extern "C" fn queue_proc(
    _file: *mut bindings::file,
    whead: *mut bindings::wait_queue_head,
    pt: *mut bindings::poll_table_struct,
) {
    // SAFETY: The first field of the `repr(C)` table, which `poll_and_hook` has on its stack.
    let table = unsafe { &mut *pt.cast::<HookTable>() };
    if table.failed {
        return;
    }
    // SAFETY: By the contract of `poll_and_hook`.
    let item = unsafe { &*table.item };
    let hooks = &item.hooks;
    if !core::mem::replace(&mut table.hooked, true) {
        // SAFETY: New, within the epitem, which stays; the file's queue lives as long as the file
        // or ends with POLLFREE.
        unsafe { hooks.first.add(whead, item) };
        return;
    }
    let Ok(hook) = KBox::new(Hook::new(), GFP_KERNEL_ACCOUNT) else {
        table.failed = true;
        return;
    };
    // SAFETY: New; its allocation stays where it is while the chain owns it.
    unsafe { hook.add(whead, item) };
    hook.next.set(hooks.first.next.take());
    hooks.first.next.set(Some(hook));
}

/// The wakeup callback: the watched file has news. Any context, with the wait queue's lock held.
///
/// Returns 1 when it has, for the purpose of exclusive wakeups, woken somebody.
///
/// # Safety
///
/// Called by the wait-queue code for a hook that was added by [`Hook::add`].
unsafe extern "C" fn wake_callback(
    wait: *mut bindings::wait_queue_entry,
    _mode: u32,
    sync: i32,
    key: *mut kernel::ffi::c_void,
) -> i32 {
    // SAFETY: `wait` is the field of a `Hook`, which lives, as its epitem does, until the hooks are
    // off, for which the queue's lock is needed.
    let hook = unsafe { &*container_of!(Opaque::cast_from(wait), Hook, wait) };
    // SAFETY: As above, and by the invariant of `Hook`.
    let item = unsafe { &*(*wait).private.cast_const().cast::<Epitem>() };
    // SAFETY: The instance outlives its epitems.
    let ep = unsafe { item.ep.as_ref() };
    let key = Events::from_bits(key as usize as u32);

    ready::event_happened();
    let events = item.events.load();
    // One question for both. Who has `POLLFREE` in its mask, for no reason, is asked again.
    let rare = Events::POLLFREE | Events::EXCLUSIVE | Events::WAKEUP;
    if (key | events).intersects(rare) || ep.extras.any(Extras::OF_WAKEUPS) {
        // SAFETY: As below.
        return unsafe { wake_rarely(ep, item, hook, events, key, sync) };
    }
    // SAFETY: The epitem is of its own instance, the hook is the one whose queue the caller has
    // locked.
    unsafe { ep.notify(item, &hook.ready, events, false, key, sync) }
}

/// The rest of a wakeup that has to do with more than the lists. Returns as [`wake_callback`].
///
/// # Safety
///
/// `hook` is one of `item`, a registration with `ep`, and the lock of its wait queue is held.
#[cold]
unsafe fn wake_rarely(
    ep: &Eventpoll,
    item: &Epitem,
    hook: &Hook,
    events: Events,
    key: Events,
    sync: i32,
) -> i32 {
    if ep.extras.any(Extras::RING) {
        // SAFETY: By the caller's promise.
        let woken = unsafe { ep.notify_by_ring(item, &hook.ready, key, sync) };
        if key.intersects(Events::POLLFREE) {
            // SAFETY: By the caller's promise.
            unsafe { hook.unhook_within() };
        }
        return woken;
    }
    // Before the push: a harvest that finds the node finds what is counted.
    if let Some(record) = item.record() {
        trace::wake(item, events, key, hook.ready.is_queued());
        record.woken(events.is_woken_by(key));
    }
    let rare = (key & Events::POLLFREE) | (events & (Events::EXCLUSIVE | Events::WAKEUP));
    if !rare.is_empty() || ep.extras.any(Extras::BUSY_POLL) {
        // SAFETY: By the caller's promise.
        return unsafe { wake_specially(ep, item, hook, events, key, sync) };
    }
    // SAFETY: By the caller's promise.
    unsafe { ep.notify(item, &hook.ready, events, false, key, sync) }
}

/// [`wake_rarely`] where it is not all about counting.
///
/// # Safety
///
/// As [`wake_rarely`].
#[inline(never)]
unsafe fn wake_specially(
    ep: &Eventpoll,
    item: &Epitem,
    hook: &Hook,
    events: Events,
    key: Events,
    sync: i32,
) -> i32 {
    let exclusive = events.intersects(Events::EXCLUSIVE);
    if ep.extras.any(Extras::BUSY_POLL) {
        ep.busy_poll.note_napi(item.key.file);
    }
    // Before the push, and also when it is queued already: the harvest that takes it off the ovflist
    // relaxes the wakeup source. What is not queued nobody would relax.
    if events.is_woken_by(key) {
        item.ws.stay_awake_rcu();
    }
    // SAFETY: By the caller's promise.
    let woken = unsafe { ep.notify(item, &hook.ready, events, exclusive, key, sync) };
    if key.intersects(Events::POLLFREE) {
        // SAFETY: By the caller's promise.
        unsafe { hook.unhook_within() };
    }
    woken
}
