// SPDX-License-Identifier: LGPL-2.1-only OR MIT

//! The ready ring: events in memory that is shared with the kernel.

use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::ptr::{self, NonNull};
use std::slice;
use std::time::Duration;

use crate::atomic::{AtomicU32, AtomicU64, Ordering};
use crate::event::{Event, EventFlags};
use crate::instance::Repoll;
use crate::ring_pop;
use crate::uapi::{
    ioctl, KernelTimespec, RepollRing, RepollRingEnter, KERNEL_SIGSET_SIZE, RING_MORE, RING_OFFSET,
    WAIT_TIMESPEC,
};

/// `struct repoll_ring_entry`.
#[repr(C)]
struct Entry {
    word: AtomicU64,
    data: AtomicU64,
}

/// `struct repoll_ring_header`.
#[repr(C)]
struct Header {
    head: AtomicU32,
    pad: [u32; 15],
    flags: AtomicU32,
}

/// A ready ring, of which events are taken without a system call, by any number of threads.
///
/// # Invariants
///
/// `map` is a mapping of `size` bytes, a header and `entries` entries, which is unmapped when this
/// is dropped. It is used by atomics only.
#[derive(Debug)]
pub struct Ring<'r> {
    repoll: &'r Repoll,
    map: NonNull<u8>,
    size: usize,
    entries: usize,
}

// SAFETY: What is shared is atomic, and a mapping belongs to no thread.
unsafe impl Send for Ring<'_> {}
// SAFETY: As above.
unsafe impl Sync for Ring<'_> {}

impl Repoll {
    /// Gives the instance, which has no registrations yet, a ring with room for so many events: a
    /// power of two, 8 to 65,536. From here on its events are there, and nowhere else: a wait is
    /// refused with `EINVAL`.
    ///
    /// # Errors
    ///
    /// * `EBUSY`: there are registrations, or a ring.
    /// * `EINVAL`: `entries`; or the instance is used for what does not go with a ring.
    /// * `ENOMEM`, `ENOSPC`: there is no memory, or the user has too many watches.
    /// * `ENOTTY`: the module does not know the call.
    pub fn ring(&self, entries: u32) -> io::Result<Ring<'_>> {
        let mut setup = RepollRing {
            entries,
            flags: 0,
            size: 0,
        };
        // SAFETY: `RepollRing` holds no address.
        unsafe { ioctl(self.as_fd(), &mut setup) }?;
        let size = usize::try_from(setup.size).map_err(io::Error::other)?;
        // SAFETY: A new mapping, wherever there is room.
        let map = unsafe {
            libc::mmap(
                ptr::null_mut(),
                size,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED,
                self.as_fd().as_raw_fd(),
                0,
            )
        };
        let failed = ptr::eq(map, libc::MAP_FAILED);
        match NonNull::new(map.cast()).filter(|_| !failed) {
            // INVARIANT: It has as many bytes as the module says that a ring has.
            Some(map) => Ok(Ring {
                repoll: self,
                map,
                size,
                entries: entries as usize,
            }),
            None => Err(io::Error::last_os_error()),
        }
    }
}

impl Ring<'_> {
    fn header(&self) -> &Header {
        // SAFETY: By the type's invariant; any bits make a header.
        unsafe { self.map.cast().as_ref() }
    }

    fn entries(&self) -> &[Entry] {
        // SAFETY: As above.
        unsafe { slice::from_raw_parts(self.map.add(RING_OFFSET).cast().as_ptr(), self.entries) }
    }

    /// Takes an event, if there is one, without a system call. Each is taken by one thread.
    pub fn pop(&self) -> Option<Event> {
        let mut event = None;
        self.take(1, |taken| event = Some(taken));
        event
    }

    /// Takes as many events as there are and `events` has room for, without a system call, and returns
    /// the part of it that was filled. Each is taken by one thread.
    pub fn get<'e>(&self, events: &'e mut [Event]) -> &'e [Event] {
        let max = events.len();
        let mut room = events.iter_mut();
        let taken = self.take(max, |taken| {
            if let Some(event) = room.next() {
                *event = taken;
            }
        });
        &events[..taken]
    }

    fn take(&self, max: usize, mut each: impl FnMut(Event)) -> usize {
        let entries = self.entries();
        let slot = |at: u32| {
            let entry = entries.get(at as usize & (entries.len() - 1))?;
            Some((&entry.word, &entry.data))
        };
        ring_pop::get(&self.header().head, slot, max, |events, data| {
            each(Event::new(EventFlags::from_bits_retain(events), data));
        })
    }

    /// Whether there may be events that are not in the ring: [`enter`](Self::enter) puts them there.
    pub fn has_more(&self) -> bool {
        self.header().flags.load(Ordering::Acquire) & RING_MORE != 0
    }

    /// Asks level-triggered files whose event has been taken once more, puts into the ring what there
    /// was no room for, and sleeps, `None` for without a limit, until there is an event. Returns how
    /// many there are, about: at least 1 if there is one, 0 when the time is up.
    ///
    /// # Errors
    ///
    /// `EINTR`: a signal came before there was an event.
    pub fn enter(&self, timeout: Option<Duration>) -> io::Result<usize> {
        let timeout = timeout.map(KernelTimespec::from);
        let address = |timeout| ptr::from_ref::<KernelTimespec>(timeout).expose_provenance();
        let mut enter = RepollRingEnter {
            timeout: timeout.as_ref().map_or(0, address) as i64,
            sigmask: 0,
            sigsetsize: KERNEL_SIGSET_SIZE,
            flags: WAIT_TIMESPEC,
        };
        // SAFETY: The address is that of a timeout that outlives the call, or 0.
        let len = unsafe { ioctl(self.repoll.as_fd(), &mut enter) }?;
        Ok(len as usize)
    }
}

impl Drop for Ring<'_> {
    fn drop(&mut self) {
        // SAFETY: By the type's invariant; nothing borrowed from it is left.
        unsafe { libc::munmap(self.map.as_ptr().cast(), self.size) };
    }
}
