// SPDX-License-Identifier: GPL-2.0

//! The same protocol under real threads, for a sanitizer to watch: epitems are freed in earnest.

use crate::{
    epitem::File,
    eventpoll::{Event, Eventpoll},
    events::Events,
};
use std::{
    sync::{
        atomic::{AtomicBool, AtomicU32, Ordering},
        mpsc, Arc,
    },
    thread,
    time::Duration,
};

const PRODUCERS: usize = 4;
const EVENTS: u32 = 20_000;

fn edge() -> Events {
    Events::IN | Events::ET
}

/// Runs `test` in a thread of its own; fails if it sleeps for ever.
fn within_a_minute(test: impl FnOnce() + Send + 'static) {
    let (done, finished) = mpsc::channel();
    let thread = thread::spawn(move || {
        test();
        done.send(()).ok();
    });
    if let Err(mpsc::RecvTimeoutError::Timeout) = finished.recv_timeout(Duration::from_secs(60)) {
        panic!("a wakeup was lost");
    }
    thread.join().unwrap();
}

fn watching_all() -> (Arc<Eventpoll>, Vec<Arc<File>>) {
    let ep = Eventpoll::new();
    let files: Vec<_> = (0..PRODUCERS).map(|_| File::new()).collect();
    for (fd, file) in files.iter().enumerate() {
        ep.add(fd, file, edge());
    }
    (ep, files)
}

/// Each producer waits for the delivery of one event before the next: as many are delivered as
/// happen, no more, no fewer.
#[test]
fn every_event_is_delivered_once() {
    within_a_minute(|| {
        let (ep, files) = watching_all();
        let delivered: Arc<Vec<AtomicU32>> =
            Arc::new(files.iter().map(|_| AtomicU32::new(0)).collect());
        let producers: Vec<_> = (0..PRODUCERS)
            .map(|fd| {
                let (file, delivered) = (files[fd].clone(), delivered.clone());
                thread::spawn(move || {
                    for n in 1..=EVENTS {
                        file.event(0);
                        while delivered[fd].load(Ordering::Relaxed) < n {
                            thread::yield_now();
                        }
                    }
                })
            })
            .collect();
        let mut left = PRODUCERS as u32 * EVENTS;
        while left > 0 {
            for Event { fd, happened } in ep.wait(PRODUCERS / 2) {
                let before = delivered[fd].fetch_add(1, Ordering::Relaxed);
                assert_eq!(happened, before + 1, "delivered twice, or lost");
                left -= 1;
            }
        }
        producers
            .into_iter()
            .for_each(|producer| producer.join().unwrap());
        assert_eq!(ep.wait_zero(PRODUCERS), []);
    });
}

/// Producers that wait for nobody, on both queues of their files, while registrations come and go
/// and two threads harvest. The last state of each file is delivered.
#[test]
fn no_last_event_is_lost() {
    within_a_minute(|| {
        let (ep, files) = watching_all();
        let done = Arc::new(AtomicBool::new(false));
        let producers: Vec<_> = (0..2 * PRODUCERS)
            .map(|n| {
                let file = files[n / 2].clone();
                thread::spawn(move || (0..EVENTS).for_each(|_| file.event(n % 2)))
            })
            .collect();
        let churn = {
            let (ep, files, done) = (ep.clone(), files.clone(), done.clone());
            thread::spawn(move || {
                while !done.load(Ordering::Relaxed) {
                    for (fd, file) in files.iter().enumerate() {
                        if fd % 2 == 0 {
                            ep.delete(fd);
                            ep.add(fd, file, edge());
                        } else {
                            ep.modify(fd, Events::OUT);
                            ep.modify(fd, edge());
                        }
                    }
                }
            })
        };
        let thief = {
            let (ep, done) = (ep.clone(), done.clone());
            thread::spawn(move || {
                let mut last = [0; PRODUCERS];
                while !done.load(Ordering::Relaxed) {
                    ep.wait_zero(1)
                        .iter()
                        .for_each(|event| last[event.fd] = event.happened);
                    thread::yield_now();
                }
                last
            })
        };
        let mut last = [0; PRODUCERS];
        for _ in 0..EVENTS {
            ep.wait_zero(PRODUCERS)
                .iter()
                .for_each(|event| last[event.fd] = event.happened);
        }
        producers
            .into_iter()
            .for_each(|producer| producer.join().unwrap());
        done.store(true, Ordering::Relaxed);
        churn.join().unwrap();
        let stolen = thief.join().unwrap();
        ep.wait_zero(PRODUCERS)
            .iter()
            .for_each(|event| last[event.fd] = event.happened);
        for fd in 0..PRODUCERS {
            assert_eq!(last[fd].max(stolen[fd]), 2 * EVENTS, "an event lost");
        }
    });
}
