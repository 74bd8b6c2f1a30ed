// SPDX-License-Identifier: LGPL-2.1-only OR MIT

//! The epoll calls, served by `/dev/repoll`.
//!
//! A [`Repoll`] is what `epoll_create1()` would make: a set of file descriptors,
//! each with the [`Event`] to report when it becomes ready. The names, the flags
//! and the errors are those of `epoll(7)`; an error is the [`std::io::Error`] of
//! the errno that the epoll call of the same name would set.
//!
//! ```no_run
//! use repoll::{Event, EventFlags, Repoll};
//! use std::net::TcpListener;
//! use std::time::Duration;
//!
//! let listener = TcpListener::bind("127.0.0.1:0")?;
//! let repoll = Repoll::new()?;
//! repoll.add(&listener, Event::new(EventFlags::IN, 1))?;
//!
//! let mut events = [Event::default(); 16];
//! for event in repoll.wait(&mut events, Some(Duration::from_secs(1)))? {
//!     println!("{:?} of {}", event.flags(), event.data());
//! }
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! A registration takes a borrowed file descriptor and keeps no hold on it. As
//! with epoll, it ends with the last close of the open file, and an event for a
//! closed file is never reported. One that is made with [`CtlFlags::BIND`] ends with
//! its file descriptor.

#![deny(missing_docs, unsafe_op_in_unsafe_fn)]
#![cfg(target_os = "linux")]

mod atomic {
    // Where the model checker, which has its own, finds them too.
    pub(crate) use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
}
mod batch;
mod ctl_flags;
mod event;
mod instance;
mod notify;
mod ring;
mod ring_pop;
mod stats;
mod sync;
mod timer;
mod uapi;
mod wait_many;

pub use batch::{Batch, MAX_OPS};
pub use ctl_flags::{CtlFlags, WakePolicy};
pub use event::{Event, EventFlags};
pub use instance::{Info, Repoll};
pub use libc::sigset_t;
pub use ring::Ring;
pub use stats::{InstanceStats, Record, Waker, BATCHES, LATENCIES};
pub use sync::{Generation, GenerationEvent};
pub use timer::{Clock, Timer, TimerOps, TimerState};
pub use wait_many::Enough;
