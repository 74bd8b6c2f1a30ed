// SPDX-License-Identifier: LGPL-2.1-only OR MIT

//! Operations that are carried out in one call.

use std::io;
use std::marker::PhantomData;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};

use crate::ctl_flags::CtlFlags;
use crate::event::{Event, EventFlags};
use crate::uapi::RepollOp;

/// The most operations that one call carries out.
pub const MAX_OPS: usize = 1024;

/// Of an operation that finds its registration by a token.
const NO_FD: RawFd = -1;

/// Operations for [`Repoll::batch`](crate::Repoll::batch) and its like, and their results.
///
/// It may be used again: the operations stay until [`clear`](Self::clear).
///
/// ```no_run
/// use repoll::{Batch, Event, EventFlags, Repoll};
/// # let (one, other) = std::os::unix::net::UnixStream::pair()?;
///
/// let repoll = Repoll::new()?;
/// let mut batch = Batch::new();
/// batch.add(&one, Event::new(EventFlags::IN, 1));
/// batch.add(&other, Event::new(EventFlags::IN, 2));
/// if repoll.batch(&mut batch)? < batch.len() {
///     for error in batch.results().filter_map(Result::err) {
///         eprintln!("{error}");
///     }
/// }
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Batch<'fd> {
    ops: Vec<RepollOp>,
    fds: PhantomData<BorrowedFd<'fd>>,
}

impl<'fd> Batch<'fd> {
    /// Without operations.
    pub fn new() -> Self {
        Self::default()
    }

    /// To register `fd`; see [`Repoll::add`](crate::Repoll::add).
    pub fn add<F: AsFd + ?Sized>(&mut self, fd: &'fd F, event: Event) {
        self.add_with(fd, event, CtlFlags::default());
    }

    /// [`add`](Self::add) with flags, each of which means what it does in
    /// [`Repoll::add_with`](crate::Repoll::add_with).
    pub fn add_with<F: AsFd + ?Sized>(&mut self, fd: &'fd F, event: Event, flags: CtlFlags) {
        self.push(libc::EPOLL_CTL_ADD, fd.as_fd().as_raw_fd(), event, flags);
    }

    /// To replace the event of `fd`; see [`Repoll::modify`](crate::Repoll::modify).
    pub fn modify<F: AsFd + ?Sized>(&mut self, fd: &'fd F, event: Event) {
        self.modify_with(fd, event, CtlFlags::default());
    }

    /// [`modify`](Self::modify) with flags; see
    /// [`Repoll::modify_with`](crate::Repoll::modify_with).
    pub fn modify_with<F: AsFd + ?Sized>(&mut self, fd: &'fd F, event: Event, flags: CtlFlags) {
        self.push(libc::EPOLL_CTL_MOD, fd.as_fd().as_raw_fd(), event, flags);
    }

    /// To replace the mask of the registration whose token is the event's data; see
    /// [`Repoll::modify_by_token`](crate::Repoll::modify_by_token).
    pub fn modify_by_token(&mut self, event: Event) {
        self.push(libc::EPOLL_CTL_MOD, NO_FD, event, CtlFlags::TOKEN);
    }

    /// To end the registration of `fd`; see [`Repoll::delete`](crate::Repoll::delete).
    pub fn delete<F: AsFd + ?Sized>(&mut self, fd: &'fd F) {
        let (fd, flags) = (fd.as_fd().as_raw_fd(), CtlFlags::default());
        self.push(libc::EPOLL_CTL_DEL, fd, Event::default(), flags);
    }

    /// To end the registration with this token; see
    /// [`Repoll::delete_by_token`](crate::Repoll::delete_by_token).
    pub fn delete_by_token(&mut self, token: u64) {
        let event = Event::new(EventFlags::default(), token);
        self.push(libc::EPOLL_CTL_DEL, NO_FD, event, CtlFlags::TOKEN);
    }

    /// How many operations there are.
    pub fn len(&self) -> usize {
        self.ops.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ops.is_empty()
    }

    /// Forgets the operations and their results.
    pub fn clear(&mut self) {
        self.ops.clear();
    }

    /// What became of each operation, in their order: `ECANCELED` for one that was not
    /// carried out.
    pub fn results(&self) -> impl ExactSizeIterator<Item = io::Result<()>> + use<'_, 'fd> {
        self.ops.iter().map(|op| match op.result {
            0.. => Ok(()),
            errno => Err(io::Error::from_raw_os_error(-errno)),
        })
    }

    pub(crate) fn as_raw(&mut self) -> &mut [RepollOp] {
        &mut self.ops
    }

    fn push(&mut self, op: i32, fd: RawFd, event: Event, flags: CtlFlags) {
        self.ops.push(RepollOp {
            op,
            fd,
            data: event.data(),
            events: event.flags().bits(),
            flags: flags.bits(),
            result: -libc::ECANCELED,
            reserved: 0,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::EventFlags;

    #[test]
    fn nothing_is_carried_out_at_first() {
        let file = std::fs::File::open("/dev/null").unwrap();
        let mut batch = Batch::new();

        assert!(batch.is_empty());
        batch.add(&file, Event::new(EventFlags::IN, 7));
        batch.delete(&file);
        assert_eq!(batch.len(), 2);
        let mut results = batch.results();
        let error = results.next().unwrap().unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ECANCELED));
        assert_eq!(results.len(), 1);
        drop(results);
        let raw = batch.as_raw();
        assert_eq!((raw[0].op, raw[0].data), (libc::EPOLL_CTL_ADD, 7));
        assert_eq!((raw[1].op, raw[1].events), (libc::EPOLL_CTL_DEL, 0));
        batch.clear();
        assert!(batch.is_empty());
    }
}
