// SPDX-License-Identifier: GPL-2.0

//! The ready ring: what producers and consumers may do at once, in all interleavings with up to a
//! bounded number of preemptions. As [`crate::scenarios`].

use super::{
    ring::{Entry, Position, Ring},
    ring_pop::get,
};
use crate::{
    atomic::{AtomicU32, AtomicU64},
    sync::Mutex,
};
use loom::{model::Builder, thread};
use std::sync::Arc;

const PREEMPTIONS: usize = 3;
/// The same for two producers and two consumers.
const PREEMPTIONS_OF_ALL: usize = 2;

/// A ring, and two registrations: what the lock of posts guards are their last entries.
struct Shared {
    entries: Vec<Entry>,
    head: AtomicU32,
    tail: AtomicU64,
    last: Mutex<[Option<Position>; 2]>,
}

/// Those that were posted, or taken: the bits of each registration, as often as they were.
type Bits = Vec<(usize, u32)>;

impl Shared {
    fn new(len: usize) -> Arc<Self> {
        let entry = || Entry {
            word: AtomicU64::new(0),
            data: AtomicU64::new(0),
        };
        let this = Self {
            entries: (0..len).map(|_| entry()).collect(),
            head: AtomicU32::new(0),
            tail: AtomicU64::new(0),
            last: Mutex::new([None; 2]),
        };
        this.ring().clear();
        Arc::new(this)
    }

    fn ring(&self) -> Ring<'_> {
        Ring {
            entries: &self.entries,
            head: &self.head,
            tail: &self.tail,
        }
    }

    /// Posts `bit` of registration `item`; tells what was posted.
    fn post(&self, item: usize, bit: u32) -> Option<(usize, u32)> {
        let mut last = self.last.lock().unwrap();
        let posted = self.ring().post(last[item], bit, item as u64);
        if posted.is_some() {
            last[item] = posted;
        }
        posted.map(|_| (item, bit))
    }

    fn take_back(&self, item: usize) {
        let mut last = self.last.lock().unwrap();
        if let Some(position) = last[item].take() {
            self.ring().take_back(position);
        }
    }

    /// Takes up to `n` events, at once; tells which bits.
    fn pop(&self, n: usize) -> Bits {
        let mut bits = Vec::new();
        let slot = |at| {
            let entry = &self.entries[at as usize % self.entries.len()];
            Some((&entry.word, &entry.data))
        };
        get(&self.head, slot, n, |events, data| {
            let bit = |bit: &u32| events & 1 << bit != 0;
            bits.extend((0..8).filter(bit).map(|n| (data as usize, 1 << n)));
        });
        bits
    }

    /// What is left. There is nobody else any more.
    fn pop_all(&self) -> Bits {
        let rest = self.pop(8);
        assert!(
            self.pop(1).is_empty() && self.ring().len() == 0,
            "an event left"
        );
        rest
    }
}

/// A thread that posts bits of a registration, one after the other.
fn producer(shared: &Arc<Shared>, item: usize, bits: &'static [u32]) -> thread::JoinHandle<Bits> {
    let shared = shared.clone();
    thread::spawn(move || {
        let post = |bit: &u32| shared.post(item, *bit);
        bits.iter().filter_map(post).collect()
    })
}

/// A thread that takes up to two events, at once.
fn consumer(shared: &Arc<Shared>) -> thread::JoinHandle<Bits> {
    let shared = shared.clone();
    thread::spawn(move || shared.pop(2))
}

fn check(preemptions: usize, scenario: fn()) {
    let mut builder = Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.check(scenario);
}

fn assert_same(mut posted: Bits, mut taken: Bits) {
    posted.sort();
    taken.sort();
    assert_eq!(taken, posted, "an event lost, or twice");
}

/// One producer against one consumer, in a ring of one entry, which is used again and again.
pub(crate) fn posts_against_pops() {
    check(PREEMPTIONS, || {
        let shared = Shared::new(1);
        let mut posted = Vec::from_iter(shared.post(0, 1));
        let producer = {
            let shared = shared.clone();
            thread::spawn(move || {
                let mut posted = Vec::from_iter(shared.post(1, 0x10));
                posted.extend(shared.post(0, 2));
                posted
            })
        };
        let mut taken = shared.pop(2);
        posted.extend(producer.join().unwrap());
        taken.extend(shared.pop_all());
        assert_same(posted, taken);
    });
}

/// Two consumers, one of which may be overtaken between taking an event and moving the head on.
pub(crate) fn pops_against_pops() {
    check(PREEMPTIONS, || {
        let shared = Shared::new(2);
        let mut posted = Vec::from_iter(shared.post(0, 1));
        posted.extend(shared.post(1, 0x10));
        let consumer = consumer(&shared);
        let mut taken = shared.pop(1);
        posted.extend(shared.post(0, 2));
        taken.extend(shared.pop(1));
        taken.extend(consumer.join().unwrap());
        taken.extend(shared.pop_all());
        assert_same(posted, taken);
    });
}

/// More bits for an entry that is about to be taken.
pub(crate) fn merge_against_pop() {
    check(PREEMPTIONS, || {
        let shared = Shared::new(2);
        let mut posted = Vec::from_iter(shared.post(0, 1));
        let consumer = consumer(&shared);
        posted.extend(shared.post(0, 2));
        posted.extend(shared.post(0, 4));
        let mut taken = consumer.join().unwrap();
        taken.extend(shared.pop_all());
        assert_same(posted, taken);
    });
}

/// After DEL nobody takes the event; before, one may.
pub(crate) fn take_back_against_pop() {
    check(PREEMPTIONS, || {
        let shared = Shared::new(1);
        shared.post(0, 1);
        let consumer = consumer(&shared);
        shared.take_back(0);
        let posted = Vec::from_iter(shared.post(1, 0x10));
        let after = shared.pop(1);
        assert!(
            after.iter().all(|(item, _)| *item == 1),
            "taken after it was taken back"
        );
        let mut taken = consumer.join().unwrap();
        taken.retain(|bits| *bits != (0, 1));
        taken.extend(after);
        taken.extend(shared.pop_all());
        assert_same(posted, taken);
    });
}

/// A consumer who has not looked for long, while entries came and were taken back: what there is now is
/// found, and counted.
pub(crate) fn far_behind() {
    check(PREEMPTIONS, || {
        let shared = Shared::new(2);
        for _ in 0..5 {
            shared.post(0, 1);
            shared.take_back(0);
        }
        let mut posted = Vec::from_iter(shared.post(0, 1));
        let consumer = consumer(&shared);
        assert!(shared.ring().len() <= 1, "more than there are");
        posted.extend(shared.post(1, 0x10));
        let mut taken = shared.pop(1);
        taken.extend(consumer.join().unwrap());
        taken.extend(shared.pop_all());
        assert_same(posted, taken);
    });
}

/// All at once: two producers, two consumers, and a call that asks how many events there are.
pub(crate) fn all() {
    check(PREEMPTIONS_OF_ALL, || {
        let shared = Shared::new(2);
        let producers = [producer(&shared, 0, &[1, 2]), producer(&shared, 1, &[0x10])];
        let consumer = consumer(&shared);
        let mut taken = shared.pop(1);
        assert!(shared.ring().len() <= 2);
        taken.extend(shared.pop(1));
        let mut posted = Vec::new();
        for producer in producers {
            posted.extend(producer.join().unwrap());
        }
        taken.extend(consumer.join().unwrap());
        taken.extend(shared.pop_all());
        assert_same(posted, taken);
    });
}
