// SPDX-License-Identifier: GPL-2.0

//! Notification without a waiter: an eventfd, or a signal, for who has a loop of another kind.
//!
//! A notifier is the last on the queue of its instance, behind all who wait there: a wakeup comes to
//! it if it has woken nobody. It then takes itself off the queue, as a waiter that is woken, and
//! leaves the rest to an `irq_work`: the wakeup may be that of an eventfd, or of an instance that is
//! watched by way of one, and to signal an eventfd from within it could deadlock on a queue's lock,
//! go around in a circle, or use up the stack.
//!
//! While it is off the queue nothing is signalled. It gets on again, is *armed*, when a wait has
//! looked, and when the ready list has become empty in another way. If a wait leaves anything, it wakes
//! the next waiter, and so the notifier if there is none. So who was told of events and does not
//! take them all at once is told again, and who does not look is told once.
//!
//! No event is missed: that it joins the queue, fence, and that then it is asked whether there is
//! something, is what a waiter does (ordering 3 of `ready`).

use super::{
    eventpoll::Eventpoll, extras::Extras, ffi, interest::Interest, uapi, wait_queue::WaitQueue,
};
use core::{cell::Cell, cell::UnsafeCell, ptr, ptr::NonNull};
use kernel::{
    bindings, container_of,
    error::{from_err_ptr, to_result},
    ffi::{c_int, c_uint, c_void},
    ioctl::_IOW,
    prelude::*,
    transmute::FromBytes,
    types::Opaque,
};

/// `REPOLL_IOC_NOTIFY`.
pub(crate) const IOC_NOTIFY: u32 = _IOW::<Notify>(uapi::TYPE, 0x06);

/// `struct repoll_notify`.
#[repr(C)]
pub(crate) struct Notify {
    fd: i32,
    flags: u32,
}

// SAFETY: Integers, of which any bit pattern is valid.
unsafe impl FromBytes for Notify {}

impl Notify {
    /// Reads the structure at user address `arg`. May sleep. `EFAULT`, `EINVAL` for flags.
    pub(crate) fn read(arg: usize) -> Result<Self> {
        let raw: Self = uapi::read(arg)?;
        if raw.flags != 0 {
            return Err(EINVAL);
        }
        Ok(raw)
    }

    /// The eventfd, `None` to have none. `EBADF`, `EINVAL` for a file of another kind.
    fn eventfd(&self) -> Result<Option<EventFd>> {
        if self.fd == -1 {
            return Ok(None);
        }
        EventFd::get(self.fd).map(Some)
    }
}

/// An eventfd.
///
/// # Invariants
///
/// The pointer is valid, and owns a reference.
struct EventFd(NonNull<bindings::eventfd_ctx>);

impl EventFd {
    /// `EBADF`, `EINVAL` for a file of another kind.
    fn get(fd: i32) -> Result<Self> {
        // SAFETY: In process context.
        let ctx = from_err_ptr(unsafe { ffi::repoll_eventfd_get(fd) })?;
        // INVARIANT: The reference is ours.
        NonNull::new(ctx).map(Self).ok_or(EINVAL)
    }
}

impl Drop for EventFd {
    fn drop(&mut self) {
        // SAFETY: By the type's invariant.
        unsafe { ffi::repoll_eventfd_put(self.0.as_ptr()) };
    }
}

/// Who is told of the events of an instance.
///
/// `wait` is guarded by the queue's lock. The others are guarded by the instance's mutex, and read by
/// `work`, so that `eventfd` is changed only where [`Self::quiesce`] was called; what `fasync` points to
/// has a protocol of its own, that of `fasync_helper()`.
///
/// # Invariants
///
/// `wait` and `work` are initialised; `queue` is that of the instance whose set owns this.
#[pin_data(PinnedDrop)]
pub(crate) struct Notifier {
    #[pin]
    wait: Opaque<bindings::wait_queue_entry>,
    #[pin]
    work: Opaque<bindings::irq_work>,
    queue: NonNull<WaitQueue>,
    eventfd: Cell<Option<EventFd>>,
    fasync: UnsafeCell<*mut bindings::fasync_struct>,
}

impl Notifier {
    /// One that nobody is told by, not armed. May sleep. `ENOMEM`.
    fn new(queue: &WaitQueue) -> Result<Pin<KBox<Self>>> {
        KBox::pin_init(
            pin_init!(Self {
                wait <- Opaque::ffi_init(|wait| {
                    // SAFETY: Valid for writes, and pinned until `drop` has taken it off.
                    unsafe { ffi::repoll_init_wait_func(wait, Some(fire)) }
                }),
                work <- Opaque::ffi_init(|work| {
                    // SAFETY: Valid for writes, and pinned until `drop` has waited for it.
                    unsafe { ffi::repoll_init_irq_work(work, tell) }
                }),
                queue: NonNull::from(queue),
                eventfd: Cell::new(None),
                fasync: UnsafeCell::new(ptr::null_mut()),
            }),
            GFP_KERNEL_ACCOUNT,
        )
    }

    fn queue(&self) -> *mut bindings::wait_queue_head {
        // SAFETY: By the type's invariant: the instance outlives its set.
        unsafe { self.queue.as_ref() }.as_ptr()
    }

    /// Gets on the queue unless it is there. Ends with a full fence. With the mutex held.
    pub(crate) fn join(&self) {
        // SAFETY: By the type's invariant; `drop` takes the entry off.
        unsafe { ffi::repoll_wq_join(self.queue(), self.wait.get()) };
    }

