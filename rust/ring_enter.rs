// SPDX-License-Identifier: GPL-2.0

//! `REPOLL_IOC_RING` and `REPOLL_IOC_RING_ENTER`: an instance gets a ready ring, and what is ready gets
//! into it.

use super::{
    atomic::{fence, Ordering},
    epitem::Epitem,
    eventpoll::Eventpoll,
    events::Events,
    extras::Extras,
    ffi, foreign,
    interest::Interest,
    ready,
    ready_ring::{Posted, ReadyRing},
    timeout::Timeout,
    uapi::{self, CtlFlags, WaitRequest},
    wait_queue::Waiter,
};
use core::mem::offset_of;
use kernel::{
    bindings,
    ioctl::{_IOW, _IOWR},
    prelude::*,
    transmute::FromBytes,
};

/// `REPOLL_IOC_RING` and `REPOLL_IOC_RING_ENTER`.
pub(crate) const IOC_RING: u32 = _IOWR::<Setup>(uapi::TYPE, 0x09);
pub(crate) const IOC_RING_ENTER: u32 = _IOW::<Enter>(uapi::TYPE, 0x0a);

/// `REPOLL_RING_MIN` and `REPOLL_RING_MAX`.
const MIN: u32 = 8;
const MAX: u32 = 1 << 16;

/// `struct repoll_ring`.
#[repr(C)]
struct Setup {
    entries: u32,
    flags: u32,
    size: u64,
}

// SAFETY: Integers, of which any bit pattern is valid.
unsafe impl FromBytes for Setup {}

/// `struct repoll_ring_enter`.
#[repr(C)]
struct Enter {
    timeout: i64,
    sigmask: u64,
    sigsetsize: u32,
    flags: u32,
}

// SAFETY: Integers, of which any bit pattern is valid.
unsafe impl FromBytes for Enter {}

/// What a call has left.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Left {
    Nothing,
    /// An in-tree instance that has to be polled before it can be posted.
    Unpolled,
    /// What there is no room for.
    Rest,
}

impl Eventpoll {
    /// The ready ring, if there is one. Any context.
    pub(crate) fn ring(&self) -> Option<&ReadyRing> {
        // SAFETY: By the type's invariant.
        unsafe { self.ring.load(Ordering::Acquire).as_ref() }
    }

    /// `REPOLL_IOC_RING`, with the request at user address `arg`. May sleep.
    ///
    /// `EFAULT`; `EINVAL` for the request, and if the instance does what does not go with a ring; `EBUSY`
    /// if it has registrations, or a ring; `ENOSPC` for too many watches, `ENOMEM`.
    pub(crate) fn make_ring(&self, arg: usize) -> Result {
        let raw: Setup = uapi::read(arg)?;
        if raw.flags != 0 || !raw.entries.is_power_of_two() || !(MIN..=MAX).contains(&raw.entries) {
            return Err(EINVAL);
        }
        let ring = ReadyRing::new(self.user(), raw.entries as usize)?;
        let stored = uapi::write(
            arg.wrapping_add(offset_of!(Setup, size)),
            &(ring.size() as u64),
        );
        if let Err(error) = stored.and_then(|()| self.set_ring(&ring)) {
            ring.uncharge(self.user());
            return Err(error);
        }
        // `drop` of the instance takes it back.
        let _ = KBox::into_raw(ring);
        Ok(())
    }

    /// Gives the instance `ring`, which is the instance's own if this succeeds.
    fn set_ring(&self, ring: &ReadyRing) -> Result {
        let interest = self.interest.lock();
        if self.extras.any(Extras::NOT_WITH_RING) {
            return Err(EINVAL);
        }
        if self.ring().is_some() || interest.first().is_some() {
            return Err(EBUSY);
        }
        // INVARIANT: By the caller. Release: who finds it finds it initialised.
        let ring = core::ptr::from_ref(ring).cast_mut();
        self.ring.store(ring, Ordering::Release);
        self.extras.begin(Extras::RING);
        Ok(())
    }

    /// Maps the ring into `vma`. May sleep. `ENODEV` if there is none, and as [`ReadyRing::map`].
    ///
    /// # Safety
    ///
    /// As for [`ReadyRing::map`].
    pub(crate) unsafe fn map_ring(&self, vma: *mut bindings::vm_area_struct) -> Result {
        let ring = self.ring().ok_or(ENODEV)?;
        // SAFETY: By the caller's promise.
        unsafe { ring.map(vma) }
    }

    /// `EINVAL` if this instance has a ring, and what it is asked for does not go with one.
    pub(crate) fn refuse_with_ring(&self) -> Result {
        if self.extras.any(Extras::RING) {
            return Err(EINVAL);
        }
        Ok(())
    }

    /// `EINVAL` if this instance has a ring, and a registration with this mask and these flags does not
    /// go with one.
    pub(crate) fn check_for_ring(&self, events: Events, flags: CtlFlags) -> Result {
        let special = events.intersects(Events::EXCLUSIVE | Events::WAKEUP)
            || flags.wake_policy().is_some()
            || flags.intersects(CtlFlags::HANDOVER.with(CtlFlags::SYNC));
        if special {
            self.refuse_with_ring()?;
        }
        Ok(())
    }

