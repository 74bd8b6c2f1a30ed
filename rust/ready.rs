// SPDX-License-Identifier: GPL-2.0

//! The ready protocol: how wakeups hand epitems to whoever harvests them.
//!
//! Two lists hold what is ready. The *rdllist* belongs to the holder of the instance's mutex and is
//! no concern of this file, but for one bit that tells whether anything is on it. The *ovflist*,
//! here, is a lock-free stack that wakeups push to from any context: many producers, and one
//! consumer at a time, the holder of the mutex, which takes the whole stack and appends it to the
//! rdllist, upside down: in order of arrival.
//!
//! What is pushed is the node of a wait-queue hook. Of one node there is one producer at a time:
//! whoever has the lock of the wait queue. An epitem with hooks on two queues has two nodes.
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
//! `next` and `queued` go back and forth between the node's producer and the consumer: the push
//! hands them over by its release of the stack's head, the drain by its release of `queued`.
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
//!    one before it, which queued it, has looked for waiters after a fence of its own.
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
/// While `queued` is false, `next` is the producer's; while it is true, the consumer's as soon as
/// the node is on the stack.
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

    /// Whether the node is on the ovflist. To be asked by a holder of the instance's mutex that has
    /// stopped the node's producers.
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
    /// No two calls for `node` run at once, and each sees what the one before did. It is only ever
    /// pushed to this list, and stays valid and in place until a drain has returned it.
    #[inline]
    pub(crate) unsafe fn push(&self, node: &Node) -> bool {
        // Acquire: what the drain that returned the node has read of `next`, it has read before.
        if node.queued.load(Ordering::Acquire) {
            return false;
        }
        node.queued.store(true, Ordering::Relaxed);
        let this = ptr::from_ref(node).cast_mut();
        let mut head = self.head.load(Ordering::Relaxed);
        loop {
            // INVARIANT: Not on the stack yet, so `next` is the producer's.
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

    /// Takes all that is queued and calls `each` with every node, idle again, the last to arrive first.
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

        while let Some(node) = NonNull::new(lifo) {
            // SAFETY: By the type's invariant a node that was on the stack is valid, and remains so
            // until this function has passed it to `each`.
            let links = unsafe { node.as_ref() };
            lifo = links.next.load(Ordering::Relaxed);
            // Release: gives `next`, read above, back to the producer.
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
