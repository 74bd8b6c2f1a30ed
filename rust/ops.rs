// SPDX-License-Identifier: GPL-2.0

//! A batch as its caller describes it: the request, and the array of operations in user space.

use super::{
    ffi,
    uapi::{self, CtlFlags, CtlRequest, Op, WaitRequest},
};
use core::mem::MaybeUninit;
use kernel::{ioctl::_IOWR, prelude::*, transmute::FromBytes};

/// `REPOLL_IOC_BATCH`.
pub(crate) const IOC_BATCH: u32 = _IOWR::<Batch>(uapi::TYPE, 0x03);

const ATOMIC: u32 = 1 << 0;

/// `REPOLL_BATCH_MAX`.
const MAX_OPS: u32 = 1024;

/// How many operations are read, carried out and answered together, with the instance's mutex held
/// once for all of them.
pub(crate) const CHUNK: usize = 16;

/// `struct repoll_batch`.
#[repr(C)]
struct Batch {
    ops: u64,
    nr_ops: u32,
    flags: u32,
    wait: u64,
    succeeded: u32,
    reserved: u32,
}

// SAFETY: Integers, of which any bit pattern is valid.
unsafe impl FromBytes for Batch {}

/// A decoded `REPOLL_IOC_BATCH`.
pub(crate) struct BatchRequest {
    /// User address of the array.
    ops: u64,
    pub(crate) nr_ops: u32,
    pub(crate) atomic: bool,
    pub(crate) wait: Option<WaitRequest>,
    /// User address of the request's `succeeded`.
    succeeded: usize,
}

impl BatchRequest {
    /// Reads and checks the request at user address `arg`, and the wait that it refers to.
    ///
    /// The timeout begins here. May sleep. `EFAULT` for the request, `EINVAL` for unknown flags,
    /// `E2BIG` for too many operations, and as [`WaitRequest::read`].
    pub(crate) fn read(arg: usize) -> Result<Self> {
        let raw: Batch = uapi::read(arg)?;
        if raw.flags & !ATOMIC != 0 || raw.reserved != 0 {
            return Err(EINVAL);
        }
        if raw.nr_ops > MAX_OPS {
            return Err(E2BIG);
        }
        let wait = match usize::try_from(raw.wait).map_err(|_| EFAULT)? {
            0 => None,
            wait => Some(WaitRequest::read(wait)?),
        };
        Ok(Self {
            ops: raw.ops,
            nr_ops: raw.nr_ops,
            atomic: raw.flags & ATOMIC != 0,
            wait,
            succeeded: arg.wrapping_add(core::mem::offset_of!(Batch, succeeded)),
        })
    }

    /// The array.
    pub(crate) fn ops(&self) -> UserOps {
        UserOps {
            next: self.ops,
            left: self.nr_ops,
        }
    }

    /// Tells the caller how many operations succeeded. May sleep. `EFAULT`.
    pub(crate) fn put_succeeded(&self, succeeded: u32) -> Result {
        uapi::write(self.succeeded, &succeeded)
    }
}

/// `struct repoll_op`, as it was read, and the result that is for the caller.
#[repr(C)]
pub(crate) struct BatchOp {
    op: i32,
    pub(crate) fd: i32,
    data: u64,
    events: u32,
    flags: u32,
    result: i32,
    reserved: u32,
}

impl BatchOp {
    /// The request that this is, as `REPOLL_IOC_CTL` would have it. `EINVAL` for unknown flags.
    #[inline]
    pub(crate) fn request(&self) -> Result<CtlRequest> {
        if self.reserved != 0 {
            return Err(EINVAL);
        }
        let op = Op::from_raw(self.op);
        let flags = CtlFlags::from_bits(self.flags)?;
        if flags != CtlFlags::NONE {
            flags.check(op, self.fd)?;
            // It would sleep between two operations.
            if op == Some(Op::Del) && flags.intersects(CtlFlags::SYNC) {
                return Err(EINVAL);
            }
        }
        Ok(CtlRequest {
            flags,
            op,
            fd: self.fd,
            events: self.events,
            data: self.data,
        })
    }

