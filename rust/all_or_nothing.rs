// SPDX-License-Identifier: GPL-2.0

//! A batch of which all operations have an effect, or none.
//!
//! Each operation gets all that it may fail to get before the first has an effect: a descriptor, an
//! epitem with its charge, hooks on the wait queues of the file. An ADD is prepared as a
//! registration that nobody knows and that is disarmed, as one-shot leaves it: its wakeups do
//! nothing, and take no exclusive wakeup from others. What is left to ask, under the instance's
//! mutex, is whether the set has what there has to be. From there on nothing fails, and the mutex
//! is not let go of before all is done.

use super::{
    add::Registration,
    batch::breathe,
    ctl::{Change, Checked, Selector},
    epitem::{EpitemBox, Key},
    eventpoll::Eventpoll,
    events::Events,
    extras::Extras,
    file::{Fd, Target, TargetKind},
    interest::Interest,
    ops::{BatchOp, UserOps},
    stock::{Items, OneByOne},
    uapi::{CtlFlags, Op},
    wait_hook, watched_file,
};
use kernel::{alloc::KVVec, prelude::*};

/// A registration that is no member of its set yet, hooked and disarmed.
///
/// # Invariants
///
/// Its wakeups do nothing, so that the ovflist does not refer to it.
struct Draft(Option<EpitemBox>);

impl Draft {
    /// `ENOMEM`, `ENOSPC`. May sleep.
    fn new(ep: &Eventpoll, new: &Registration<'_>) -> Result<Self> {
        let item = OneByOne.make(ep, new, new.events.disarmed())?;
        if new.events.intersects(Events::WAKEUP) {
            item.create_wakeup_source()?;
        }
        // INVARIANT: Disarmed above.
        let draft = Self(Some(item));
        if let Some(item) = &draft.0 {
            // SAFETY: The box does not move its epitem. Its hooks are off before it goes: in `drop`,
            // or by `Eventpoll::remove`.
            unsafe { wait_hook::poll_and_hook(item, new.target, new.events, 0)? };
        }
        Ok(draft)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if let Some(item) = &self.0 {
            // By the type's invariant the ovflist need not be drained.
            item.hooks.unhook();
        }
    }
}

/// An operation that lacks nothing but the instance's mutex.
struct Step {
    what: What,
    key: Key,
    events: Events,
    data: u64,
    /// Keeps the file.
    _fd: Fd,
}

enum What {
    Add(Draft),
    Mod,
    Del,
}

impl Step {
    /// As [`Eventpoll::ctl`], as far as that goes without the mutex; also `EINVAL` for flags, and for
    /// the ADD of an instance. May sleep.
    fn new(ep: &Eventpoll, this: Target<'_>, op: &BatchOp) -> Result<Self> {
        let request = op.request()?;
        if request.flags != CtlFlags::NONE {
            return Err(EINVAL);
        }
        let fd = Fd::get(request.fd)?;
        let checked = Checked::new(&fd, this, &request)?;
        let what = match request.op {
            Some(Op::Add) => {
                let new = Registration::new(&checked, request.data, request.flags)?;
                if new.kind != TargetKind::Plain {
                    return Err(EINVAL);
                }
                What::Add(Draft::new(ep, &new)?)
            }
            Some(Op::Mod) if checked.is_exclusive() => return Err(EINVAL),
            Some(Op::Mod) => What::Mod,
            Some(Op::Del) => What::Del,
            None => return Err(EINVAL),
        };
        let (key, events, data) = (checked.key, checked.events, request.data);
        Ok(Self {
            what,
            key,
            events,
            data,
            _fd: fd,
        })
    }

    /// Whether nothing stands in its way: `EEXIST`, `ENOENT`, `EINVAL`; `ENOMEM`. May sleep.
    fn check(&self, ep: &Eventpoll, interest: &Interest) -> Result {
        match self.what {
            // An instance that others watch has wakeup paths to be counted, under another lock.
            What::Add(_) if ep.topology.is_nested() => Err(EINVAL),
            What::Add(_) if interest.find(self.key).is_some() => Err(EEXIST),
            What::Add(_) if ep.check_for_ring(self.events, CtlFlags::NONE).is_err() => Err(EINVAL),
            What::Add(_) if self.events.intersects(Events::WAKEUP) => interest.ws.create_own(),
            What::Add(_) => Ok(()),
            What::Mod => {
                let item = interest.find(self.key).ok_or(ENOENT)?;
                if item.is_exclusive() {
                    return Err(EINVAL);
                }
                item.check_token(self.data)
            }
            What::Del => interest.find(self.key).map(|_| ()).ok_or(ENOENT),
        }
    }

