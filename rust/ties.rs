// SPDX-License-Identifier: GPL-2.0

//! What else of its set knows a registration that was added with flags: the index of tokens, the
//! bindings to numbers, the holds of what is handed over, and the generations of what can be deleted
//! with a wait.

use super::{
    binding::Binding,
    deliveries::GenerationMemory,
    epitem::{Epitem, Key},
    eventpoll::Eventpoll,
    events::Events,
    handover::{Hold, HoldMemory},
    interest::Interest,
    uapi::CtlFlags,
};
use core::ptr::NonNull;
use kernel::{
    prelude::*,
    rbtree::{RBTree, RBTreeNode, RBTreeNodeReservation},
    sync::Arc,
};

/// The registrations of a set whose data is a token, by it. Guarded by the instance's mutex.
pub(crate) type Tokens = RBTree<u64, NonNull<Epitem>>;

/// What binds registrations of a set to a number. Guarded by the instance's mutex.
pub(crate) type Bindings = RBTree<Key, Arc<Binding>>;

/// What a registration to be has besides, allocated before anything changes.
pub(crate) struct Ties {
    flags: CtlFlags,
    token: Option<RBTreeNodeReservation<u64, NonNull<Epitem>>>,
    binding: Option<RBTreeNode<Key, Arc<Binding>>>,
    hold: Option<HoldMemory>,
    generation: Option<GenerationMemory>,
}

impl Ties {
    /// For a registration with `ep`, whose set this is. May sleep. `EEXIST` for a token that there
    /// is, `ENOSPC` for a binding too many, `ENOMEM`.
    pub(crate) fn new(
        ep: &Eventpoll,
        interest: &Interest,
        flags: CtlFlags,
        key: Key,
        data: u64,
    ) -> Result<Self> {
        let (mut token, mut binding) = (None, None);
        if flags.intersects(CtlFlags::TOKEN) {
            if interest.by_token(data).is_some() {
                return Err(EEXIST);
            }
            token = Some(RBTreeNodeReservation::new(GFP_KERNEL_ACCOUNT)?);
        }
        if flags.intersects(CtlFlags::BIND) {
            let node = RBTreeNode::new(key, Binding::new(ep, key)?, GFP_KERNEL_ACCOUNT)?;
            binding = Some(node);
        }
        let hold = if flags.intersects(CtlFlags::HANDOVER) {
            Some(Hold::memory()?)
        } else {
            None
        };
        let generation = if flags.intersects(CtlFlags::SYNC) {
            Some(Interest::generation_memory()?)
        } else {
            None
        };
        Ok(Self {
            flags: flags.ties(),
            token,
            binding,
            hold,
            generation,
        })
    }
}

impl Epitem {
    /// Before its data is replaced: `EINVAL` for other data than its token, if it has one.
    pub(crate) fn check_token(&self, data: u64) -> Result {
        if self.tied.get().intersects(CtlFlags::TOKEN) && self.data.get() != data {
            return Err(EINVAL);
        }
        Ok(())
    }
}

impl Interest {
    /// The registration with this token.
    pub(crate) fn by_token(&self, token: u64) -> Option<&Epitem> {
        let item = self.tokens.get(&token)?;
        // SAFETY: It leaves the index before it leaves the set, and that only through an exclusive
        // reference to the set.
        Some(unsafe { item.as_ref() })
    }

    /// What binds a registration to its number, if anything does.
    #[inline]
    pub(crate) fn binding_of(&self, item: &Epitem) -> Option<&Binding> {
        if !item.tied.get().intersects(CtlFlags::BIND) {
            return None;
        }
        self.bindings.get(&item.key).map(|binding| &**binding)
    }

    /// Gives a registration another mask, and other data. `ENOENT` if it was bound to a number that has been closed.
    pub(crate) fn rearm(&self, item: &Epitem, events: Events, data: u64) -> Result {
        match self.binding_of(item) {
            Some(binding) => return binding.rearm(item, events, data),
            None => item.arm(events, data),
        }
        Ok(())
    }

    /// Enters a new registration where its flags say. `ties` were made since the mutex was locked.
    /// Returns the number of its generation, 0 if it has none.
    pub(crate) fn tie(&mut self, key: Key, ties: Ties) -> u32 {
        let Some(item) = self.find(key).map(NonNull::from) else {
            return 0;
        };
        // SAFETY: In the set, which does not lose it here.
        let this = unsafe { item.as_ref() };
        if ties.flags != CtlFlags::NONE {
            this.set_tied(ties.flags);
        }
        if let Some(node) = ties.token {
            self.tokens.insert(node.into_node(this.data.get(), item));
        }
        if let Some(memory) = ties.hold {
            self.begin_handover(memory, item);
        }
        if let Some(node) = ties.binding {
            self.bindings.insert(node);
            if let Some(binding) = self.binding_of(this) {
                binding.enter(this);
            }
        }
        if let Some(memory) = ties.generation {
            self.begin_generation(memory, key);
        }
        self.generation_of(this)
            .map_or(0, |generation| generation.number)
    }

    /// Takes a registration that is about to leave the set out of where [`Self::tie`] has entered
    /// it, if it has.
    #[cold]
    pub(crate) fn untie(&mut self, item: &Epitem) {
        if item.tied.get() == CtlFlags::NONE {
            return;
        }
        if item.tied.get().intersects(CtlFlags::TOKEN) {
            self.tokens.remove(&item.data.get());
        }
        if item.tied.get().intersects(CtlFlags::HANDOVER) {
            self.end_handover(NonNull::from(item));
        }
        if item.tied.get().intersects(CtlFlags::SYNC) {
            self.end_generation(item.key);
        }
        if let Some(binding) = self.bindings.remove(&item.key) {
            binding.leave();
        }
    }
}