    /// `REPOLL_IOC_RING_ENTER`, with the request at user address `arg`. May sleep.
    ///
    /// Returns how many events there are in the ring, about, 0 when the time is up and there is none.
    /// `EFAULT`; `EINVAL` for the request, and if there is no ring; `EINTR` on a signal.
    pub(crate) fn enter_ring(&self, arg: usize) -> Result<u32> {
        let raw: Enter = uapi::read(arg)?;
        let request =
            WaitRequest::without_events(raw.timeout, raw.sigmask, raw.sigsetsize, raw.flags)?;
        let ring = self.ring().ok_or(EINVAL)?;
        request.with_sigmask(|| self.wait_for_entries(ring, request.timeout))
    }

    fn wait_for_entries(&self, ring: &ReadyRing, timeout: Timeout) -> Result<u32> {
        let deadline = timeout.deadline();
        let mut timed_out = timeout == Timeout::Poll;
        loop {
            if self.has_foreign() {
                foreign::refresh(self, 0);
            }
            let interest = self.interest.lock();
            let left = self.refill(&interest, ring, 1);
            self.settle(&interest);
            drop(interest);
            let mut len = ring.len();
            if left == Left::Rest {
                // It is full, whatever the head says.
                len = len.max(1);
            }
            if len > 1 || (len > 0 && left != Left::Nothing) {
                self.wake_other_waiter();
            }
            if len > 0 {
                return Ok(len);
            }
            if left == Left::Unpolled && self.has_foreign() {
                // SAFETY: No requirements.
                if unsafe { ffi::repoll_fatal_signal_pending() } {
                    return Err(EINTR);
                }
                continue;
            }
            if timed_out {
                return Ok(0);
            }
            if kernel::current!().signal_pending() {
                return Err(EINTR);
            }
            // Who was woken looks once more, whether its time is up or not.
            timed_out = Waiter::sleep_on(&self.wq, deadline, || ring.has_news()).timed_out;
        }
    }

    /// Posts what is on the lists and ready, as far as there is room. What is left is at the front.
    /// `depth`: how many instances are locked. May sleep.
    fn refill(&self, interest: &Interest, ring: &ReadyRing, depth: u32) -> Left {
        ring.say_no_more();
        self.drain(interest);
        let rdllist = &interest.rdllist;
        let mut left = Left::Nothing;
        let mut next = rdllist.front();
        while let Some(item) = next {
            next = rdllist.behind(item);
            let once = item.events.load().intersects(Events::ET | Events::ONESHOT);
            if !once && ring.holds(item) {
                continue;
            }
            if item.is_unpolled() {
                left = Left::Unpolled;
                continue;
            }
            match ring.post(item, self.poll_item(interest, item, depth)) {
                Posted::No | Posted::Done => rdllist.unlink(item),
                Posted::Level => {}
                Posted::Ask => {
                    rdllist.begin_with(item);
                    left = Left::Rest;
                    break;
                }
            }
        }
        if left != Left::Nothing {
            ring.say_more();
        }
        left
    }

    /// Whether a call would find something, for who polls this instance. As [`Self::poll_nested`].
    #[cold]
    pub(crate) fn poll_ring(&self, interest: &Interest, ring: &ReadyRing, depth: u32) -> Events {
        let left = self.refill(interest, ring, depth.saturating_add(1));
        self.settle(interest);
        // What has not been polled counts as ready, as without a ring.
        if left != Left::Nothing || ring.len() > 0 {
            // What is in the ring now may be news to who waits.
            self.wake_other_waiter();
            Events::IN | Events::RDNORM
        } else {
            Events::NONE
        }
    }

    /// Posts `item`, which ADD or MOD has found ready, and wakes who waits. May sleep.
    #[cold]
    pub(crate) fn post_to_ring(&self, interest: &Interest, item: &Epitem) {
        let Some(ring) = self.ring() else { return };
        let posted = if item.is_unpolled() {
            Posted::Ask
        } else {
            ring.post(item, self.poll_item(interest, item, 1))
        };
        if posted == Posted::No {
            return;
        }
        if posted != Posted::Done {
            interest.rdllist.push_back(item);
        }
        self.settle(interest);
        if posted == Posted::Ask {
            ring.say_more();
        }
        fence(Ordering::SeqCst);
        self.wake_other_waiter();
        if self.poll_wait.is_active() {
            self.poll_wait.wake_poll(Events::IN, 0);
        }
    }

    /// [`Self::notify`] of an instance that has a ring.
    ///
    /// # Safety
    ///
    /// As [`Self::notify`].
    pub(crate) unsafe fn notify_by_ring(
        &self,
        item: &Epitem,
        node: &ready::Node,
        key: Events,
        sync: i32,
    ) -> i32 {
        let Some(ring) = self.ring() else { return 1 };
        let posted = ring.wakeup(item, key);
        let queued = match posted {
            Posted::No => return 1,
            Posted::Done => false,
            // SAFETY: By the caller's promise, as in `notify`.
            Posted::Level | Posted::Ask => unsafe { self.ovflist.push(node) },
        };
        if posted == Posted::Ask {
            ring.say_more();
        } else {
            fence(Ordering::SeqCst);
        }
        if self.wq.is_active() || self.poll_wait.is_active() {
            self.wake(item, Events::NONE, key, sync, queued);
        }
        1
    }
}

#[cfg(CONFIG_KUNIT = "y")]
#[kernel::macros::kunit_tests(repoll_ring_enter)]
mod tests {
    use super::*;

    #[test]
    fn structures_are_as_in_the_header() {
        assert_eq!(size_of::<Setup>(), 16);
        assert_eq!(size_of::<Enter>(), 24);
        assert_eq!(IOC_RING, 0xc010_e909);
        assert_eq!(IOC_RING_ENTER, 0x4018_e90a);
    }
}
