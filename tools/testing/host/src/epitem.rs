// SPDX-License-Identifier: GPL-2.0

//! A registration, as much of it as takes part in the ready protocol, and the file it watches.

use super::{
    eventpoll::Eventpoll,
    events::{AtomicEvents, Events},
    rdllist::Rdllink,
    ready::{event_happened, Node},
};
use crate::{
    atomic::{AtomicBool, AtomicU32, Ordering},
    sync::Mutex,
};
use std::{
    cell::Cell,
    ptr::NonNull,
    sync::{Arc, Weak},
};

/// A watched file: it is readable once something has happened, and stays so.
///
/// Wakeups of one of its wait queues are serialised by that queue's lock, those of two are not.
pub(crate) struct File {
    happened: AtomicU32,
    queues: [Mutex<Option<Entry>>; QUEUES],
}

/// How many wait queues a file has.
pub(crate) const QUEUES: usize = 2;

/// What is on a wait queue: a hook of a registration.
struct Entry {
    hook: NonNull<Hook>,
    ep: Weak<Eventpoll>,
}

// SAFETY: The hook is valid while it is on its queue, and used under the queue's lock.
unsafe impl Send for Entry {}

impl File {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            happened: AtomicU32::new(0),
            queues: [Mutex::new(None), Mutex::new(None)],
        })
    }

    /// Something happens, of which one of the wait queues is told.
    pub(crate) fn event(&self, queue: usize) {
        self.happened.fetch_add(1, Ordering::Relaxed);
        let entry = self.queues[queue].lock().unwrap();
        if let Some(Entry { hook, ep }) = entry.as_ref() {
            // SAFETY: On the queue whose lock is held, and its epitem is alive that long.
            let (hook, item) = unsafe { (hook.as_ref(), hook.as_ref().item.get().as_ref()) };
            item.wake_callback(hook, &ep.upgrade().expect("an instance goes after its hooks"));
        }
    }

    /// How much has happened so far.
    pub(crate) fn happened(&self) -> u32 {
        self.happened.load(Ordering::Relaxed)
    }

    /// Hooks `item` to the wait queues.
    pub(crate) fn hook(&self, item: &Epitem, ep: &Arc<Eventpoll>) {
        for (queue, hook) in self.queues.iter().zip(&item.hooks) {
            hook.item.set(NonNull::from(item));
            *queue.lock().unwrap() = Some(Entry {
                hook: NonNull::from(hook),
                ep: Arc::downgrade(ep),
            });
        }
    }

    /// When this returns, the callback does not run and never will.
    pub(crate) fn unhook(&self) {
        for queue in &self.queues {
            *queue.lock().unwrap() = None;
        }
    }
}

/// A hook of a registration on a wait queue.
#[repr(C)]
pub(crate) struct Hook {
    ready: Node,
    item: Cell<NonNull<Epitem>>,
}

impl Hook {
    fn new() -> Self {
        Self {
            ready: Node::new(),
            item: Cell::new(NonNull::dangling()),
        }
    }
}

/// The epitem of a node that was pushed.
///
/// # Safety
///
/// The node has not been freed.
pub(crate) unsafe fn item_of(node: NonNull<Node>) -> NonNull<Epitem> {
    // SAFETY: The first field of a `repr(C)` type.
    unsafe { node.cast::<Hook>().as_ref() }.item.get()
}

/// A registration.
pub(crate) struct Epitem {
    hooks: [Hook; QUEUES],
    pub(crate) rdllink: Rdllink,
    pub(crate) events: AtomicEvents,
    pub(crate) file: Arc<File>,
    pub(crate) fd: usize,
    /// Removed: nobody may come across it any more.
    pub(crate) gone: AtomicBool,
}

impl Epitem {
    pub(crate) fn new(fd: usize, file: &Arc<File>, events: Events) -> Box<Self> {
        Box::new(Self {
            hooks: [Hook::new(), Hook::new()],
            rdllink: Rdllink::new(),
            events: AtomicEvents::new(events),
            file: file.clone(),
            fd,
            gone: AtomicBool::new(false),
        })
    }

    /// Whether the ovflist refers to it, once it is unhooked.
    pub(crate) fn is_queued(&self) -> bool {
        self.hooks.iter().any(|hook| hook.ready.is_queued())
    }

    pub(crate) fn assert_alive(&self) {
        assert!(!self.gone.load(Ordering::Relaxed), "seen after its removal");
    }

    /// In the steps of `wake_callback()`.
    fn wake_callback(&self, hook: &Hook, ep: &Eventpoll) {
        self.assert_alive();
        event_happened();
        if self.events.load().is_woken_by(Events::IN) {
            ep.notify(&hook.ready);
        }
    }
}
