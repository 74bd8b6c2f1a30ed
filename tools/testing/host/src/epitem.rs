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
    ptr::NonNull,
    sync::{Arc, Weak},
};

/// A watched file: it is readable once something has happened, and stays so.
///
/// Its wait queues are told apart, since wakeups of one of them are serialised by its lock and those
/// of two are not.
pub(crate) struct File {
    happened: AtomicU32,
    queues: [Mutex<Option<Hook>>; 2],
}

/// A registration's place on a wait queue.
#[derive(Clone)]
struct Hook {
    item: NonNull<Epitem>,
    ep: Weak<Eventpoll>,
}

// SAFETY: The epitem is valid while the hook is on its queue, and used under the queue's lock.
unsafe impl Send for Hook {}

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
        let hook = self.queues[queue].lock().unwrap();
        if let Some(Hook { item, ep }) = hook.as_ref() {
            // SAFETY: On the queue whose lock is held.
            let item = unsafe { item.as_ref() };
            item.wake_callback(&ep.upgrade().expect("an instance goes after its hooks"));
        }
    }

    /// How much has happened so far.
    pub(crate) fn happened(&self) -> u32 {
        self.happened.load(Ordering::Relaxed)
    }

    /// Hooks `item` to the wait queues.
    pub(crate) fn hook(&self, item: &Epitem, ep: &Arc<Eventpoll>) {
        for queue in &self.queues {
            *queue.lock().unwrap() = Some(Hook {
                item: NonNull::from(item),
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

/// A registration.
#[repr(C)]
pub(crate) struct Epitem {
    pub(crate) ready: Node,
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
            ready: Node::new(),
            rdllink: Rdllink::new(),
            events: AtomicEvents::new(events),
            file: file.clone(),
            fd,
            gone: AtomicBool::new(false),
        })
    }

    /// The node's epitem.
    pub(crate) fn from_node(node: NonNull<Node>) -> NonNull<Epitem> {
        node.cast()
    }

    pub(crate) fn assert_alive(&self) {
        assert!(!self.gone.load(Ordering::Relaxed), "seen after its removal");
    }

    /// In the steps of `wake_callback()`.
    fn wake_callback(&self, ep: &Eventpoll) {
        self.assert_alive();
        event_happened();
        let events = self.events.load();
        if !events.is_disarmed() && events.intersects(Events::IN) {
            ep.notify(self);
        }
    }
}