    /// Gets off the queue. When this returns nobody is being told, nor will be before the next
    /// [`Self::join`]. With the mutex held. May sleep.
    fn quiesce(&self) {
        // SAFETY: By the type's invariant. The work is queued by `fire` only, under the lock that has
        // been taken since for the last time.
        unsafe {
            ffi::repoll_wq_leave(self.queue(), self.wait.get());
            bindings::irq_work_sync(self.work.get());
        }
    }

    /// With the mutex held. May sleep.
    fn set_eventfd(&self, eventfd: Option<EventFd>) {
        self.quiesce();
        self.eventfd.set(eventfd);
    }

    /// Whether nobody is told by it. With the mutex held.
    fn is_unused(&self) -> bool {
        // SAFETY: Written with the mutex held; nobody else looks at the cell at this time but `tell`,
        // which only reads.
        unsafe { (*self.eventfd.as_ptr()).is_none() && (*self.fasync.get()).is_null() }
    }
}

#[pinned_drop]
impl PinnedDrop for Notifier {
    fn drop(self: Pin<&mut Self>) {
        self.quiesce();
    }
}

/// A wakeup that woke no waiter. Any context, with the queue's lock held. Returns 1: somebody is told.
///
/// # Safety
///
/// Called by the wait-queue code for the `wait` of a [`Notifier`].
unsafe extern "C" fn fire(
    wait: *mut bindings::wait_queue_entry,
    _mode: c_uint,
    _sync: c_int,
    _key: *mut c_void,
) -> c_int {
    // SAFETY: By the caller's promise; it is on the queue, whose lock is held.
    let this = unsafe { &*container_of!(Opaque::cast_from(wait), Notifier, wait) };
    // SAFETY: From within its callback. Whoever drops the notifier waits for the work.
    unsafe {
        ffi::repoll_unhook_within(wait);
        bindings::irq_work_queue(this.work.get());
    }
    1
}

/// Tells who wants to know. With interrupts off, or in a thread on PREEMPT_RT; within no wakeup.
///
/// # Safety
///
/// `work` is that of a [`Notifier`].
unsafe extern "C" fn tell(work: *mut bindings::irq_work) {
    // SAFETY: By the caller's promise; whoever drops it waits for the work.
    let this = unsafe { &*container_of!(Opaque::cast_from(work), Notifier, work) };
    // SAFETY: It does not change while the work is queued or running, and holds a reference.
    unsafe {
        if let Some(eventfd) = &*this.eventfd.as_ptr() {
            ffi::repoll_eventfd_signal(eventfd.0.as_ptr());
        }
    }
    // SAFETY: Null, or maintained by `fasync_helper()`.
    unsafe {
        bindings::kill_fasync(
            this.fasync.get(),
            bindings::SIGIO as c_int,
            bindings::POLL_IN as c_int,
        )
    };
}

impl Eventpoll {
    /// `REPOLL_IOC_NOTIFY`. May sleep. `EBADF`, `EINVAL`, `ENOMEM`.
    pub(crate) fn notify_by(&self, request: Notify) -> Result {
        let eventfd = request.eventfd()?;
        self.change_notifier(eventfd.is_some(), |notifier| {
            notifier.set_eventfd(eventfd);
            Ok(())
        })
    }

    /// `O_ASYNC` is set or cleared for `file`, which is this instance, as `fd`. May sleep. `ENOMEM`.
    ///
    /// # Safety
    ///
    /// As for `fasync_helper()`: called by the VFS.
    pub(crate) unsafe fn fasync(&self, fd: c_int, file: *mut bindings::file, on: bool) -> Result {
        self.change_notifier(on, |notifier| {
            // SAFETY: By the caller's promise. The pointer stays in place until the list is empty.
            to_result(unsafe {
                bindings::fasync_helper(fd, file, on.into(), notifier.fasync.get())
            })
        })
    }

    /// Changes the notifier, which is made if it has to be there, and goes if it has nobody to tell.
    /// Tells of events that are there already. May sleep. `ENOMEM`, and what `change` returns.
    fn change_notifier(&self, needed: bool, change: impl FnOnce(&Notifier) -> Result) -> Result {
        let mut interest = self.interest.lock();
        if needed && interest.notifier.is_none() {
            self.refuse_with_ring()?;
            interest.notifier = Some(Notifier::new(&self.wq)?);
            self.extras.begin(Extras::NOTIFIER);
        }
        let Some(notifier) = &interest.notifier else {
            return Ok(());
        };
        let result = change(notifier);
        if notifier.is_unused() {
            self.extras.end(Extras::NOTIFIER);
            interest.notifier = None;
        } else {
            self.arm_notifier(&interest);
        }
        result
    }

    /// Arms the notifier, if there is one: it tells of what comes from now on, and of what is there.
    /// With the mutex held.
    #[cold]
    pub(crate) fn arm_notifier(&self, interest: &Interest) {
        let Some(notifier) = &interest.notifier else {
            return;
        };
        notifier.join();
        if self.ovflist.available() {
            self.wake_other_waiter();
        }
    }
}

#[cfg(CONFIG_KUNIT = "y")]
#[kernel::macros::kunit_tests(repoll_notifier)]
mod tests {
    use super::*;

    #[test]
    fn structure_is_as_in_the_header() {
        assert_eq!(size_of::<Notify>(), 8);
        assert_eq!(IOC_NOTIFY, 0x4008_e906);
    }
}
