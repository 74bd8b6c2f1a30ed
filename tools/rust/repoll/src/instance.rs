// SPDX-License-Identifier: LGPL-2.1-only OR MIT

//! The instance: a set of registrations, and the wait for their events.

use std::fs::OpenOptions;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::time::Duration;

use crate::batch::Batch;
use crate::ctl_flags::CtlFlags;
use crate::event::{Event, EventFlags};
use crate::uapi::{
    advise, ioctl, KernelTimespec, RepollBatch, RepollCtl, RepollInfo, RepollWait, BATCH_ATOMIC,
    DEVICE, FADVISE_CTL, FADVISE_WAIT, KERNEL_SIGSET_SIZE, WAIT_TIMESPEC,
};

/// What the loaded module offers; see `include/uapi/linux/repoll.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Info {
    /// The version of the interface.
    pub version: u32,
    /// The deepest nesting of instances that [`Repoll::add`] accepts.
    pub max_nests: u32,
    /// `REPOLL_FEATURE_*` bits.
    pub features: u64,
}

/// An instance of repoll, closed when dropped.
///
/// It can be shared by threads, and is itself a file descriptor that can be
/// registered with another instance, or polled.
#[derive(Debug)]
pub struct Repoll {
    fd: OwnedFd,
}

impl Repoll {
    /// Opens an instance, with `O_CLOEXEC` set.
    ///
    /// # Errors
    ///
    /// `ENOENT` or `ENODEV` if the module is not loaded; `EMFILE`,
    /// `ENFILE` or `ENOMEM` if there is no room for another file.
    pub fn new() -> io::Result<Self> {
        let file = OpenOptions::new().read(true).write(true).open(DEVICE)?;
        Ok(Self { fd: file.into() })
    }

    /// Asks the module what it offers.
    ///
    /// # Errors
    ///
    /// None for an instance.
    pub fn info(&self) -> io::Result<Info> {
        info(self.as_fd())
    }

    /// Registers `fd`: a wait reports `event.data()` with those of `event.flags()`
    /// that hold.
    ///
    /// # Errors
    ///
    /// * `EEXIST`: `fd` is registered already.
    /// * `EPERM`: `fd` cannot be polled; a directory, for example.
    /// * `EINVAL`: `fd` is this instance, or `EXCLUSIVE` does not go with it or
    ///   with another flag, or too many wakeups would follow from one event.
    /// * `ELOOP`: instances would watch each other in a circle or nest too deep.
    /// * `ENOSPC`: the user's limit of registrations is reached.
    /// * `ENOMEM`: the kernel is short of memory.
    pub fn add(&self, fd: impl AsFd, event: Event) -> io::Result<()> {
        self.ctl(libc::EPOLL_CTL_ADD, fd.as_fd(), Some(event))
    }

    /// Registers `fd` as [`add`](Self::add) does, in a way that `epoll_ctl()` does not
    /// have.
    ///
    /// # Errors
    ///
    /// Those of [`add`](Self::add), and
    ///
    /// * `EEXIST`: there is a registration with that token.
    /// * `EBADF`: another thread has closed `fd`, which is to be bound, meanwhile.
    /// * `EBUSY`, `ENODEV`: the kernel does not let closes be seen.
    /// * `EINVAL`: the module does not know a flag.
    pub fn add_with(&self, fd: impl AsFd, event: Event, flags: CtlFlags) -> io::Result<()> {
        let fd = fd.as_fd().as_raw_fd();
        self.ctl_with(libc::EPOLL_CTL_ADD, fd, event, flags)
    }

    /// Replaces the event flags of the registration with the token `event.data()`;
    /// its file descriptor may be closed.
    ///
    /// # Errors
    ///
    /// * `ENOENT`: there is no such token.
    /// * `EINVAL`: `EXCLUSIVE` is in the flags, or was when it was added.
    pub fn modify_by_token(&self, event: Event) -> io::Result<()> {
        self.ctl_with(libc::EPOLL_CTL_MOD, -1, event, CtlFlags::TOKEN)
    }

    /// Ends the registration with this token; its file descriptor may be closed.
    ///
    /// # Errors
    ///
    /// * `ENOENT`: there is no such token.
    pub fn delete_by_token(&self, token: u64) -> io::Result<()> {
        let event = Event::new(EventFlags::empty(), token);
        self.ctl_with(libc::EPOLL_CTL_DEL, -1, event, CtlFlags::TOKEN)
    }

    /// Replaces the event of `fd`. This also re-arms a one-shot registration.
    ///
    /// # Errors
    ///
    /// * `ENOENT`: `fd` is not registered.
    /// * `EPERM`: `fd` cannot be polled.
    /// * `EINVAL`: `EXCLUSIVE` is in the flags, or was when `fd` was added; or
    ///   `fd` is this instance.
    pub fn modify(&self, fd: impl AsFd, event: Event) -> io::Result<()> {
        self.ctl(libc::EPOLL_CTL_MOD, fd.as_fd(), Some(event))
    }

