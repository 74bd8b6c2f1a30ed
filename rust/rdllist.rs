// SPDX-License-Identifier: GPL-2.0

//! The ready list of an instance: which epitems the next harvest looks at, in which order.

use super::epitem::Epitem;
use core::{cell::Cell, ptr::NonNull};

/// An epitem's place on its instance's ready list.
pub(crate) struct Rdllink {
    prev: Cell<Option<NonNull<Epitem>>>,
    next: Cell<Option<NonNull<Epitem>>>,
    linked: Cell<bool>,
}

impl Rdllink {
    pub(crate) fn new() -> Self {
        Self {
            prev: Cell::new(None),
            next: Cell::new(None),
            linked: Cell::new(false),
        }
    }

    /// Whether the epitem is on the list.
    pub(crate) fn is_linked(&self) -> bool {
        self.linked.get()
    }
}

/// The list, part of what the instance's mutex guards.
///
/// # Invariants
///
/// Each member is an epitem of the same interest set, with `linked` set, and its neighbours refer
/// to it; `head` and `tail` are both `None` or both members.
pub(crate) struct Rdllist {
    head: Cell<Option<NonNull<Epitem>>>,
    tail: Cell<Option<NonNull<Epitem>>>,
}

impl Rdllist {
    pub(crate) fn new() -> Self {
        Self {
            head: Cell::new(None),
            tail: Cell::new(None),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.head.get().is_none()
    }

    /// The member that is looked at first.
    pub(crate) fn front(&self) -> Option<&Epitem> {
        // SAFETY: Members are valid while they are on the list, and they leave both the list and
        // the set through an exclusive reference to the set, which this borrow excludes.
        self.head.get().map(|item| unsafe { item.as_ref() })
    }

    /// Appends `item`, which is of the same set, unless it is on the list; tells whether it did.
    pub(crate) fn push_back(&self, item: &Epitem) -> bool {
        if item.rdllink.linked.replace(true) {
            return false;
        }
        let this = Some(NonNull::from(item));
        let tail = self.tail.replace(this);
        item.rdllink.prev.set(tail);
        item.rdllink.next.set(None);
        match tail {
            // SAFETY: As in `front`.
            Some(tail) => unsafe { tail.as_ref() }.rdllink.next.set(this),
            None => self.head.set(this),
        }
        true
    }

    /// The member behind `item`, which is one of this list.
    pub(crate) fn behind(&self, item: &Epitem) -> Option<&Epitem> {
        // SAFETY: As in `front`.
        item.rdllink.next.get().map(|next| unsafe { next.as_ref() })
    }

    /// Prepends `item`, which is of the same set and not on the list.
    pub(crate) fn push_front(&self, item: &Epitem) {
        if item.rdllink.linked.replace(true) {
            return;
        }
        let this = Some(NonNull::from(item));
        let head = self.head.replace(this);
        item.rdllink.next.set(head);
        item.rdllink.prev.set(None);
        match head {
            // SAFETY: As in `front`.
            Some(head) => unsafe { head.as_ref() }.rdllink.prev.set(this),
            None => self.tail.set(this),
        }
    }

    /// Makes `item`, a member, the front: those before it go behind the last one, in order.
    pub(crate) fn begin_with(&self, item: &Epitem) {
        let Some(before) = item.rdllink.prev.replace(None) else {
            return;
        };
        // SAFETY: As in `front`.
        unsafe { before.as_ref() }.rdllink.next.set(None);
        let head = self.head.replace(Some(NonNull::from(item)));
        let tail = self.tail.replace(Some(before));
        if let (Some(head), Some(tail)) = (head, tail) {
            // SAFETY: As in `front`.
            unsafe {
                tail.as_ref().rdllink.next.set(Some(head));
                head.as_ref().rdllink.prev.set(Some(tail));
            }
        }
    }

    /// Takes `item` off the list if it is on it.
    pub(crate) fn remove(&self, item: &Epitem) {
        if !item.rdllink.linked.replace(false) {
            return;
        }
        let (prev, next) = (item.rdllink.prev.get(), item.rdllink.next.get());
        match prev {
            // SAFETY: As in `front`.
            Some(prev) => unsafe { prev.as_ref() }.rdllink.next.set(next),
            None => self.head.set(next),
        }
        match next {
            // SAFETY: As in `front`.
            Some(next) => unsafe { next.as_ref() }.rdllink.prev.set(prev),
            None => self.tail.set(prev),
        }
    }
}