    /// Sets its result, of a success `generation`; tells whether it is one.
    #[inline]
    pub(crate) fn answer(&mut self, result: Result, generation: u32) -> bool {
        self.result = match result {
            Ok(()) => generation as i32,
            Err(error) => error.to_errno(),
        };
        result.is_ok()
    }
}

/// Room for the operations of one chunk.
pub(crate) type Chunk = [MaybeUninit<BatchOp>; CHUNK];

/// The part of the array in user space that has not been read yet.
pub(crate) struct UserOps {
    next: u64,
    left: u32,
}

impl UserOps {
    pub(crate) fn is_empty(&self) -> bool {
        self.left == 0
    }

    /// How many operations are left.
    pub(crate) fn len(&self) -> usize {
        self.left as usize
    }

    /// Reads the next operations, as many as there is room for. The result of each is `ECANCELED`
    /// from here on, in user space too.
    ///
    /// May sleep. `EFAULT` when not even the first can be read, or its result not written; fewer
    /// than there is room for, when it is another.
    pub(crate) fn read<'a>(&mut self, room: &'a mut [MaybeUninit<BatchOp>]) -> Result<Ops<'a>> {
        let at = self.next;
        let n = room.len().min(self.len()) as u32;
        // SAFETY: There is room for `n`; the user address is checked by the callee.
        let read = unsafe { ffi::repoll_get_ops(at, room.as_mut_ptr().cast(), n) };
        if read == 0 && n > 0 {
            return Err(EFAULT);
        }
        self.next = at.wrapping_add(u64::from(read).wrapping_mul(size_of::<BatchOp>() as u64));
        self.left = self.left.saturating_sub(read);
        // SAFETY: As many have been written, and any bits make an operation.
        let ops =
            unsafe { core::slice::from_raw_parts_mut(room.as_mut_ptr().cast(), read as usize) };
        Ok(Ops { at, ops })
    }
}

/// Operations that were read.
pub(crate) struct Ops<'a> {
    /// Where they are in user space.
    at: u64,
    pub(crate) ops: &'a mut [BatchOp],
}

impl Ops<'_> {
    /// Into `words` what `fdget()` returns for the fd of each. Each has to be given back, by way of
    /// [`Fd`](super::file::Fd).
    #[inline(always)]
    pub(crate) fn look_up(&self, words: &mut [usize; CHUNK]) {
        let n = self.ops.len().min(CHUNK) as u32;
        // SAFETY: In process context; `n` operations are valid for reads, as many words for writes.
        unsafe { ffi::repoll_fdget_each(self.ops.as_ptr().cast(), n, words.as_mut_ptr()) };
    }

    /// How many of them are ADDs.
    pub(crate) fn adds(&self) -> usize {
        let is_add = |op: &&BatchOp| Op::from_raw(op.op) == Some(Op::Add);
        self.ops.iter().filter(is_add).count()
    }

    /// Writes the results. May sleep. `EFAULT`.
    pub(crate) fn put_results(&self) -> Result {
        let n = self.ops.len() as u32;
        // SAFETY: `n` operations are valid for reads; the user address is checked by the callee.
        let written = unsafe { ffi::repoll_put_results(self.at, self.ops.as_ptr().cast(), n) };
        if written < n {
            return Err(EFAULT);
        }
        Ok(())
    }
}

#[cfg(CONFIG_KUNIT = "y")]
#[kernel::macros::kunit_tests(repoll_ops)]
mod tests {
    use super::*;

    #[test]
    fn structures_are_as_in_the_header() {
        assert_eq!(size_of::<Batch>(), 32);
        assert_eq!(size_of::<BatchOp>(), 32);
        assert_eq!(core::mem::offset_of!(BatchOp, result), 24);
        assert_eq!(IOC_BATCH, 0xc020_e903);
    }
}
