// SPDX-License-Identifier: GPL-2.0

//! The ready list of an instance: which epitems the next harvest looks at, in which order.

use super::epitem::Epitem;
use core::{cell::Cell, ptr::NonNull};

/// An epitem's place on its instance's ready list.
pub(crate) struct Rdllink {
    /// Without meaning for the front, which nobody writes just because it has become that.
    prev: Cell<NonNull<Epitem>>,
    next: Cell<Option<NonNull<Epitem>>>,
    /// See [`UNLINKED`].
    batch: Cell<u64>,
}

/// The epitem is not on the list. Any other number stands for the [`Arrivals`] that it came with.
const UNLINKED: u64 = 0;
/// It came on its own.
const ALONE: u64 = 1;

impl Rdllink {
    pub(crate) fn new() -> Self {
        Self {
            prev: Cell::new(NonNull::dangling()),
            next: Cell::new(None),
            batch: Cell::new(UNLINKED),
        }
    }

    /// Whether the epitem is on the list.
    pub(crate) fn is_linked(&self) -> bool {
        self.batch.get() != UNLINKED
    }
}

/// The list, part of what the instance's mutex guards.
///
/// # Invariants
///
/// Each member is an epitem of the same interest set and says that it is linked; its neighbours refer
/// to it, but for the front's `prev`; `head` and `tail` are both `None` or both members.
pub(crate) struct Rdllist {
    head: Cell<Option<NonNull<Epitem>>>,
    tail: Cell<Option<NonNull<Epitem>>>,
    /// The number of the last [`Arrivals`]: they are counted, and 64 bits do not wrap.
    batch: Cell<u64>,
}

/// The links of `item`.
///
/// # Safety
///
/// `item` is on a list, or was a moment ago, and is alive for `'a`: members are valid while they are
/// on the list, and they leave both the list and the set through an exclusive reference to the set.
unsafe fn links<'a>(item: NonNull<Epitem>) -> &'a Rdllink {
    // SAFETY: By the caller's promise.
    &unsafe { item.as_ref() }.rdllink
}

