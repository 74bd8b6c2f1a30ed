// SPDX-License-Identifier: GPL-2.0

//! Instances that watch instances: no cycles, no deep chains, no explosion of wakeup paths.
//!
//! The checks of in-tree epoll, with its limits. An ADD that makes or extends a nesting holds
//! [`NESTING`] from the check to the insertion, so that no two of them can each see a graph without
//! the other's edge. What the checks walk are the edges between instances, each kept at both its
//! ends under [`LINKS`]; the members that are no instances are walked under the mutex of one
//! instance at a time.

use super::{
    compat,
    epitem::{Epitem, Key},
    eventpoll::Eventpoll,
    file::{Target, TargetKind},
    interest::next_key,
    watched_file,
};
use core::{
    ptr,
    sync::atomic::{AtomicBool, Ordering},
};
use kernel::{
    prelude::*,
    rbtree::{RBTree, RBTreeNodeReservation},
    sync::{Arc, ArcBorrow, GlobalGuard, GlobalLockedBy},
};

/// The longest chain of nested instances, in edges: in-tree's `EP_MAX_NESTS`.
pub(crate) const MAX_NESTS: u32 = 4;

/// How many wakeup paths of each length may lead from one file up to an instance that nobody
/// watches; the index is the number of edges between instances. There is no limit for 0.
const PATH_LIMITS: [u32; 5] = [1000, 500, 100, 50, 10];

kernel::sync::global_lock! {
    // SAFETY: Initialised by the module's init, before the first instance.
    /// Serialises the ADDs that may change the nesting. Taken before any instance's mutex.
    pub(crate) unsafe(uninit) static NESTING: Mutex<u64> = 0;
}

kernel::sync::global_lock! {
    // SAFETY: Initialised by the module's init, before the first instance.
    /// Guards the edges of all instances. Taken after an instance's mutex.
    pub(crate) unsafe(uninit) static LINKS: Mutex<()> = ();
}

/// One end's view of an edge: who is at the other, and the fd number that tells several edges
/// between the same two apart.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Edge {
    peer: *const Eventpoll,
    fd: i32,
}

// SAFETY: An address, dereferenced only under the rules of `Edges`.
unsafe impl Send for Edge {}

/// # Invariants
///
/// `parents` and `children` name instances that are alive: an edge is removed, from both its ends
/// and under [`LINKS`], before either goes.
struct Edges {
    parents: RBTree<Edge, ()>,
    children: RBTree<Edge, ()>,
    /// The walk that last came by, and what it found: a depth.
    stamp: u64,
    depth: u32,
}

/// Where an instance stands among the others.
pub(crate) struct Topology {
    edges: GlobalLockedBy<Edges, LINKS>,
    /// Some instance watches this one, or is about to. Once set it stays: it costs later ADDs of
    /// plain files the check, and nothing else.
    nested: AtomicBool,
}

impl Topology {
    pub(crate) fn new() -> Self {
        Self {
            edges: GlobalLockedBy::new(Edges {
                parents: RBTree::new(),
                children: RBTree::new(),
                stamp: 0,
                depth: 0,
            }),
            nested: AtomicBool::new(false),
        }
    }

    pub(crate) fn is_nested(&self) -> bool {
        self.nested.load(Ordering::Relaxed)
    }
}

type Links = GlobalGuard<LINKS>;

