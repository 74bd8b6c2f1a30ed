// SPDX-License-Identifier: LGPL-2.1-only OR MIT

//! Statistics: what is counted of an instance and of its registrations.

use std::ffi::CStr;
use std::io;
use std::os::fd::AsFd;

use crate::instance::Repoll;
use crate::uapi::{ioctl, RepollStats, STATS_OFF, STATS_ON, STATS_READ};

/// How many powers of two [`InstanceStats::batches`] tells apart.
pub const BATCHES: usize = 16;
/// How many powers of two [`InstanceStats::latencies`] tells apart.
pub const LATENCIES: usize = 40;

/// How many records are read in one call.
const AT_ONCE: usize = 256;

/// What is counted of an instance.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InstanceStats {
    /// For how long, in nanoseconds.
    pub on_ns: u64,
    /// How many registrations there are.
    pub registrations: u64,
    /// Waits that returned no event.
    pub empty: u64,
    /// How often a thread slept in a wait.
    pub sleeps: u64,
    /// How often it was woken and found nothing.
    pub in_vain: u64,
    /// Waits that returned 2^i to 2^(i+1) - 1 events; in the last, more too.
    pub batches: [u64; BATCHES],
    /// Events delivered 2^i to 2^(i+1) - 1 nanoseconds after the wakeup; in the last, more
    /// too.
    pub latencies: [u64; LATENCIES],
}

/// What is counted of a registration. Times are in nanoseconds.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// A number that no other registration of the instance has.
    pub id: u64,
    /// The number that it was added under.
    pub fd: i32,
    /// Its flags, as [`EventFlags`](crate::EventFlags) has them.
    pub events: u32,
    /// Its data.
    pub data: u64,
    /// Wakeups for something that its flags ask for.
    pub wakes: u64,
    /// Those of them that came before anybody had looked for the one before.
    pub merged: u64,
    /// Wakeups for something else, or while it was disarmed.
    pub filtered: u64,
    /// How often its event was stored.
    pub deliveries: u64,
    /// How often it was woken, and the file had nothing when it was asked.
    pub spurious: u64,
    /// Deliveries that a wakeup led to.
    pub queued: u64,
    /// Time between that wakeup and the delivery, in all.
    pub queued_ns: u64,
    /// The longest.
    pub queued_max_ns: u64,
    /// How long it has been waiting to be delivered now; 0 if it has not.
    pub queued_since_ns: u64,
    waker: u32,
    waker_cpu: u32,
    waker_pid: i32,
    waker_tid: i32,
    waker_comm: [u8; 16],
}

/// Who sent the last wakeup of a registration.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Waker {
    /// Nobody yet.
    Nobody,
    /// A thread. Its numbers are 0 where it has none, or the caller may not know them.
    Task {
        /// Its process.
        pid: i32,
        /// Itself.
        tid: i32,
        /// The CPU that it ran on.
        cpu: u32,
        /// Its name.
        comm: String,
    },
    /// An interrupt, or what comes after one, on this CPU.
    Interrupt(u32),
    /// A task of another user, on this CPU.
    Hidden(u32),
}

impl Record {
    /// Who sent the last of [`wakes`](Self::wakes).
    pub fn waker(&self) -> Waker {
        let comm = CStr::from_bytes_until_nul(&self.waker_comm);
        match self.waker {
            0 => Waker::Nobody,
            1 => Waker::Task {
                pid: self.waker_pid,
                tid: self.waker_tid,
                cpu: self.waker_cpu,
                comm: comm.map_or(String::new(), |comm| comm.to_string_lossy().into_owned()),
            },
            2 | 3 => Waker::Interrupt(self.waker_cpu),
            _ => Waker::Hidden(self.waker_cpu),
        }
    }
}

impl Repoll {
    /// Begins to keep statistics; tells whether that is news. Whoever began should end.
    ///
    /// # Errors
    ///
    /// `ENOMEM`; `ENOTTY` if the module keeps none.
    pub fn stats_on(&self) -> io::Result<bool> {
        self.switch(STATS_ON)
    }

    /// Keeps statistics no longer, and forgets those there are; tells whether that is news.
    ///
    /// # Errors
    ///
    /// `ENOTTY` if the module keeps none.
    pub fn stats_off(&self) -> io::Result<bool> {
        self.switch(STATS_OFF)
    }

    fn switch(&self, op: u32) -> io::Result<bool> {
        let mut request = RepollStats {
            op,
            ..Default::default()
        };
        // SAFETY: `request` holds no address.
        Ok(unsafe { ioctl(self.as_fd(), &mut request)? } == 0)
    }

    /// What has been counted, of the instance and of each registration, in no order.
    ///
    /// # Errors
    ///
    /// `ENODATA`: statistics are off. `ENOMEM`, and `ENOTTY` if the module keeps none.
    pub fn stats(&self) -> io::Result<(InstanceStats, Vec<Record>)> {
        let mut instance = std::mem::MaybeUninit::<InstanceStats>::uninit();
        let mut records = Vec::new();
        let mut cursor = 0;
        loop {
            records.reserve(AT_ONCE);
            let room = &mut records.spare_capacity_mut()[..AT_ONCE];
            let mut request = RepollStats {
                op: STATS_READ,
                cursor,
                instance: instance.as_mut_ptr() as u64,
                records: room.as_mut_ptr() as u64,
                nr_records: AT_ONCE as u32,
                reserved: 0,
            };
            // SAFETY: There is room for the structure, and for as many records.
            let stored = unsafe { ioctl(self.as_fd(), &mut request)? } as usize;
            // SAFETY: So many have been written, and any bits make a record.
            unsafe { records.set_len(records.len() + stored) };
            cursor = request.cursor;
            if stored < AT_ONCE {
                // SAFETY: Written, and any bits make one.
                return Ok((unsafe { instance.assume_init() }, records));
            }
        }
    }
}