impl Rdllist {
    pub(crate) fn new() -> Self {
        Self {
            head: Cell::new(None),
            tail: Cell::new(None),
            batch: Cell::new(ALONE),
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

    /// The member behind `item`, which is one of this list.
    pub(crate) fn behind(&self, item: &Epitem) -> Option<&Epitem> {
        // SAFETY: As in `front`.
        item.rdllink.next.get().map(|next| unsafe { next.as_ref() })
    }

    /// Appends `item`, which is of the same set, unless it is on the list; tells whether it did.
    pub(crate) fn push_back(&self, item: &Epitem) -> bool {
        if item.rdllink.is_linked() {
            return false;
        }
        item.rdllink.batch.set(ALONE);
        item.rdllink.next.set(None);
        self.splice(NonNull::from(item), NonNull::from(item));
        true
    }

    /// Appends the chain from `first` to `last`, which ends there.
    fn splice(&self, first: NonNull<Epitem>, last: NonNull<Epitem>) {
        match self.tail.replace(Some(last)) {
            // SAFETY: The one is a member, the other is becoming one.
            Some(tail) => unsafe {
                links(tail).next.set(Some(first));
                links(first).prev.set(tail);
            },
            None => self.head.set(Some(first)),
        }
    }

    /// Prepends `item`, which is of the same set and not on the list.
    pub(crate) fn push_front(&self, item: &Epitem) {
        if item.rdllink.is_linked() {
            return;
        }
        item.rdllink.batch.set(ALONE);
        let this = NonNull::from(item);
        let head = self.head.replace(Some(this));
        item.rdllink.next.set(head);
        match head {
            // SAFETY: A member.
            Some(head) => unsafe { links(head) }.prev.set(this),
            None => self.tail.set(Some(this)),
        }
    }

    /// Begins to take in what has arrived since the list was last looked at.
    #[inline]
    pub(crate) fn arrivals(&self) -> Arrivals<'_> {
        Arrivals {
            rdllist: self,
            batch: self.batch.get().wrapping_add(1),
            ends: None,
        }
    }

    /// Makes `item`, a member, the front: those before it go behind the last one, in order.
    pub(crate) fn begin_with(&self, item: &Epitem) {
        let this = NonNull::from(item);
        let before = item.rdllink.prev.get();
        match self.head.replace(Some(this)) {
            Some(head) if head != this => {
                // SAFETY: Members: `item` is not the front.
                unsafe { links(before) }.next.set(None);
                if let Some(tail) = self.tail.replace(Some(before)) {
                    // SAFETY: Members.
                    unsafe {
                        links(tail).next.set(Some(head));
                        links(head).prev.set(tail);
                    }
                }
            }
            _ => {}
        }
    }

    /// Takes `item` off the list if it is on it.
    pub(crate) fn remove(&self, item: &Epitem) {
        if item.rdllink.is_linked() {
            self.unlink(item);
        }
    }

    /// Takes `item`, a member, off the list.
    #[inline]
    pub(crate) fn unlink(&self, item: &Epitem) {
        item.rdllink.batch.set(UNLINKED);
        let next = item.rdllink.next.get();
        let prev = if self.head.get() == Some(NonNull::from(item)) {
            self.head.set(next);
            None
        } else {
            let prev = item.rdllink.prev.get();
            // SAFETY: A member: `item` is not the front.
            unsafe { links(prev) }.next.set(next);
            Some(prev)
        };
        match (next, prev) {
            // SAFETY: Members.
            (Some(next), Some(prev)) => unsafe { links(next) }.prev.set(prev),
            (Some(_), None) => {}
            (None, prev) => self.tail.set(prev),
        }
    }
}

/// Members to be, from the last to arrive to the first.
///
/// # Invariants
///
/// `ends` are the first and the last of a chain, linked as members are, that no list refers to. Each
/// in it has `batch` in its [`Rdllink`], and nothing else has.
pub(crate) struct Arrivals<'a> {
    rdllist: &'a Rdllist,
    batch: u64,
    ends: Option<(NonNull<Epitem>, NonNull<Epitem>)>,
}

impl Arrivals<'_> {
    /// Takes in `item`, which is of the same set and arrived before all that are in here, also if it
    /// is one of them; if it is on the list, it stays where it is.
    #[inline(always)]
    pub(crate) fn prepend(&mut self, item: &Epitem) {
        let batch = item.rdllink.batch.replace(self.batch);
        if batch != UNLINKED {
            return self.prepend_again(item, batch);
        }
        let this = NonNull::from(item);
        match self.ends {
            Some((first, last)) => {
                item.rdllink.next.set(Some(first));
                // SAFETY: In the chain.
                unsafe { links(first) }.prev.set(this);
                self.ends = Some((this, last));
            }
            None => {
                item.rdllink.next.set(None);
                self.ends = Some((this, this));
            }
        }
    }

    /// [`Self::prepend`] of what is there already, since `batch`.
    #[cold]
    fn prepend_again(&mut self, item: &Epitem, batch: u64) {
        let this = NonNull::from(item);
        item.rdllink.batch.set(batch);
        let Some((first, mut last)) = self.ends else {
            return;
        };
        if batch != self.batch || first == this {
            return;
        }
        let (prev, next) = (item.rdllink.prev.get(), item.rdllink.next.get());
        // SAFETY: In the chain, and not the first.
        unsafe { links(prev) }.next.set(next);
        match next {
            // SAFETY: In the chain.
            Some(next) => unsafe { links(next) }.prev.set(prev),
            None => last = prev,
        }
        item.rdllink.next.set(Some(first));
        // SAFETY: In the chain.
        unsafe { links(first) }.prev.set(this);
        self.ends = Some((this, last));
    }

    /// Appends them to the list.
    #[inline]
    pub(crate) fn append(self) {
        if let Some((first, last)) = self.ends {
            self.rdllist.batch.set(self.batch);
            self.rdllist.splice(first, last);
        }
    }
}