/// Runs `insert`, which registers `target` with `ep`, unless that would make a cycle or too deep a
/// nesting (`ELOOP`) or too many wakeup paths (`EINVAL`). May sleep.
#[cold]
pub(crate) fn add(
    ep: &Eventpoll,
    target: Target<'_>,
    key: Key,
    insert: impl FnOnce() -> Result,
) -> Result {
    let mut stamp = NESTING.lock();
    let Some(child) = target.eventpoll() else {
        if ep.topology.is_nested() {
            if ep.interest.lock().find(key).is_some() {
                return Err(EEXIST);
            }
            let links = LINKS.lock();
            Paths::check(&links, target, Some(ep), None)?;
        }
        insert()?;
        if target.kind() == TargetKind::Foreign {
            mark_above_foreign(&LINKS.lock(), ep);
        }
        return Ok(());
    };

    let mut next_stamp = || {
        *stamp = stamp.wrapping_add(1);
        *stamp
    };
    {
        let mut links = LINKS.lock();
        let below = depth_below(&mut links, child, ep, 0, next_stamp())?;
        let above = depth_above(&mut links, ep, next_stamp());
        if below.saturating_add(1).saturating_add(above) > MAX_NESTS {
            return Err(compat::eloop());
        }
    }
    if ep.interest.lock().find(key).is_some() {
        return Err(EEXIST);
    }
    child.topology.nested.store(true, Ordering::Relaxed);
    check_paths_below(child, ep, next_stamp())?;

    let parent_end = RBTreeNodeReservation::new(GFP_KERNEL_ACCOUNT)?;
    let child_end = RBTreeNodeReservation::new(GFP_KERNEL_ACCOUNT)?;
    let mut links = LINKS.lock();
    // INVARIANT: Both are alive; `forget`, or the undoing below, removes both ends.
    let parent = Edge {
        peer: ep,
        fd: key.fd,
    };
    let down = Edge {
        peer: child,
        fd: key.fd,
    };
    child
        .topology
        .edges
        .as_mut(&mut links)
        .parents
        .insert(parent_end.into_node(parent, ()));
    ep.topology
        .edges
        .as_mut(&mut links)
        .children
        .insert(child_end.into_node(down, ()));
    drop(links);

    let inserted = insert();
    let mut links = LINKS.lock();
    if inserted.is_err() {
        unlink(&mut links, ep, child, key.fd);
    } else if child.has_foreign() {
        mark_above_foreign(&links, ep);
    }
    inserted
}

fn unlink(links: &mut Links, ep: &Eventpoll, child: &Eventpoll, fd: i32) {
    child
        .topology
        .edges
        .as_mut(links)
        .parents
        .remove(&Edge { peer: ep, fd });
    ep.topology
        .edges
        .as_mut(links)
        .children
        .remove(&Edge { peer: child, fd });
}

/// Removes the edge of `item`, a registration of another instance with `ep`. With the mutex of `ep`
/// held. May sleep.
pub(crate) fn forget(ep: &Eventpoll, item: &Epitem) {
    // SAFETY: A registered file has not been released yet, so its instance is alive.
    let target = unsafe { Target::new(item.key.file) };
    if let Some(child) = target.eventpoll() {
        unlink(&mut LINKS.lock(), ep, child, item.key.fd);
    }
}

/// The instance at the other end.
///
/// # Safety
///
/// `edge` is in a tree of edges, and [`LINKS`] is held for `'a`.
unsafe fn peer<'a>(edge: &Edge) -> &'a Eventpoll {
    // SAFETY: By the invariant of `Edges`.
    unsafe { &*edge.peer }
}

/// The longest chain from `ep` down; `ELOOP` if it leads to `root` or is too long for any use.
fn depth_below(
    links: &mut Links,
    ep: &Eventpoll,
    root: &Eventpoll,
    level: u32,
    stamp: u64,
) -> Result<u32> {
    let edges = ep.topology.edges.as_ref(links);
    if edges.stamp == stamp {
        return Ok(edges.depth);
    }
    let mut depth = 0;
    let mut after: Option<Edge> = None;
    while let Some(edge) = next_key(&ep.topology.edges.as_ref(links).children, after) {
        after = Some(edge);
        // SAFETY: In the tree; `links` is held.
        let child: &Eventpoll = unsafe { peer(&edge) };
        if ptr::eq(child, root) || level >= MAX_NESTS {
            return Err(compat::eloop());
        }
        let below = depth_below(links, child, root, level.saturating_add(1), stamp)?;
        depth = depth.max(below.saturating_add(1));
    }
    let edges = ep.topology.edges.as_mut(links);
    (edges.stamp, edges.depth) = (stamp, depth);
    Ok(depth)
}

/// The longest chain from `ep` up. Chains are short, so the recursion is.
fn depth_above(links: &mut Links, ep: &Eventpoll, stamp: u64) -> u32 {
    let edges = ep.topology.edges.as_ref(links);
    if edges.stamp == stamp {
        return edges.depth;
    }
    let mut depth = 0;
    let mut after: Option<Edge> = None;
    while let Some(edge) = next_key(&ep.topology.edges.as_ref(links).parents, after) {
        after = Some(edge);
        // SAFETY: In the tree; `links` is held.
        let above = depth_above(links, unsafe { peer(&edge) }, stamp);
        depth = depth.max(above.saturating_add(1));
    }
    let edges = ep.topology.edges.as_mut(links);
    (edges.stamp, edges.depth) = (stamp, depth);
    depth
}