    fn is_del(&self) -> bool {
        matches!(self.what, What::Del)
    }

    /// Takes effect. After [`Self::check`] of all steps, and with the mutex held since: no error is
    /// returned, for no two steps are about one key. May sleep.
    fn carry_out(&mut self, ep: &Eventpoll, interest: &mut Interest) -> Result {
        let which = Selector::Key(self.key);
        let draft = match &mut self.what {
            What::Del => return ep.delete_from(interest, &mut OneByOne, which),
            What::Mod => {
                let change = Change {
                    events: self.events,
                    data: self.data,
                    policy: None,
                    handover: false,
                };
                // One whose number has been closed meanwhile is about to end anyway.
                let _ = ep.change(interest, which, change);
                return Ok(());
            }
            What::Add(draft) => draft,
        };
        let vacancy = interest.vacancy(self.key).ok_or(EEXIST)?;
        let item = draft.0.take().ok_or(EEXIST)?;
        vacancy.fill(item).map_err(|(error, item)| {
            item.hooks.unhook();
            error
        })?;
        let item = interest.find(self.key).ok_or(ENOENT)?;
        watched_file::enter(item);
        if ep.extras.any(Extras::BUSY_POLL) {
            ep.busy_poll.note_napi(self.key.file);
        }
        interest.begin_record(item);
        ep.begin_ring(item);
        item.arm(self.events, self.data);
        ep.changed(interest, item);
        Ok(())
    }
}

/// The first operation that is about the same fd as one before it.
fn first_repeated(ops: &[BatchOp]) -> Option<usize> {
    // There are few enough to compare each with each.
    let is_repeated = |(index, op): (usize, &BatchOp)| {
        let mut before = ops.iter().take(index);
        before.any(|other| other.fd == op.fd)
    };
    ops.iter().enumerate().position(is_repeated)
}

impl Eventpoll {
    /// Carries out all of the operations, or none; answers each, and tells how many succeeded.
    ///
    /// If one fails, it has its errno for a result and all others have `ECANCELED`. May sleep.
    /// `EFAULT` for the array, `ENOMEM` for a copy of it, `EINTR` for a fatal signal.
    pub(crate) fn run_all_or_nothing(&self, this: Target<'_>, mut from: UserOps) -> Result<u32> {
        let mut room = KVVec::with_capacity(from.len(), GFP_KERNEL_ACCOUNT)?;
        let all = from.read(room.spare_capacity_mut())?;
        if !from.is_empty() {
            return Err(EFAULT);
        }
        let done = match self.try_all(this, all.ops)? {
            Ok(()) => {
                for op in all.ops.iter_mut() {
                    op.answer(Ok(()), 0);
                }
                all.ops.len() as u32
            }
            Err((index, error)) => {
                if let Some(op) = all.ops.get_mut(index) {
                    op.answer(Err(error), 0);
                }
                0
            }
        };
        all.put_results()?;
        Ok(done)
    }

    /// The inner result is that of the operations: which of them failed, if one did.
    fn try_all(&self, this: Target<'_>, ops: &[BatchOp]) -> Result<Result<(), (usize, Error)>> {
        if let Some(index) = first_repeated(ops) {
            return Ok(Err((index, EINVAL)));
        }
        let mut steps = KVVec::with_capacity(ops.len(), GFP_KERNEL_ACCOUNT)?;
        for (index, op) in ops.iter().enumerate() {
            match Step::new(self, this, op) {
                Ok(step) => steps.push(step, GFP_KERNEL_ACCOUNT)?,
                Err(error) => return Ok(Err((index, error))),
            }
            breathe()?;
        }
        let mut interest = loop {
            let interest = self.interest.lock();
            let check = |(index, step): (usize, &Step)| {
                step.check(self, &interest)
                    .err()
                    .map(|error| (index, error))
            };
            match steps.iter().enumerate().find_map(check) {
                None => break interest,
                Some((index, EEXIST)) => {
                    drop(interest);
                    let key = steps.get(index).ok_or(EINVAL)?.key;
                    if !self.make_way(key, None) {
                        return Ok(Err((index, EEXIST)));
                    }
                    breathe()?;
                }
                Some(failed) => return Ok(Err(failed)),
            }
        };
        interest.make_room_for_records(steps.len())?;
        // DELs last: a wait that finds nothing ready does not take the mutex, so that the ready list
        // must not be empty in between unless it is in the end.
        for dels in [false, true] {
            let steps = steps.iter_mut().enumerate();
            for (index, step) in steps.filter(|(_, step)| step.is_del() == dels) {
                if let Err(error) = step.carry_out(self, &mut interest) {
                    return Ok(Err((index, error)));
                }
            }
        }
        Ok(Ok(()))
    }
}
