// SPDX-License-Identifier: GPL-2.0

//! The ready protocol: how wakeups hand epitems to whoever harvests them.
//!
//! Two lists hold what is ready. The *rdllist* belongs to the holder of the instance's mutex and is
//! no concern of this file, but for one bit that tells whether anything is on it. The *ovflist*,
//! here, is a lock-free stack that wakeups push to from any context: many producers, and one
//! consumer at a time, the holder of the mutex, which takes the whole stack and appends it to the
//! rdllist in order of arrival.
//!
//! # States of a node
//!
//! ```text
//!   idle --push()--> queued --drain()--> idle (the consumer then knows the node)
//! ```
//!
//! A push of a queued node does nothing. Being on the rdllist is a state of its own: an epitem may
//! be there and queued here at once.
//!
//! # Orderings
//!
//! The producer makes its event visible, then calls [`event_happened`] (a full fence), then reads
//! the epitem's mask and calls [`Ovflist::push`].
//!
//! 1. *Push against drain.* The consumer marks nodes idle, then a full fence, then polls them. A
//!    producer that still saw its node queued therefore has its event seen by that poll.
//! 2. *Push against a new mask.* `EPOLL_CTL_MOD` stores the mask, then a full fence, then polls.
//!    A producer that still saw the old mask has its event seen by that poll.
//! 3. *Push against a waiter.* A waiter puts itself on the wait queue, then a full fence, then
//!    asks [`Ovflist::available`]. A producer pushes, then a full fence, then looks for waiters.
//!    One of them sees the other. A producer that found the node queued may skip the fence: the
//!    one that queued it has yet to look for waiters itself.
//! 4. *Moving to the rdllist against asking.* The consumer sets [`Ovflist::available`]'s second
//!    term before it takes the stack (release), and `available` reads the stack (acquire) before
//!    that term. What moves is seen in the one place or the other, so that a zero-timeout wait
//!    never finds nothing while an fd is ready.
//!
//! The file uses nothing but atomics, so that the same text is checked on the host, all
//! interleavings, by a model checker.

use super::atomic::{fence, AtomicBool, AtomicPtr, Ordering};
use core::ptr::{self, NonNull};

/// What makes a structure fit for the ovflist, to be embedded in it.
///
/// # Invariants
///
/// `next` is meaningful only while the node is linked on a stack or a [`Drained`] list, where its
/// writer is the one producer that turned `queued` from false to true.
pub(crate) struct Node {
    next: AtomicPtr<Node>,
    queued: AtomicBool,
}

impl Node {
    /// An idle node.
    pub(crate) fn new() -> Self {
        Self {
            next: AtomicPtr::new(ptr::null_mut()),
            queued: AtomicBool::new(false),
        }
    }

    /// Whether the node is, or is about to be, on the ovflist. Only a holder of the instance's
    /// mutex that has stopped the node's producers can rely on a no.
    pub(crate) fn is_queued(&self) -> bool {
        self.queued.load(Ordering::Relaxed)
    }
}

/// A producer's first step, after its event has become visible (orderings 1 and 2).
#[inline]
pub(crate) fn event_happened() {
    fence(Ordering::SeqCst);
}

/// The overflow list of one instance, and the one bit that stands for its rdllist.
///
/// # Invariants
///
/// Each node on the stack has `queued` set and stays valid until it is drained.
pub(crate) struct Ovflist {
    head: AtomicPtr<Node>,
    /// The rdllist is not empty, or a consumer is at work. Written by the consumer.
    rdllist_busy: AtomicBool,
}

impl Ovflist {
    /// An empty list.
    pub(crate) fn new() -> Self {
        Self {
            head: AtomicPtr::new(ptr::null_mut()),
            rdllist_busy: AtomicBool::new(false),
        }
    }

    /// Queues `node` unless it is queued; tells whether this call did. Any context.
    ///
    /// [`event_happened`] has been called before. Afterwards the caller looks for waiters.
    ///
    /// # Safety
    ///
    /// `node` is only ever pushed to this list, and stays valid and in place until a drain has
    /// returned it or the caller has otherwise seen to it that it is not queued.
    #[inline]
    pub(crate) unsafe fn push(&self, node: &Node) -> bool {
        // The plain load spares an already queued node the locked operation; see ordering 1.
        if node.queued.load(Ordering::Relaxed) || node.queued.swap(true, Ordering::AcqRel) {
            return false;
        }
        let this = ptr::from_ref(node).cast_mut();
        let mut head = self.head.load(Ordering::Relaxed);
        loop {
            // INVARIANT: this call turned `queued` to true.
            node.next.store(head, Ordering::Relaxed);
            match self
                .head
                .compare_exchange_weak(head, this, Ordering::Release, Ordering::Relaxed)
            {
                Ok(_) => break,
                Err(now) => head = now,
            }
        }
        // Ordering 3.
        fence(Ordering::SeqCst);
        true
    }

    /// Whether a harvest might find something. Any context. See orderings 3 and 4.
    #[inline]
    pub(crate) fn available(&self) -> bool {
        !self.head.load(Ordering::Acquire).is_null() || self.rdllist_busy.load(Ordering::Acquire)
    }

    /// Takes all that is queued, in order of arrival, and calls `each` with every node, idle again.
    ///
    /// Ends with a full fence if there was anything (ordering 1). The caller calls
    /// [`Self::settle`] when its work on the rdllist is done.
    ///
    /// # Safety
    ///
    /// The caller is the one consumer, that is, it holds the instance's mutex.
    #[inline]
    pub(crate) unsafe fn drain(&self, mut each: impl FnMut(NonNull<Node>)) {
        if self.head.load(Ordering::Relaxed).is_null() {
            return;
        }
        // Ordering 4; the release in the swap below publishes it.
        self.rdllist_busy.store(true, Ordering::Relaxed);
        let mut lifo = self.head.swap(ptr::null_mut(), Ordering::AcqRel);

        let mut fifo: *mut Node = ptr::null_mut();
        while let Some(node) = NonNull::new(lifo) {
            // SAFETY: By the type's invariant a node that was on the stack is valid, and remains so
            // until this function has passed it to `each`.
            let links = unsafe { node.as_ref() };
            lifo = links.next.load(Ordering::Relaxed);
            links.next.store(fifo, Ordering::Relaxed);
            fifo = node.as_ptr();
        }
        while let Some(node) = NonNull::new(fifo) {
            // SAFETY: As above.
            let links = unsafe { node.as_ref() };
            fifo = links.next.load(Ordering::Relaxed);
            // Release: a producer that now queues the node again must not have its `next` seen by
            // the load above.
            links.queued.store(false, Ordering::Release);
            each(node);
        }
        fence(Ordering::SeqCst);
    }

    /// Says whether the rdllist now holds anything.
    ///
    /// To be called by the consumer only, at the end of its work. A bit that turns on is followed
    /// by a full fence, so that the caller may look for waiters next (ordering 3).
    #[inline]
    pub(crate) fn settle(&self, rdllist_busy: bool) {
        if self.rdllist_busy.load(Ordering::Relaxed) != rdllist_busy {
            self.rdllist_busy.store(rdllist_busy, Ordering::Release);
            if rdllist_busy {
                fence(Ordering::SeqCst);
            }
        }
    }
}
