// SPDX-License-Identifier: GPL-2.0

//! `/dev/repoll`: the character device and the file operations of its instances.

use super::{
    busy_poll::BusyPoll,
    compat,
    eventpoll::Eventpoll,
    ffi,
    file::Target,
    nesting::MAX_NESTS,
    notifier::{Notify, IOC_NOTIFY},
    ops::{BatchRequest, IOC_BATCH},
    ring_enter::{IOC_RING, IOC_RING_ENTER},
    stats_request::{StatsRequest, IOC_STATS},
    sync_request::{SyncRequest, IOC_SYNC},
    timer_request::{TimerRequest, IOC_TIMER},
    uapi::{self, Ctl, CtlFlags, CtlRequest, WaitRequest},
    wait_many::{WaitManyRequest, IOC_WAIT_MANY},
};
use crate::epitem::check;
use kernel::{
    bindings,
    ffi::{c_int, c_long, c_uint, c_ulong},
    prelude::*,
    seq_file::SeqFile,
    seq_print,
    sync::Arc,
    types::Opaque,
};

/// Wraps the operations so that they can be in a static.
#[repr(transparent)]
struct Fops(bindings::file_operations);

// SAFETY: Read only.
unsafe impl Sync for Fops {}

static FOPS: Fops = Fops(bindings::file_operations {
    owner: compat::module(),
    open: Some(open),
    release: Some(release),
    poll: Some(poll),
    unlocked_ioctl: Some(ioctl),
    fadvise: Some(fadvise),
    fasync: Some(fasync),
    mmap: Some(mmap),
    #[cfg(CONFIG_COMPAT)]
    compat_ioctl: bindings::compat_ptr_ioctl,
    llseek: Some(bindings::noop_llseek),
    #[cfg(CONFIG_PROC_FS)]
    show_fdinfo: Some(show_fdinfo),
    ..pin_init::zeroed()
});

/// What tells a file of ours from others.
pub(crate) fn fops() -> *const bindings::file_operations {
    &FOPS.0
}

/// The registered device.
#[pin_data(PinnedDrop)]
pub(crate) struct Device {
    #[pin]
    misc: Opaque<bindings::miscdevice>,
}

// SAFETY: Registered and unregistered once each; the driver core does the rest.
unsafe impl Send for Device {}
// SAFETY: Has no shared operations.
unsafe impl Sync for Device {}

impl Device {
    /// Makes `/dev/repoll` appear, for everybody: an instance gives nothing that the caller's own
    /// fds do not. May sleep.
    pub(crate) fn register() -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            misc <- Opaque::try_ffi_init(|misc: *mut bindings::miscdevice| {
                // SAFETY: `misc` is valid for writes, and pinned until `drop` has deregistered it.
                unsafe {
                    misc.write(bindings::miscdevice {
                        minor: bindings::MISC_DYNAMIC_MINOR as c_int,
                        name: c"repoll".as_char_ptr(),
                        mode: 0o666,
                        fops: fops(),
                        ..pin_init::zeroed()
                    });
                    check(bindings::misc_register(misc))
                }
            }),
        })
    }
}

#[pinned_drop]
impl PinnedDrop for Device {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: Registered by `register`.
        unsafe { bindings::misc_deregister(self.misc.get()) };
    }
}

/// What a system call returns. A value is at most the length of an array that is an `int`.
fn value_or_errno(result: Result<u32>) -> c_int {
    match result {
        Ok(value) => value as c_int,
        Err(error) => error.to_errno(),
    }
}

/// # Safety
///
/// `file` is an open file with our operations.
unsafe fn instance<'a>(file: *mut bindings::file) -> &'a Eventpoll {
    // SAFETY: `open` put it there, and `release`, which comes last, takes it away.
    unsafe { &*(*file).private_data.cast::<Eventpoll>() }
}

