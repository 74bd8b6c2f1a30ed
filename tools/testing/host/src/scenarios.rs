// SPDX-License-Identifier: GPL-2.0

//! What may happen at once, in all interleavings where those are few enough, else in those with up
//! to a bounded number of preemptions. A function here returns if the protocol holds, and panics if
//! not: by an assertion, or by the model checker, for which a waiter that nobody ever wakes is a
//! deadlock.

use super::{
    epitem::File,
    eventpoll::{Event, Eventpoll},
    events::Events,
};
use loom::{model::Builder, thread};
use std::sync::Arc;

const IN: Events = Events::IN;
const ALL: usize = 8;
/// The fds of the two registrations.
const X: usize = 0;
const Y: usize = 1;

fn edge() -> Events {
    Events::IN | Events::ET
}

/// How many times a running thread is made to wait for another one, where all interleavings would
/// take days: three or four threads, or two that push through two queues at once. All else is never
/// bounded.
const PREEMPTIONS: usize = 3;
/// The same for all roles at once.
const PREEMPTIONS_OF_ALL: usize = 2;

/// Checks the interleavings of `scenario`: all of them, or those with up to so many preemptions.
fn check(preemptions: Option<usize>, scenario: fn()) {
    let mut builder = Builder::new();
    builder.preemption_bound = preemptions;
    builder.check(scenario);
}

/// An instance that watches one file.
fn watching(events: Events) -> (Arc<Eventpoll>, Arc<File>) {
    let ep = Eventpoll::new();
    let x = File::new();
    ep.add(X, &x, events);
    (ep, x)
}

/// An instance that watches two files.
fn watching_two(events: Events) -> (Arc<Eventpoll>, Arc<File>, Arc<File>) {
    let (ep, x) = watching(events);
    let y = File::new();
    ep.add(Y, &y, events);
    (ep, x, y)
}

/// A producer: something happens to `file`, on one of its queues.
fn producer(file: &Arc<File>, queue: usize) -> thread::JoinHandle<()> {
    let file = file.clone();
    thread::spawn(move || file.event(queue))
}

/// Ordering 1: two producers of one epitem against two harvests. No edge is lost.
pub(crate) fn push_against_drain() {
    check(Some(PREEMPTIONS), || {
        let (ep, x) = watching(edge());
        let producers = [producer(&x, 0), producer(&x, 0)];
        let mut events = ep.wait_zero(ALL);
        producers.map(|producer| producer.join().unwrap());
        events.extend(ep.wait_zero(ALL));
        let last = events.last().expect("an event lost");
        assert_eq!(last.happened, 2, "an event lost");
    });
}

/// Ordering 1 again: one producer, several times, so that a node is queued anew while it is drained.
pub(crate) fn push_again_against_drain() {
    check(None, || {
        let (ep, x) = watching(edge());
        let file = x.clone();
        let producer = thread::spawn(move || {
            file.event(0);
            file.event(0);
        });
        let mut events = ep.wait_zero(ALL);
        events.extend(ep.wait_zero(ALL));
        producer.join().unwrap();
        events.extend(ep.wait_zero(ALL));
        let last = events.last().expect("an event lost");
        assert_eq!(last.happened, 2, "an event lost");
    });
}

/// Ordering 2: two producers against a mask that begins to want their events.
pub(crate) fn push_against_new_mask() {
    check(Some(PREEMPTIONS), || {
        let (ep, x) = watching(Events::OUT);
        let producers = [producer(&x, 0), producer(&x, 1)];
        ep.modify(X, edge());
        let mut events = ep.wait_zero(ALL);
        producers.map(|producer| producer.join().unwrap());
        events.extend(ep.wait_zero(ALL));
        let last = events.last().expect("an event lost");
        assert_eq!(last.happened, 2, "an event lost");
    });
}

/// Ordering 2 with one-shot, which takes the mask away and is armed again.
pub(crate) fn push_against_rearming() {
    check(Some(PREEMPTIONS), || {
        let (ep, x) = watching(IN | Events::ONESHOT);
        let producer = producer(&x, 0);
        let before = ep.wait_zero(ALL);
        x.event(1);
        ep.modify(X, IN | Events::ONESHOT);
        producer.join().unwrap();
        let after = ep.wait_zero(ALL);
        assert!(before.len() <= 1 && after.len() == 1, "one-shot counts");
        assert_eq!(after[0].happened, 2, "an event lost");
    });
}

/// Ordering 3: two producers against a waiter that takes one event at a time.
pub(crate) fn push_against_waiter() {
    check(Some(PREEMPTIONS), || {
        let (ep, x, y) = watching_two(edge());
        let producers = [producer(&x, 0), producer(&y, 0)];
        let mut fds = [ep.wait(1), ep.wait(1)].map(|events| events[0].fd);
        fds.sort();
        assert_eq!(fds, [X, Y]);
        producers.map(|producer| producer.join().unwrap());
    });
}

/// Ordering 3 with two producers of one epitem, one of which finds it queued.
pub(crate) fn pushes_of_one_against_waiter() {
    check(Some(PREEMPTIONS), || {
        let (ep, x) = watching(edge());
        let producers = [producer(&x, 0), producer(&x, 1)];
        let mut happened = 0;
        while happened < 2 {
            happened = ep.wait(ALL)[0].happened;
        }
        producers.map(|producer| producer.join().unwrap());
    });
}

