// SPDX-License-Identifier: GPL-2.0

//! What else of its set knows a registration that was added with flags: the index of tokens.

use super::{
    epitem::{Epitem, Key},
    interest::Interest,
    uapi::CtlFlags,
};
use core::ptr::NonNull;
use kernel::{
    prelude::*,
    rbtree::{RBTree, RBTreeNodeReservation},
};

/// The registrations of a set whose data is a token, by it. Guarded by the instance's mutex.
pub(crate) type Tokens = RBTree<u64, NonNull<Epitem>>;

/// Room for a registration to be, taken before anything changes.
pub(crate) struct Ties {
    flags: CtlFlags,
    token: Option<RBTreeNodeReservation<u64, NonNull<Epitem>>>,
}

impl Ties {
    /// For a registration with this data. May sleep. `EEXIST` for a token that there is, `ENOMEM`.
    pub(crate) fn new(interest: &Interest, flags: CtlFlags, data: u64) -> Result<Self> {
        let mut token = None;
        if flags.intersects(CtlFlags::TOKEN) {
            if interest.by_token(data).is_some() {
                return Err(EEXIST);
            }
            token = Some(RBTreeNodeReservation::new(GFP_KERNEL_ACCOUNT)?);
        }
        Ok(Self { flags, token })
    }
}

impl Interest {
    /// The registration with this token.
    pub(crate) fn by_token(&self, token: u64) -> Option<&Epitem> {
        // SAFETY: It leaves the index before it leaves the set, and that only through an exclusive
        // reference to the set.
        self.tokens.get(&token).map(|item| unsafe { item.as_ref() })
    }

    /// Enters a new registration where its flags say. `ties` were made since the mutex was locked.
    pub(crate) fn tie(&mut self, key: Key, ties: Ties) {
        let Some(item) = self.find(key) else {
            return;
        };
        item.tied.set(ties.flags);
        let (data, item) = (item.data.get(), NonNull::from(item));
        if let Some(node) = ties.token {
            self.tokens.insert(node.into_node(data, item));
        }
    }

    /// Takes a registration that is about to go out of where [`Self::tie`] has entered it.
    #[cold]
    pub(crate) fn untie(&mut self, item: &Epitem) {
        if item.tied.get().intersects(CtlFlags::TOKEN) {
            self.tokens.remove(&item.data.get());
        }
    }
}