/// `EBUSY` or `EINVAL` when last closes cannot be seen, `ENOMEM`.
///
/// # Safety
///
/// Called by the VFS with a new file.
unsafe extern "C" fn open(_inode: *mut bindings::inode, file: *mut bindings::file) -> c_int {
    // SAFETY: In process context.
    if let Err(error) = check(unsafe { ffi::repoll_close_hook_get() }) {
        return error.to_errno();
    }
    match Eventpoll::new() {
        Ok(ep) => {
            // SAFETY: The file is ours to set up.
            unsafe { (*file).private_data = Arc::into_raw(ep).cast_mut().cast() };
            0
        }
        Err(error) => {
            // SAFETY: Undoes the get above.
            unsafe { ffi::repoll_close_hook_put() };
            error.to_errno()
        }
    }
}

/// # Safety
///
/// Called by the VFS, last of all operations on the file.
unsafe extern "C" fn release(_inode: *mut bindings::inode, file: *mut bindings::file) -> c_int {
    // SAFETY: Made by `into_raw` in `open`, and not used any more.
    let ep = unsafe { Arc::<Eventpoll>::from_raw((*file).private_data.cast()) };
    ep.clear();
    ep.unsee_fd_closes();
    ep.unsee_exits();
    // SAFETY: This instance watches no file any more.
    unsafe { ffi::repoll_close_hook_put() };
    0
}

/// # Safety
///
/// Called by the VFS on an open file, with a table that is null or valid.
unsafe extern "C" fn poll(
    file: *mut bindings::file,
    pt: *mut bindings::poll_table_struct,
) -> bindings::__poll_t {
    // SAFETY: By the contract.
    let ep = unsafe { instance(file) };
    // SAFETY: The queue lives as long as the file, and so does who waits on it.
    unsafe { bindings::poll_wait(file, ep.poll_wait.as_ptr(), pt) };
    // SAFETY: The caller has a reference.
    ep.poll(unsafe { Target::new(file) }).bits()
}

/// # Safety
///
/// Called by the VFS on an open file.
unsafe extern "C" fn ioctl(file: *mut bindings::file, cmd: c_uint, arg: c_ulong) -> c_long {
    // SAFETY: By the contract.
    let ep = unsafe { instance(file) };
    // SAFETY: The caller has a reference.
    let this = unsafe { Target::new(file) };
    value_or_errno(dispatch(ep, this, cmd, arg)) as c_long
}

/// # Safety
///
/// Called by the VFS on an open file, for a mapping to be.
unsafe extern "C" fn mmap(file: *mut bindings::file, vma: *mut bindings::vm_area_struct) -> c_int {
    // SAFETY: By the contract.
    let ep = unsafe { instance(file) };
    // SAFETY: By the contract.
    match unsafe { ep.map_ring(vma) } {
        Ok(()) => 0,
        Err(error) => error.to_errno(),
    }
}

/// `O_ASYNC` is set or cleared, or the file goes and had it set.
///
/// # Safety
///
/// Called by the VFS on an open file.
unsafe extern "C" fn fasync(fd: c_int, file: *mut bindings::file, on: c_int) -> c_int {
    // SAFETY: By the contract.
    let ep = unsafe { instance(file) };
    // SAFETY: As we are called.
    match unsafe { ep.fasync(fd, file, on != 0) } {
        Ok(()) => 0,
        Err(error) => error.to_errno(),
    }
}

/// The calls that need not be made by way of [`ioctl`], which costs a program more than they do.
///
/// # Safety
///
/// Called by the VFS on an open file.
unsafe extern "C" fn fadvise(
    file: *mut bindings::file,
    offset: bindings::loff_t,
    len: bindings::loff_t,
    advice: c_int,
) -> c_int {
    // SAFETY: By the contract.
    let ep = unsafe { instance(file) };
    // SAFETY: The caller has a reference.
    let this = unsafe { Target::new(file) };
    match (len >> 32) as u32 {
        uapi::FADVISE_WAIT => value_or_errno(wait(ep, offset, len, advice)),
        uapi::FADVISE_CTL => value_or_errno(ctl(ep, this, advice, len as i32, offset as u64)),
        // SAFETY: As we are called. It refuses what has the sign of `len` set.
        _ => unsafe { bindings::generic_fadvise(file, offset, len, advice) },
    }
}