/// Notes that `ep` and all above it have an in-tree instance below them.
fn mark_above_foreign(links: &Links, ep: &Eventpoll) {
    if ep.set_has_foreign() {
        for edge in ep.topology.edges.as_ref(links).parents.keys() {
            // SAFETY: In the tree; `links` is held.
            mark_above_foreign(links, unsafe { peer(edge) });
        }
    }
}

/// Checks the wakeup paths of every plain file below `child` as if `ep` watched `child`.
fn check_paths_below(child: &Eventpoll, ep: &Eventpoll, stamp: u64) -> Result {
    let mut below = KVec::new();
    collect_below(&mut LINKS.lock(), child, stamp, &mut below)?;
    for instance in below.iter() {
        let interest = instance.interest.lock();
        let mut checked = ptr::null_mut();
        for item in interest.iter() {
            // The registrations of one file are neighbours.
            if item.kind == TargetKind::Nested || item.key.file == checked {
                continue;
            }
            checked = item.key.file;
            // SAFETY: Registered with the locked set.
            let target = unsafe { Target::new(item.key.file) };
            Paths::check(&LINKS.lock(), target, None, Some((child, ep)))?;
        }
    }
    Ok(())
}

/// All instances from `ep` down, each once, kept alive.
fn collect_below(
    links: &mut Links,
    ep: &Eventpoll,
    stamp: u64,
    into: &mut KVec<Arc<Eventpoll>>,
) -> Result {
    let edges = ep.topology.edges.as_mut(links);
    if edges.stamp == stamp {
        return Ok(());
    }
    edges.stamp = stamp;
    // SAFETY: Every instance lives in an `Arc`. Its count is not zero: `ep` is the target of a
    // system call, or at the end of an edge.
    let this: ArcBorrow<'_, Eventpoll> = unsafe { ArcBorrow::from_raw(ptr::from_ref(ep)) };
    into.push(this.into(), GFP_KERNEL)?;
    let mut after: Option<Edge> = None;
    while let Some(edge) = next_key(&ep.topology.edges.as_ref(links).children, after) {
        after = Some(edge);
        // SAFETY: In the tree; `links` is held.
        collect_below(links, unsafe { peer(&edge) }, stamp, into)?;
    }
    Ok(())
}

/// The count of wakeup paths of one file, by length.
struct Paths<'a> {
    links: &'a Links,
    counts: [u32; PATH_LIMITS.len()],
    /// An edge that is not there yet: the child and its new parent.
    proposed: Option<(&'a Eventpoll, &'a Eventpoll)>,
}

impl Paths<'_> {
    /// `EINVAL` if `file`, with `watcher` as a further instance that watches it and `proposed` as a
    /// further edge, had more wakeup paths than allowed.
    fn check(
        links: &Links,
        file: Target<'_>,
        watcher: Option<&Eventpoll>,
        proposed: Option<(&Eventpoll, &Eventpoll)>,
    ) -> Result {
        let mut paths = Paths {
            links,
            counts: [0; PATH_LIMITS.len()],
            proposed,
        };
        let fine = watcher.is_none_or(|ep| paths.count(ep, 0))
            && watched_file::for_each_watcher(file.as_ptr(), |ep| paths.count(ep, 0));
        if fine {
            Ok(())
        } else {
            Err(EINVAL)
        }
    }

    /// Counts the paths from `ep` up; false when there are too many. Ends soon, since the limits
    /// are what bounds it. Does not sleep.
    fn count(&mut self, ep: &Eventpoll, length: usize) -> bool {
        let (Some(count), Some(limit)) = (self.counts.get_mut(length), PATH_LIMITS.get(length))
        else {
            return false;
        };
        let parents = &ep.topology.edges.as_ref(self.links).parents;
        let proposed = self.proposed.filter(|(child, _)| ptr::eq(*child, ep));
        if parents.is_empty() && proposed.is_none() {
            *count = count.saturating_add(1);
            return length == 0 || *count <= *limit;
        }
        let length = length.saturating_add(1);
        parents.keys().all(|edge| {
            // SAFETY: In the tree; `links` is held.
            self.count(unsafe { peer(edge) }, length)
        }) && proposed.is_none_or(|(_, parent)| self.count(parent, length))
    }
}