    /// Replaces the event of `fd` as [`modify`](Self::modify) does, and its flags. With a
    /// wake policy, `EXCLUSIVE` has to be in the event if and only if `fd` was added with
    /// it.
    ///
    /// # Errors
    ///
    /// Those of [`modify`](Self::modify), `EINVAL` for flags that the module does not
    /// know, and `ENOMEM` for want of memory.
    pub fn modify_with(&self, fd: impl AsFd, event: Event, flags: CtlFlags) -> io::Result<()> {
        let fd = fd.as_fd().as_raw_fd();
        self.ctl_with(libc::EPOLL_CTL_MOD, fd, event, flags)
    }

    /// Ends the registration of `fd`. Another thread may be about to handle an
    /// event of it all the same; [`delete_sync`](Self::delete_sync) waits for that.
    ///
    /// # Errors
    ///
    /// * `ENOENT`: `fd` is not registered.
    /// * `EPERM`: `fd` cannot be polled.
    /// * `EINVAL`: `fd` is this instance.
    pub fn delete(&self, fd: impl AsFd) -> io::Result<()> {
        self.ctl(libc::EPOLL_CTL_DEL, fd.as_fd(), None)
    }

    /// Waits for events, and returns the part of `events` that was filled: nothing
    /// when the timeout expired. No timeout is no limit; a zero one does not block.
    ///
    /// # Errors
    ///
    /// * `EINTR` ([`io::ErrorKind::Interrupted`]): a signal handler ran.
    /// * `EINVAL`: `events` is empty.
    pub fn wait<'e>(
        &self,
        events: &'e mut [Event],
        timeout: Option<Duration>,
    ) -> io::Result<&'e [Event]> {
        self.wait_masked(events, timeout, None)
    }

    /// Waits as [`wait`](Self::wait) does, with `sigmask` as the thread's signal
    /// mask for the time of the wait.
    ///
    /// # Errors
    ///
    /// Those of [`wait`](Self::wait).
    pub fn pwait<'e>(
        &self,
        events: &'e mut [Event],
        timeout: Option<Duration>,
        sigmask: &libc::sigset_t,
    ) -> io::Result<&'e [Event]> {
        self.wait_masked(events, timeout, Some(sigmask))
    }

    /// Carries out the operations of `batch` in order, each of which then has a
    /// [result](Batch::results) of its own. Tells how many succeeded.
    ///
    /// # Errors
    ///
    /// `E2BIG`: there are more than [`MAX_OPS`](crate::MAX_OPS).
    pub fn batch(&self, batch: &mut Batch<'_>) -> io::Result<usize> {
        self.run(batch, 0, None)
    }

    /// Carries out all operations of `batch` and returns true, or does nothing: then
    /// the first that cannot be carried out has its error as a result, and all others
    /// have `ECANCELED`.
    ///
    /// # Errors
    ///
    /// * `E2BIG`: there are more than [`MAX_OPS`](crate::MAX_OPS).
    /// * `ENOMEM`: the kernel is short of memory.
    pub fn batch_atomic(&self, batch: &mut Batch<'_>) -> io::Result<bool> {
        let succeeded = self.run(batch, BATCH_ATOMIC, None)?;
        Ok(succeeded == batch.len())
    }

    /// Carries out the operations of `batch` as [`batch`](Self::batch) does, and waits
    /// as [`wait`](Self::wait) does, in one call. If an operation failed, the wait does
    /// not sleep.
    ///
    /// # Errors
    ///
    /// Those of both. After `EINTR` the operations have been carried out.
    pub fn batch_wait<'e>(
        &self,
        batch: &mut Batch<'_>,
        events: &'e mut [Event],
        timeout: Option<Duration>,
    ) -> io::Result<&'e [Event]> {
        let timeout = timeout.map(KernelTimespec::from);
        let wait = wait_request(events, timeout.as_ref(), None);
        let count = self.run(batch, 0, Some(&wait))?;
        Ok(&events[..count])
    }

    /// What the call returns. `wait` refers to what is valid for the call.
    fn run(
        &self,
        batch: &mut Batch<'_>,
        flags: u32,
        wait: Option<&RepollWait>,
    ) -> io::Result<usize> {
        let ops = batch.as_raw();
        let mut request = RepollBatch {
            ops: ops.as_mut_ptr().expose_provenance() as u64,
            // What does not fit is too large as well.
            nr_ops: ops.len().try_into().unwrap_or(u32::MAX),
            flags,
            wait: address(wait),
            succeeded: 0,
            reserved: 0,
        };
        // SAFETY: `request.ops` is the address of as many operations, ours to write.
        // `wait` outlives the call, and so does what it refers to.
        let result = unsafe { ioctl(self.as_fd(), &mut request) }?;
        Ok(result as usize)
    }

    fn ctl(&self, op: i32, fd: BorrowedFd<'_>, event: Option<Event>) -> io::Result<()> {
        let mut request = RepollCtl {
            op,
            fd: fd.as_raw_fd(),
            event: address(event.as_ref()),
            flags: 0,
            reserved: 0,
        };
        let call = FADVISE_CTL | u64::from(request.fd as u32);
        // SAFETY: `request.event` is the address of `event`, which outlives the
        // call, or 0 when there is none.
        let result = unsafe { advise(self.as_fd(), request.event, call, op) }
            // SAFETY: As above.
            .unwrap_or_else(|| unsafe { ioctl(self.as_fd(), &mut request) });
        result.map(|_| ())
    }

    fn ctl_with(&self, op: i32, fd: RawFd, event: Event, flags: CtlFlags) -> io::Result<()> {
        self.ctl_result(op, fd, event, flags.bits()).map(|_| ())
    }

    /// What the call returns.
    pub(crate) fn ctl_result(
        &self,
        op: i32,
        fd: RawFd,
        event: Event,
        flags: u32,
    ) -> io::Result<i32> {
        let mut request = RepollCtl {
            op,
            fd,
            event: address(Some(&event)),
            flags,
            reserved: 0,
        };
        // SAFETY: `request.event` is the address of `event`, which outlives the call.
        unsafe { ioctl(self.as_fd(), &mut request) }
    }

    fn wait_masked<'e>(
        &self,
        events: &'e mut [Event],
        timeout: Option<Duration>,
        sigmask: Option<&libc::sigset_t>,
    ) -> io::Result<&'e [Event]> {
        let whole_ms = whole_milliseconds(timeout);
        let timeout = timeout.map(KernelTimespec::from);
        let mut request = wait_request(events, timeout.as_ref(), sigmask);
        let call = FADVISE_WAIT | u64::from(request.maxevents as u32);
        let count = whole_ms
            .filter(|_| sigmask.is_none())
            // SAFETY: `request.events` is the address of at least `maxevents` events
            // that are ours to write, and any bits make an event.
            .and_then(|ms| unsafe { advise(self.as_fd(), request.events, call, ms) })
            // SAFETY: As above. The timeout and the mask are the addresses of values
            // that outlive the call, or 0.
            .unwrap_or_else(|| unsafe { ioctl(self.as_fd(), &mut request) })?;
        Ok(&events[..count as usize])
    }
}