// Each with registers of its own: one that finds nothing to wait for saves none.
#[inline(never)]
fn wait(ep: &Eventpoll, offset: i64, len: i64, advice: c_int) -> Result<u32> {
    ep.wait(&WaitRequest::from_advice(offset, len, advice)?)
}

#[inline(never)]
fn ctl(ep: &Eventpoll, this: Target<'_>, op: c_int, fd: c_int, event: u64) -> Result<u32> {
    let request = CtlRequest::new(op, fd, event, CtlFlags::NONE)?;
    ep.ctl(this, &request).map(|()| 0)
}

fn dispatch(ep: &Eventpoll, this: Target<'_>, cmd: u32, arg: usize) -> Result<u32> {
    match cmd {
        uapi::IOC_WAIT => {
            let request = WaitRequest::read(arg)?;
            request.with_sigmask(|| ep.wait(&request))
        }
        uapi::IOC_CTL => {
            let raw = Ctl::read(arg)?;
            match raw.flags()? {
                CtlFlags::NONE => ctl(ep, this, raw.op, raw.fd, raw.event),
                flags => {
                    let request = CtlRequest::new(raw.op, raw.fd, raw.event, flags)?;
                    ep.ctl_flagged(this, &request)
                }
            }
        }
        IOC_WAIT_MANY => ep.wait_many(&WaitManyRequest::read(arg)?),
        IOC_NOTIFY => ep.notify_by(Notify::read(arg)?).map(|()| 0),
        IOC_BATCH => ep.batch(this, &BatchRequest::read(arg)?),
        IOC_RING_ENTER => ep.enter_ring(arg),
        IOC_RING => ep.make_ring(arg).map(|()| 0),
        IOC_TIMER => ep.timer(this, TimerRequest::read(arg)?),
        IOC_SYNC => ep.sync(&SyncRequest::read(arg)?).map(|()| 0),
        IOC_STATS => ep.stats(&StatsRequest::read(arg)?),
        uapi::IOC_INFO => {
            let info = uapi::Info::new(MAX_NESTS, BusyPoll::is_supported());
            uapi::write(arg, &info).map(|()| 0)
        }
        uapi::EPIOCSPARAMS => {
            let params = uapi::read(arg)?;
            ep.refuse_with_ring()?;
            ep.busy_poll.set(&params, &ep.extras).map(|()| 0)
        }
        uapi::EPIOCGPARAMS => uapi::write(arg, &ep.busy_poll.get()?).map(|()| 0),
        _ => Err(ENOTTY),
    }
}

/// In-tree's lines, one for each registration.
///
/// # Safety
///
/// Called by procfs with a valid `m` and an open file.
unsafe extern "C" fn show_fdinfo(m: *mut bindings::seq_file, file: *mut bindings::file) {
    // SAFETY: By the contract.
    let (m_ref, ep) = unsafe { (SeqFile::from_raw(m), instance(file)) };
    let interest = ep.interest.lock();
    for item in interest.iter() {
        // SAFETY: A registered file has not been released, so it has its inode.
        let (pos, ino, dev) = unsafe {
            let watched = item.key.file;
            let inode = (*watched).f_inode;
            ((*watched).f_pos, (*inode).i_ino, (*(*inode).i_sb).s_dev)
        };
        seq_print!(
            m_ref,
            "tfd: {:8} events: {:8x} data: {:16x}  pos:{} ino:{:x} sdev:{:x}\n",
            item.key.fd,
            item.events.load().bits(),
            item.data.get(),
            pos,
            ino,
            dev
        );
        // SAFETY: `m` is valid.
        if unsafe { (*m).count == (*m).size } {
            break;
        }
    }
}
