// SPDX-License-Identifier: GPL-2.0

//! Files as targets of a registration: looking one up, what kind it is, polling it.

use super::{device, eventpoll::Eventpoll, events::Events, ffi};
use core::{
    marker::PhantomData,
    sync::atomic::{AtomicI64, Ordering},
};
use kernel::{bindings, prelude::*, types::NotThreadSafe};

/// What is behind the watched fd.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum TargetKind {
    /// Anything but an eventpoll.
    Plain,
    /// Another instance of ours.
    Nested,
    /// An instance of in-tree epoll.
    Foreign,
    /// Nothing: it stands for the timers of its own instance.
    Clock,
}

impl TargetKind {
    /// Whether it is an instance, of either implementation.
    pub(crate) fn is_eventpoll(self) -> bool {
        matches!(self, TargetKind::Nested | TargetKind::Foreign)
    }
}

/// The file behind one of the current task's fds, kept for the time of a system call.
///
/// # Invariants
///
/// `word` is what `fdget()` returned, not zero, and not given back yet.
pub(crate) struct Fd {
    word: usize,
    /// A light reference belongs to the task that took it.
    _task: NotThreadSafe,
}

impl Fd {
    const FLAGS: usize = 3;
    const FPUT: usize = 1;

    /// `EBADF`.
    pub(crate) fn get(fd: i32) -> Result<Self> {
        // SAFETY: No requirements.
        let word = unsafe { bindings::fdget(fd as u32) }.word;
        // SAFETY: Just taken.
        unsafe { Self::from_word(word as usize) }
    }

    /// `EBADF`.
    ///
    /// # Safety
    ///
    /// `word` is what `fdget()` returned to this task, and nobody else has made use of it.
    #[inline(always)]
    pub(crate) unsafe fn from_word(word: usize) -> Result<Self> {
        if word == 0 {
            return Err(EBADF);
        }
        // INVARIANT: By the caller's promise.
        Ok(Self {
            word,
            _task: NotThreadSafe,
        })
    }

    pub(crate) fn target(&self) -> Target<'_> {
        let file = (self.word & !Self::FLAGS) as *mut bindings::file;
        // SAFETY: The reference lives as long as `self`.
        unsafe { Target::new(file) }
    }
}

impl Drop for Fd {
    fn drop(&mut self) {
        if self.word & Self::FPUT != 0 {
            // SAFETY: `fdget()` said that it took a reference.
            unsafe { bindings::fput((self.word & !Self::FLAGS) as *mut bindings::file) };
        }
    }
}

/// A counted reference to a file.
///
/// # Invariants
///
/// Owns one reference.
pub(crate) struct FileRef(*mut bindings::file);

impl FileRef {
    /// A reference to `file`, unless its `__fput()` has begun or is about to.
    ///
    /// # Safety
    ///
    /// The memory of `file` is still that file: the caller holds the mutex of an instance that has
    /// a registration of it.
    pub(crate) unsafe fn get(file: *mut bindings::file) -> Option<Self> {
        // SAFETY: By the caller's promise. INVARIANT: A non-null answer is a new reference.
        let file = unsafe { ffi::repoll_get_file_active(file) };
        // A closure: a value made in vain would be dropped, and put what it does not own.
        (!file.is_null()).then(|| Self(file))
    }

    pub(crate) fn target(&self) -> Target<'_> {
        // SAFETY: The reference lives as long as `self`.
        unsafe { Target::new(self.0) }
    }
}

impl Drop for FileRef {
    fn drop(&mut self) {
        // SAFETY: Owns the reference. The last one's work is put off to the return to user space.
        unsafe { bindings::fput(self.0) };
    }
}

/// A file that somebody holds a reference to for `'a`.
///
/// # Invariants
///
/// The file has a reference count above zero for `'a`.
#[derive(Clone, Copy)]
pub(crate) struct Target<'a> {
    file: *mut bindings::file,
    _ref: PhantomData<&'a bindings::file>,
}

impl<'a> Target<'a> {
    /// # Safety
    ///
    /// The file's reference count is above zero for `'a`.
    pub(crate) unsafe fn new(file: *mut bindings::file) -> Self {
        // INVARIANT: By the caller's promise.
        Self {
            file,
            _ref: PhantomData,
        }
    }

    pub(crate) fn as_ptr(self) -> *mut bindings::file {
        self.file
    }

    /// Whether the file supports `poll()`.
    pub(crate) fn can_poll(self) -> bool {
        // SAFETY: Alive; `f_op` is set for every open file.
        unsafe { (*(*self.file).f_op).poll.is_some() }
    }

    pub(crate) fn kind(self) -> TargetKind {
        if self.eventpoll().is_some() {
            TargetKind::Nested
        // SAFETY: Alive.
        } else if unsafe { ffi::repoll_file_is_epoll(self.file) } {
            TargetKind::Foreign
        } else {
            TargetKind::Plain
        }
    }

