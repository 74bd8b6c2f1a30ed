// SPDX-License-Identifier: GPL-2.0

//! `REPOLL_IOC_STATS`: switches statistics on and off, and reads them.

use super::{
    batch::breathe,
    eventpoll::Eventpoll,
    record::Snapshot,
    uapi::{self, TYPE},
};
use core::mem::offset_of;
use kernel::{
    alloc::KVVec,
    ioctl::_IOWR,
    prelude::*,
    transmute::{AsBytes, FromBytes},
    uaccess::{UserPtr, UserSlice},
};

/// `REPOLL_IOC_STATS`.
pub(crate) const IOC_STATS: u32 = _IOWR::<Raw>(TYPE, 0x05);

/// `REPOLL_STATS_BATCHES` and `REPOLL_STATS_LATENCIES`.
pub(crate) const BATCHES: usize = 16;
pub(crate) const LATENCIES: usize = 40;

/// How many records are read with the mutex held once.
const AT_ONCE: usize = 64;

/// `REPOLL_STATS_END`: the slot behind the last.
const END: u32 = u32::MAX;

/// The most records that one call may ask for: what it returns is an `int`.
const MAX_RECORDS: u32 = i32::MAX as u32 / size_of::<Snapshot>() as u32;

/// `struct repoll_stats`.
#[repr(C)]
struct Raw {
    op: u32,
    cursor: u32,
    instance: u64,
    records: u64,
    nr_records: u32,
    reserved: u32,
}

// SAFETY: Integers, of which any bit pattern is valid.
unsafe impl FromBytes for Raw {}

/// `struct repoll_stats_instance`.
#[repr(C)]
pub(crate) struct InstanceStats {
    pub(crate) on_ns: u64,
    pub(crate) registrations: u64,
    pub(crate) empty: u64,
    pub(crate) sleeps: u64,
    pub(crate) in_vain: u64,
    pub(crate) batches: [u64; BATCHES],
    pub(crate) latencies: [u64; LATENCIES],
}

// SAFETY: Integers without padding.
unsafe impl AsBytes for InstanceStats {}
// SAFETY: Integers without padding, as is asserted where it is defined.
unsafe impl AsBytes for Snapshot {}

/// A decoded `REPOLL_IOC_STATS`.
pub(crate) enum StatsRequest {
    Off,
    On,
    Read(Reading),
}

/// What to read, and where to.
pub(crate) struct Reading {
    /// User address for what is counted of the instance; 0 for nowhere.
    instance: usize,
    /// User address with room for so many records.
    records: usize,
    nr_records: u32,
    /// The slot of the first record to be read.
    slot: u32,
    /// User address for where to go on.
    cursor: usize,
}

impl StatsRequest {
    /// Reads and checks the request at user address `arg`. May sleep. `EFAULT`, `EINVAL`.
    pub(crate) fn read(arg: usize) -> Result<Self> {
        let raw: Raw = uapi::read(arg)?;
        if raw.reserved != 0 {
            return Err(EINVAL);
        }
        let has_more = (raw.cursor, raw.nr_records, raw.instance, raw.records) != (0, 0, 0, 0);
        match raw.op {
            0 | 1 if has_more => Err(EINVAL),
            0 => Ok(Self::Off),
            1 => Ok(Self::On),
            2 if raw.nr_records > MAX_RECORDS => Err(EINVAL),
            2 => Ok(Self::Read(Reading {
                instance: usize::try_from(raw.instance).map_err(|_| EFAULT)?,
                records: usize::try_from(raw.records).map_err(|_| EFAULT)?,
                nr_records: raw.nr_records,
                slot: raw.cursor,
                cursor: arg.wrapping_add(offset_of!(Raw, cursor)),
            })),
            _ => Err(EINVAL),
        }
    }
}

impl Reading {
    /// Stores what is asked for, of `ep`; tells how many records. May sleep.
    ///
    /// `ENODATA` if it keeps no statistics, `EFAULT`, `ENOMEM`, `EINTR` for a fatal signal.
    fn carry_out(&self, ep: &Eventpoll) -> Result<u32> {
        let stats = ep.instance_stats()?;
        if self.instance != 0 {
            uapi::write(self.instance, &stats)?;
        }
        if self.nr_records == 0 {
            return Ok(0);
        }
        let len = (self.nr_records as usize).saturating_mul(size_of::<Snapshot>());
        let mut to = UserSlice::new(UserPtr::from_addr(self.records), len).writer();
        let mut some = KVVec::with_capacity(AT_ONCE, GFP_KERNEL)?;
        let (mut next, mut stored) = (Some(self.slot), 0_u32);
        while let Some(slot) = next.filter(|_| stored < self.nr_records) {
            let left = self.nr_records.wrapping_sub(stored) as usize;
            next = ep.read_stats(slot, left.min(AT_ONCE), &mut some)?;
            for snapshot in some.drain_all() {
                to.write(&snapshot)?;
                stored = stored.wrapping_add(1);
            }
            breathe()?;
        }
        uapi::write(self.cursor, &next.unwrap_or(END))?;
        Ok(stored)
    }
}

impl Eventpoll {
    /// `REPOLL_IOC_STATS`: 1 if statistics were switched on or off already, 0 if they were not; or how
    /// many records were stored. May sleep. As [`Reading::carry_out`].
    #[cold]
    pub(crate) fn stats(&self, request: &StatsRequest) -> Result<u32> {
        match request {
            StatsRequest::Off => Ok((!self.end_stats()).into()),
            StatsRequest::On => self.begin_stats().map(|news| (!news).into()),
            StatsRequest::Read(reading) => reading.carry_out(self),
        }
    }
}

#[cfg(CONFIG_KUNIT = "y")]
#[kernel::macros::kunit_tests(repoll_stats_request)]
mod tests {
    use super::*;

    #[test]
    fn structures_are_as_in_the_header() {
        assert_eq!(size_of::<Raw>(), 32);
        assert_eq!(size_of::<InstanceStats>(), 488);
        assert_eq!(size_of::<Snapshot>(), 128);
        assert_eq!(IOC_STATS, 0xc020_e905);
    }
}
