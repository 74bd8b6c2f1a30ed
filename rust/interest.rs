// SPDX-License-Identifier: GPL-2.0

//! The interest set of an instance: the red-black tree that owns its epitems, and the ready list.

use super::{
    deliveries::Deliveries,
    epitem::{Epitem, EpitemBox, Key},
    handover::Holds,
    holder::Holders,
    notifier::Notifier,
    rdllist::Rdllist,
    stats::Stats,
    ties::{Bindings, Tokens},
    timers::Timers,
    wake_policy::WakePolicy,
    wakeup::WakeupSource,
};
use core::{cell::Cell, ptr, ptr::NonNull};
use kernel::{
    bindings, container_of,
    prelude::*,
    rbtree::{RBTree, RBTreeNode},
};

/// What the instance's mutex guards. That a caller holds the mutex shows in its having a
/// reference to this.
///
/// # Invariants
///
/// Each node of the tree is the `rbn` of an epitem that the tree owns, ordered by key.
pub(crate) struct Interest {
    root: Cell<bindings::rb_root>,
    pub(crate) rdllist: Rdllist,
    /// The keys of those members that are eventpolls themselves, ours or in-tree's.
    eventpolls: RBTree<Key, ()>,
    pub(crate) tokens: Tokens,
    pub(crate) bindings: Bindings,
    pub(crate) holds: Holds,
    pub(crate) holders: Holders,
    /// With registrations whose deletion can be waited for, or that have been.
    pub(crate) deliveries: Option<KBox<Deliveries>>,
    /// The keys of those members that move when a thread begins to wait.
    fifo: RBTree<Key, ()>,
    /// With such members: a thread has begun to wait since the instance last delivered something.
    pub(crate) idle: Cell<bool>,
    /// Who is told of events that no thread waits for, if anybody.
    pub(crate) notifier: Option<Pin<KBox<Notifier>>>,
    /// Held while a harvest has taken epitems' own wakeup sources over (`EPOLLWAKEUP`).
    pub(crate) ws: WakeupSource,
    pub(crate) timers: Option<KBox<Timers>>,
    /// While statistics are kept.
    pub(crate) stats: Option<KBox<Stats>>,
}

// SAFETY: The pointers are to memory that belongs to the set, whichever thread has it.
unsafe impl Send for Interest {}

impl Interest {
    pub(crate) fn new() -> Self {
        Self {
            root: Cell::new(bindings::rb_root {
                rb_node: ptr::null_mut(),
            }),
            rdllist: Rdllist::new(),
            eventpolls: RBTree::new(),
            tokens: Tokens::new(),
            bindings: Bindings::new(),
            holds: Holds::new(),
            holders: Holders::new(),
            deliveries: None,
            fifo: RBTree::new(),
            idle: Cell::new(false),
            notifier: None,
            ws: WakeupSource::none(),
            timers: None,
            stats: None,
        }
    }

    /// The epitem of a node of the tree.
    ///
    /// # Safety
    ///
    /// `node` is null or in this tree.
    unsafe fn item_of(&self, node: *mut bindings::rb_node) -> Option<&Epitem> {
        if node.is_null() {
            return None;
        }
        // SAFETY: By the type's invariant it is the `rbn` of an epitem, which leaves the tree only
        // through an exclusive reference to the set.
        Some(unsafe { &*container_of!(node.cast::<Cell<bindings::rb_node>>(), Epitem, rbn) })
    }

    /// The registration with this key.
    // A match on cmp() takes two instructions more at each level.
    #[allow(clippy::comparison_chain)]
    #[inline(always)] // Calls do little else.
    pub(crate) fn find(&self, key: Key) -> Option<&Epitem> {
        let mut node = self.root.get().rb_node;
        // SAFETY: The walk starts at the root and follows the links of the tree.
        while let Some(item) = unsafe { self.item_of(node) } {
            let links = item.rbn.get();
            node = if key < item.key {
                links.rb_left
            } else if key == item.key {
                return Some(item);
            } else {
                links.rb_right
            };
        }
        None
    }

    /// The first registration whose key is not below `key`.
    pub(crate) fn at_or_after(&self, key: Key) -> Option<&Epitem> {
        let mut node = self.root.get().rb_node;
        let mut best = None;
        // SAFETY: As in `find`.
        while let Some(item) = unsafe { self.item_of(node) } {
            let links = item.rbn.get();
            if item.key < key {
                node = links.rb_right;
            } else {
                best = Some(item);
                node = links.rb_left;
            }
        }
        best
    }

    /// The first registration of `file` under any number.
    pub(crate) fn first_of(&self, file: *mut bindings::file) -> Option<&Epitem> {
        self.at_or_after(Key { file, fd: i32::MIN })
            .filter(|item| item.key.file == file)
    }

    /// The registration with the lowest key.
    pub(crate) fn first(&self) -> Option<&Epitem> {
        // SAFETY: The tree is consistent and does not change while it is borrowed.
        let node = unsafe { bindings::rb_first(self.root.as_ptr()) };
        // SAFETY: It is null or in the tree.
        unsafe { self.item_of(node) }
    }