    /// The instance behind the file, if it is one of ours.
    pub(crate) fn eventpoll(self) -> Option<&'a Eventpoll> {
        // SAFETY: Alive, so its release comes later.
        unsafe { eventpoll_of(self.file) }
    }

    /// Whether an in-tree epoll instance watches the file, so that whoever polls it may hold that
    /// instance's mutex. In-tree sets `f_ep` before its first poll.
    pub(crate) fn is_watched_in_tree(self) -> bool {
        // SAFETY: Alive; a racy read of one word, as in-tree's own.
        !unsafe { (&raw const (*self.file).f_ep).read_volatile() }.is_null()
    }

    /// The file's events of those in `events`. May sleep.
    pub(crate) fn poll(self, events: Events) -> Events {
        let mut pt = bindings::poll_table_struct {
            _qproc: None,
            _key: events.bits(),
        };
        self.poll_with(&mut pt) & events
    }

    /// `vfs_poll()`, inline: a harvest does little else. May sleep.
    #[inline]
    pub(crate) fn poll_with(self, pt: &mut bindings::poll_table_struct) -> Events {
        // SAFETY: Alive; `f_op` is set for every open file.
        match unsafe { (*(*self.file).f_op).poll } {
            // SAFETY: As the VFS calls it; `pt` is valid for the call.
            Some(poll) => Events::from_bits(unsafe { poll(self.file, pt) }),
            None => self.poll_without_operation(),
        }
    }

    /// The events of a file that had `poll()` at ADD, and has been given other operations since.
    #[cold]
    fn poll_without_operation(self) -> Events {
        // SAFETY: Alive; a table is not asked for.
        Events::from_bits(unsafe { ffi::repoll_vfs_poll(self.file, core::ptr::null_mut()) })
    }
}

/// The instance behind `file`, if it is one of ours. Any context.
///
/// # Safety
///
/// The release of `file` does not begin during `'a`: there is a reference to it, or it is registered
/// and the registration cannot end.
pub(crate) unsafe fn eventpoll_of<'a>(file: *mut bindings::file) -> Option<&'a Eventpoll> {
    // SAFETY: Not released; `f_op` does not change after open.
    if !core::ptr::eq(unsafe { (*file).f_op }, device::fops()) {
        return None;
    }
    // SAFETY: An open file with our operations has its instance here until its release.
    Some(unsafe { &*(*file).private_data.cast::<Eventpoll>() })
}

/// A table for polls that only ask.
pub(crate) struct JustAsk(bindings::poll_table_struct);

impl JustAsk {
    pub(crate) fn new() -> Self {
        Self(bindings::poll_table_struct {
            _qproc: None,
            _key: 0,
        })
    }

    /// The events of `file` of those in `events`, none once its `__fput()` has begun. May sleep.
    ///
    /// `vfs_poll()` with a reference held: a `poll()` may take one of its own, which must not bring
    /// back a file whose `__fput()` has begun (4efaa5acf0a1). Such a file has no events: its
    /// registrations are about to be removed.
    ///
    /// # Safety
    ///
    /// As for [`FileRef::get`].
    #[inline(always)] // A harvest does little else.
    pub(crate) unsafe fn poll_registered(
        &mut self,
        file: *mut bindings::file,
        events: Events,
    ) -> Events {
        // SAFETY: By the caller's promise the memory is a file, and its count an atomic.
        let count = unsafe { AtomicI64::from_ptr(&raw mut (*file).f_ref.refcnt.counter) };
        let others = count.fetch_add(1, Ordering::SeqCst);
        if others < 0 {
            // SAFETY: That was the count, and is one more now.
            unsafe { put_back(file, others) };
            return Events::NONE;
        }
        self.0._key = events.bits();
        // SAFETY: There is a reference.
        let ready = unsafe { Target::new(file) }.poll_with(&mut self.0);
        // What fput() does to a count above 0: there are others, as many as there were.
        let with_ours = others.wrapping_add(1);
        if count
            .compare_exchange(with_ours, others, Ordering::SeqCst, Ordering::Relaxed)
            .is_err()
        {
            // SAFETY: Puts the reference that was taken above.
            unsafe { bindings::fput(file) };
        }
        ready & events
    }
}

/// Undoes an increment of the count of `file`, which is one that nobody has a reference to.
///
/// As file_ref_get(): the count was dead, and stays so, unless the last reference was being put, and who
/// does has not got so far as to say so. Then it has become ours, and to put it is for us.
///
/// # Safety
///
/// As for [`FileRef::get`]. The count was `others`, negative, and is one more.
#[cold]
unsafe fn put_back(file: *mut bindings::file, others: i64) {
    if others.wrapping_add(1) == 0 {
        // SAFETY: By the above.
        unsafe { bindings::fput(file) };
    }
}