/// Ordering 3 for MOD, which makes the rdllist not empty without a push.
pub(crate) fn new_mask_against_waiter() {
    check(None, || {
        let (ep, x) = watching(Events::OUT);
        x.event(0);
        let waiter = {
            let ep = ep.clone();
            thread::spawn(move || ep.wait(ALL))
        };
        ep.modify(X, edge());
        let event = Event { fd: X, happened: 1 };
        assert_eq!(waiter.join().unwrap(), [event]);
    });
}

/// Ordering 3 for what a harvest leaves: two waiters, both of which a level-triggered event ends.
pub(crate) fn two_waiters() {
    check(Some(PREEMPTIONS), || {
        let (ep, x) = watching(IN);
        let waiter = {
            let ep = ep.clone();
            thread::spawn(move || ep.wait(ALL))
        };
        let producer = producer(&x, 0);
        assert_eq!(ep.wait(ALL).len(), 1);
        assert_eq!(waiter.join().unwrap().len(), 1);
        producer.join().unwrap();
    });
}

/// Ordering 3 for one who counts: two producers against a waiter that is for two events.
pub(crate) fn push_against_collector() {
    check(Some(PREEMPTIONS), || {
        let (ep, x, y) = watching_two(edge());
        let producers = [producer(&x, 0), producer(&y, 0)];
        assert_eq!(ep.wait_many(ALL, 2).len(), 2);
        producers.map(|producer| producer.join().unwrap());
    });
}

/// A waiter that is for two events hears of those that wake another, who leaves them.
pub(crate) fn collector_beside_waiter() {
    check(Some(PREEMPTIONS_OF_ALL), || {
        let (ep, x, y) = watching_two(IN);
        let waiter = {
            let ep = ep.clone();
            thread::spawn(move || ep.wait(1))
        };
        let producers = [producer(&x, 0), producer(&y, 0)];
        assert_eq!(ep.wait_many(ALL, 2).len(), 2);
        assert_eq!(waiter.join().unwrap().len(), 1);
        producers.map(|producer| producer.join().unwrap());
    });
}

/// Ordering 4: what is ready and stays so is there for each wait, while others harvest it.
pub(crate) fn zero_timeout_against_harvest() {
    check(None, || {
        let (ep, x) = watching(IN);
        let harvester = {
            let ep = ep.clone();
            thread::spawn(move || ep.wait_zero(ALL))
        };
        x.event(0);
        assert_eq!(ep.wait_zero(ALL).len(), 1, "ready, and not found");
        assert!(harvester.join().unwrap().len() <= 1);
    });
}

/// Two wakeups at once through the two queues of one file: each of them makes it ready at once.
pub(crate) fn zero_timeout_against_other_queue() {
    check(Some(PREEMPTIONS), || {
        let (ep, x) = watching(IN);
        let other = producer(&x, 1);
        x.event(0);
        assert_eq!(ep.wait_zero(ALL).len(), 1, "ready, and not found");
        other.join().unwrap();
    });
}

/// Ordering 4 while a DEL of something else moves what is ready.
pub(crate) fn zero_timeout_against_delete() {
    check(None, || {
        let (ep, x, y) = watching_two(IN);
        y.event(0);
        let deleter = {
            let ep = ep.clone();
            thread::spawn(move || ep.delete(Y))
        };
        x.event(0);
        let events = ep.wait_zero(ALL);
        assert!(
            events.iter().any(|event| event.fd == X),
            "ready, and not found"
        );
        deleter.join().unwrap();
    });
}

/// DEL against producers of what is deleted and of what stays.
pub(crate) fn delete() {
    check(Some(PREEMPTIONS), || {
        let (ep, x, y) = watching_two(edge());
        let producers = [producer(&x, 0), producer(&y, 0)];
        ep.delete(X);
        let mut events = ep.wait_zero(ALL);
        producers.map(|producer| producer.join().unwrap());
        events.extend(ep.wait_zero(ALL));
        assert_eq!(events, [Event { fd: Y, happened: 1 }]);
    });
}

/// What happens first is delivered first.
pub(crate) fn order() {
    check(None, || {
        let (ep, x, y) = watching_two(edge());
        let producer = thread::spawn(move || {
            x.event(0);
            y.event(0);
        });
        let mut events = ep.wait_zero(ALL);
        producer.join().unwrap();
        events.extend(ep.wait_zero(ALL));
        let fds: Vec<_> = events.iter().map(|event| event.fd).collect();
        assert_eq!(fds, [X, Y], "out of order");
    });
}

/// All at once, MOD: two producers, MOD of what one of them is the producer of, and a waiter, who
/// is the harvester.
pub(crate) fn all_with_mod() {
    check(Some(PREEMPTIONS_OF_ALL), || {
        let (ep, x, y) = watching_two(edge());
        ep.modify(X, Events::OUT);
        let producers = [producer(&x, 0), producer(&y, 0)];
        let modifier = {
            let ep = ep.clone();
            thread::spawn(move || ep.modify(X, edge()))
        };
        // MOD and the wakeup may both report the one event.
        let mut seen = [false; 2];
        while seen != [true; 2] {
            seen[ep.wait(1)[0].fd] = true;
        }
        producers.map(|producer| producer.join().unwrap());
        modifier.join().unwrap();
    });
}

/// All at once, DEL.
pub(crate) fn all_with_del() {
    check(Some(PREEMPTIONS_OF_ALL), || {
        let (ep, x, y) = watching_two(edge());
        let producers = [producer(&x, 0), producer(&y, 0)];
        let deleter = {
            let ep = ep.clone();
            thread::spawn(move || ep.delete(X))
        };
        while ep.wait(1)[0].fd != Y {}
        producers.map(|producer| producer.join().unwrap());
        deleter.join().unwrap();
        assert_eq!(ep.wait_zero(ALL), []);
    });
}