/// A wait for `events`; it holds the addresses of what it is given.
pub(crate) fn wait_request(
    events: &mut [Event],
    timeout: Option<&KernelTimespec>,
    sigmask: Option<&libc::sigset_t>,
) -> RepollWait {
    // More than the kernel accepts at once is no mistake, just more than needed.
    const MAX_EVENTS: usize = i32::MAX as usize / size_of::<Event>();

    RepollWait {
        events: events.as_mut_ptr().expose_provenance() as u64,
        maxevents: events.len().min(MAX_EVENTS) as i32,
        flags: WAIT_TIMESPEC,
        timeout: address(timeout) as i64,
        sigmask: address(sigmask),
        sigsetsize: KERNEL_SIGSET_SIZE,
        reserved: 0,
    }
}

/// A timeout as `epoll_wait()` takes it, if it is one of that precision.
fn whole_milliseconds(timeout: Option<Duration>) -> Option<i32> {
    let Some(timeout) = timeout else {
        return Some(-1);
    };
    let ms = timeout.as_millis().try_into().ok()?;
    (timeout.subsec_nanos() % 1_000_000 == 0).then_some(ms)
}

/// The address of a value as the kernel takes it, 0 for none.
pub(crate) fn address<T>(value: Option<&T>) -> u64 {
    value.map_or(0, |value| {
        std::ptr::from_ref(value).expose_provenance() as u64
    })
}

fn info(fd: BorrowedFd<'_>) -> io::Result<Info> {
    let mut info = RepollInfo::default();
    // SAFETY: `RepollInfo` holds no address.
    unsafe { ioctl(fd, &mut info) }?;
    Ok(Info {
        version: info.version,
        max_nests: info.max_nests,
        features: info.features,
    })
}

impl AsFd for Repoll {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl AsRawFd for Repoll {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}

impl From<Repoll> for OwnedFd {
    fn from(repoll: Repoll) -> Self {
        repoll.fd
    }
}

impl TryFrom<OwnedFd> for Repoll {
    type Error = io::Error;

    /// Takes over an instance that was inherited, received or duplicated.
    ///
    /// # Errors
    ///
    /// `EINVAL` if `fd` is not an instance. It is closed then.
    fn try_from(fd: OwnedFd) -> io::Result<Self> {
        match info(fd.as_fd()) {
            Ok(_) => Ok(Self { fd }),
            Err(_) => Err(io::Error::from_raw_os_error(libc::EINVAL)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_of_nothing_is_zero() {
        assert_eq!(address::<u64>(None), 0);
        assert_ne!(address(Some(&0u64)), 0);
    }

    #[test]
    fn a_file_that_is_no_instance_is_refused() {
        let file = std::fs::File::open("/dev/null").unwrap();
        let error = Repoll::try_from(OwnedFd::from(file)).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EINVAL));
    }

    #[test]
    fn instances_can_be_shared_by_threads() {
        fn shared<T: Send + Sync>() {}
        shared::<Repoll>();
    }
}