    /// All registrations, by key.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Epitem> {
        core::iter::successors(self.first(), |item| {
            // SAFETY: `item` is in the tree, which is consistent.
            let node = unsafe { bindings::rb_next(item.rbn.as_ptr()) };
            // SAFETY: It is null or in the tree.
            unsafe { self.item_of(node) }
        })
    }

    /// The first key behind `after` of a member that is an eventpoll.
    pub(crate) fn next_eventpoll(&self, after: Option<Key>) -> Option<Key> {
        next_key(&self.eventpolls, after)
    }

    /// Those members that move when a thread begins to wait.
    pub(crate) fn fifo(&self) -> impl Iterator<Item = &Epitem> {
        self.fifo.keys().filter_map(|key| self.find(*key))
    }

    /// Gives the registration with this key another policy. May sleep. `ENOENT`, `ENOMEM`.
    pub(crate) fn set_wake_policy(&mut self, key: Key, policy: Option<WakePolicy>) -> Result {
        let item = self.find(key).ok_or(ENOENT)?;
        let moves = item.is_exclusive() && policy == Some(WakePolicy::Fifo);
        if !moves {
            self.fifo.remove(&key);
        } else if !item.moves_when_idle() {
            self.fifo
                .insert(RBTreeNode::new(key, (), GFP_KERNEL_ACCOUNT)?);
            self.idle.set(false);
        }
        self.find(key).ok_or(ENOENT)?.set_wake_policy(policy);
        Ok(())
    }

    /// The place for a registration with this key, `None` if there is one already.
    #[allow(clippy::comparison_chain)] // As in `find`.
    pub(crate) fn vacancy(&mut self, key: Key) -> Option<Vacancy<'_>> {
        let mut parent = ptr::null_mut();
        let mut link: *mut *mut bindings::rb_node =
            // SAFETY: `root` is valid; only the address of its field is taken.
            unsafe { &raw mut (*self.root.as_ptr()).rb_node };
        loop {
            // SAFETY: `link` is the root's field or one of a node of the tree.
            let node = unsafe { *link };
            // SAFETY: It is null or in the tree.
            let Some(there) = (unsafe { self.item_of(node) }) else {
                break;
            };
            parent = node;
            let links = there.rbn.as_ptr();
            // SAFETY: `links` is a node of the tree; only the address of a field is taken.
            link = unsafe {
                if key < there.key {
                    &raw mut (*links).rb_left
                } else if key == there.key {
                    return None;
                } else {
                    &raw mut (*links).rb_right
                }
            };
        }
        // INVARIANT: That is where the walk ended.
        Some(Vacancy {
            interest: self,
            key,
            parent,
            link,
        })
    }

    /// Enters a new member where those are listed that are like it. May sleep. `ENOMEM`.
    #[cold]
    fn list(&mut self, item: &Epitem) -> Result {
        let list = if item.kind.is_eventpoll() {
            &mut self.eventpolls
        } else if item.moves_when_idle() {
            self.idle.set(false);
            &mut self.fifo
        } else {
            return Ok(());
        };
        list.insert(RBTreeNode::new(item.key, (), GFP_KERNEL_ACCOUNT)?);
        Ok(())
    }

    /// Gives up ownership of a registration; it leaves the tree and the ready list.
    ///
    /// # Safety
    ///
    /// `item` is in this set.
    pub(crate) unsafe fn remove(&mut self, item: NonNull<Epitem>) -> EpitemBox {
        // SAFETY: In the set, hence valid.
        let this = unsafe { item.as_ref() };
        self.rdllist.remove(this);
        if this.has_traits() {
            self.forget(this);
        }
        // SAFETY: The node is in this tree.
        unsafe { bindings::rb_erase(this.rbn.as_ptr(), self.root.as_ptr()) };
        // SAFETY: `insert` took it from its box, and the tree no longer has it.
        unsafe { EpitemBox::from_raw(item) }
    }

    /// Takes `item` out of what not every registration is in.
    #[cold]
    fn forget(&mut self, item: &Epitem) {
        if !item.is_simple() {
            self.eventpolls.remove(&item.key);
            self.fifo.remove(&item.key);
        }
        item.leave_ring();
        self.untie(item);
        self.end_record(item);
    }
}

/// The place in a set where a registration belongs that is not there yet.
///
/// # Invariants
///
/// `link` is the empty field of `parent`, or of the root if that is null, where `key` belongs.
pub(crate) struct Vacancy<'a> {
    interest: &'a mut Interest,
    key: Key,
    parent: *mut bindings::rb_node,
    link: *mut *mut bindings::rb_node,
}

impl<'a> Vacancy<'a> {
    /// The set.
    pub(crate) fn interest(&self) -> &Interest {
        self.interest
    }

    /// Takes ownership of a new registration, whose key is the one that was asked for. May sleep.
    /// `ENOMEM`.
    #[inline]
    pub(crate) fn fill(self, item: EpitemBox) -> Result<&'a Epitem, (Error, EpitemBox)> {
        let key = self.key;
        if item.key != key {
            return Err((EINVAL, item));
        }
        if !item.is_simple() {
            if let Err(error) = self.interest.list(&item) {
                return Err((error, item));
            }
        }
        let item = item.into_raw();
        // SAFETY: Valid, since the box owned it. By the type's invariant this is its place; the set
        // has not changed since, for it is borrowed.
        // INVARIANT: The tree owns the epitem from here on.
        unsafe {
            let rbn = item.as_ref().rbn.as_ptr();
            bindings::rb_link_node(rbn, self.parent, self.link);
            bindings::rb_insert_color(rbn, self.interest.root.as_ptr());
            Ok(item.as_ref())
        }
    }
}

/// The first key of `tree` behind `after`, for walks that let go of the tree between two steps.
pub(crate) fn next_key<K: Ord + Copy>(tree: &RBTree<K, ()>, after: Option<K>) -> Option<K> {
    let Some(after) = after else {
        return tree.keys().next().copied();
    };
    let cursor = tree.cursor_lower_bound(&after)?;
    match *cursor.current().0 {
        key if key > after => Some(key),
        _ => cursor.peek_next().map(|(key, ())| *key),
    }
}
