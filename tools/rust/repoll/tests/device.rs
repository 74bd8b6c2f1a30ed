// SPDX-License-Identifier: LGPL-2.1-only OR MIT

//! The crate against the loaded module: `cargo test -- --include-ignored`.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, FromRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use repoll::{
    Batch, Clock, CtlFlags, Enough, Event, EventFlags, GenerationEvent, Repoll, Timer, TimerOps,
    WakePolicy, Waker,
};

const NO_WAIT: Option<Duration> = Some(Duration::ZERO);

fn pair() -> (UnixStream, UnixStream) {
    UnixStream::pair().unwrap()
}

fn errno<T: std::fmt::Debug>(result: io::Result<T>) -> i32 {
    result.unwrap_err().raw_os_error().unwrap()
}

#[test]
#[ignore = "needs /dev/repoll"]
fn info_tells_version_and_nesting() {
    let info = Repoll::new().unwrap().info().unwrap();
    assert!(info.version >= 1);
    assert!(info.max_nests >= 1);
}

#[test]
#[ignore = "needs /dev/repoll"]
fn level_triggered_event_is_reported_while_ready() {
    let (mut near, mut far) = pair();
    let repoll = Repoll::new().unwrap();
    let mut events = [Event::default(); 4];

    repoll.add(&near, Event::new(EventFlags::IN, 42)).unwrap();
    assert!(repoll.wait(&mut events, NO_WAIT).unwrap().is_empty());

    far.write_all(b"x").unwrap();
    for _ in 0..2 {
        let ready = repoll.wait(&mut events, None).unwrap();
        assert_eq!(ready.len(), 1);
        assert_eq!(ready[0].data(), 42);
        assert_eq!(ready[0].flags(), EventFlags::IN);
    }

    near.read_exact(&mut [0]).unwrap();
    assert!(repoll.wait(&mut events, NO_WAIT).unwrap().is_empty());
}

#[test]
#[ignore = "needs /dev/repoll"]
fn edge_triggered_event_is_reported_once() {
    let (near, mut far) = pair();
    let repoll = Repoll::new().unwrap();
    let mut events = [Event::default(); 4];

    repoll
        .add(&near, Event::new(EventFlags::IN | EventFlags::ET, 1))
        .unwrap();
    far.write_all(b"x").unwrap();
    assert_eq!(repoll.wait(&mut events, NO_WAIT).unwrap().len(), 1);
    assert_eq!(repoll.wait(&mut events, NO_WAIT).unwrap().len(), 0);
}

#[test]
#[ignore = "needs /dev/repoll"]
fn modify_re_arms_a_one_shot_registration() {
    let (near, _far) = pair();
    let repoll = Repoll::new().unwrap();
    let mut events = [Event::default(); 4];
    let once = Event::new(EventFlags::OUT | EventFlags::ONESHOT, 5);

    repoll.add(&near, once).unwrap();
    assert_eq!(repoll.wait(&mut events, NO_WAIT).unwrap().len(), 1);
    assert_eq!(repoll.wait(&mut events, NO_WAIT).unwrap().len(), 0);
    repoll.modify(&near, once).unwrap();
    assert_eq!(repoll.wait(&mut events, NO_WAIT).unwrap()[0].data(), 5);
}

#[test]
#[ignore = "needs /dev/repoll"]
fn errors_are_those_of_epoll() {
    let (near, _far) = pair();
    let repoll = Repoll::new().unwrap();
    let event = Event::new(EventFlags::IN, 0);
    let directory = std::fs::File::open("/proc/self").unwrap();

    assert_eq!(errno(repoll.modify(&near, event)), libc::ENOENT);
    assert_eq!(errno(repoll.delete(&near)), libc::ENOENT);
    repoll.add(&near, event).unwrap();
    assert_eq!(errno(repoll.add(&near, event)), libc::EEXIST);
    repoll.delete(&near).unwrap();
    assert_eq!(errno(repoll.delete(&near)), libc::ENOENT);
    assert_eq!(errno(repoll.add(&directory, event)), libc::EPERM);
    assert_eq!(errno(repoll.add(&repoll, event)), libc::EINVAL);
    assert_eq!(errno(repoll.wait(&mut [], NO_WAIT)), libc::EINVAL);
}

#[test]
#[ignore = "needs /dev/repoll"]
fn wake_policy_goes_with_exclusive_and_one_shot() {
    let (near, _far) = pair();
    let repoll = Repoll::new().unwrap();
    let mut events = [Event::default(); 4];
    let flags = EventFlags::OUT | EventFlags::EXCLUSIVE | EventFlags::ONESHOT;
    let event = Event::new(flags, 6);
    let fifo = CtlFlags::empty().wake_policy(WakePolicy::Fifo);

    assert_eq!(errno(repoll.add(&near, event)), libc::EINVAL);
    let none = CtlFlags::empty();
    assert_eq!(errno(repoll.add_with(&near, event, none)), libc::EINVAL);
    repoll.add_with(&near, event, fifo).unwrap();
    assert_eq!(repoll.wait(&mut events, NO_WAIT).unwrap()[0].data(), 6);
    assert_eq!(repoll.wait(&mut events, NO_WAIT).unwrap().len(), 0);
    assert_eq!(errno(repoll.modify(&near, event)), libc::EINVAL);
    repoll.modify_with(&near, event, fifo).unwrap();
    assert_eq!(repoll.wait(&mut events, NO_WAIT).unwrap().len(), 1);
}

#[test]
#[ignore = "needs /dev/repoll"]
fn registration_ends_with_the_file() {
    let (near, _far) = pair();
    let repoll = Repoll::new().unwrap();
    let mut events = [Event::default(); 4];

    repoll.add(&near, Event::new(EventFlags::OUT, 0)).unwrap();
    drop(near);
    assert!(repoll.wait(&mut events, NO_WAIT).unwrap().is_empty());
}

#[test]
#[ignore = "needs /dev/repoll"]
fn timeout_is_not_early() {
    let repoll = Repoll::new().unwrap();
    let timeout = Duration::new(0, 20_000_001);
    let start = Instant::now();

    let mut events = [Event::default()];
    assert!(repoll.wait(&mut events, Some(timeout)).unwrap().is_empty());
    assert!(start.elapsed() >= timeout);
}

#[test]
#[ignore = "needs /dev/repoll"]
fn more_ready_than_room_is_reported_in_turn() {
    let pairs: Vec<_> = (0..8).map(|_| pair()).collect();
    let repoll = Repoll::new().unwrap();
    for (i, (near, _)) in pairs.iter().enumerate() {
        repoll
            .add(near, Event::new(EventFlags::OUT, i as u64))
            .unwrap();
    }

    let mut seen = [0; 8];
    let mut events = [Event::default(); 3];
    for _ in 0..8 {
        for event in repoll.wait(&mut events, NO_WAIT).unwrap() {
            seen[event.data() as usize] += 1;
        }
    }
    assert_eq!(seen, [3; 8]);
}

#[test]
#[ignore = "needs /dev/repoll"]
fn instances_nest() {
    let (near, mut far) = pair();
    let inner = Repoll::new().unwrap();
    let outer = Repoll::new().unwrap();
    let mut events = [Event::default(); 4];

    inner.add(&near, Event::new(EventFlags::IN, 1)).unwrap();
    outer.add(&inner, Event::new(EventFlags::IN, 2)).unwrap();
    assert!(outer.wait(&mut events, NO_WAIT).unwrap().is_empty());
    far.write_all(b"x").unwrap();
    assert_eq!(outer.wait(&mut events, NO_WAIT).unwrap()[0].data(), 2);
    assert_eq!(inner.wait(&mut events, NO_WAIT).unwrap()[0].data(), 1);
}

#[test]
#[ignore = "needs /dev/repoll"]
fn a_duplicate_is_the_same_instance() {
    let (near, _far) = pair();
    let repoll = Repoll::new().unwrap();
    let duplicate: OwnedFd = repoll.as_fd().try_clone_to_owned().unwrap();
    let duplicate = Repoll::try_from(duplicate).unwrap();
    let event = Event::new(EventFlags::IN, 0);

    repoll.add(&near, event).unwrap();
    assert_eq!(errno(duplicate.add(&near, event)), libc::EEXIST);
}

#[test]
#[ignore = "needs /dev/repoll"]
fn pwait_lets_a_blocked_signal_in() {
    extern "C" fn handler(_signal: libc::c_int) {}

    let repoll = Repoll::new().unwrap();
    let mut events = [Event::default()];
    // SAFETY: plain calls of libc on values of this function; the handler does
    // nothing, and the signal is directed at this thread.
    let none = unsafe {
        let mut mask = std::mem::zeroed();
        let mut none = std::mem::zeroed();
        libc::sigemptyset(&mut none);
        libc::sigemptyset(&mut mask);
        libc::sigaddset(&mut mask, libc::SIGUSR1);
        libc::pthread_sigmask(libc::SIG_BLOCK, &mask, std::ptr::null_mut());
        libc::signal(libc::SIGUSR1, handler as *const () as libc::sighandler_t);
        libc::pthread_kill(libc::pthread_self(), libc::SIGUSR1);
        none
    };

    assert!(repoll.wait(&mut events, NO_WAIT).unwrap().is_empty());
    let error = repoll.pwait(&mut events, None, &none).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::Interrupted);
}

#[test]
#[ignore = "needs /dev/repoll"]
fn bound_registration_ends_with_its_descriptor() {
    let (near, mut far) = pair();
    let copy = near.try_clone().unwrap();
    let repoll = Repoll::new().unwrap();
    let mut events = [Event::default(); 4];

    far.write_all(b"x").unwrap();
    repoll
        .add_with(&near, Event::new(EventFlags::IN, 1), CtlFlags::BIND)
        .unwrap();
    assert_eq!(repoll.wait(&mut events, NO_WAIT).unwrap().len(), 1);
    drop(near);
    assert!(repoll.wait(&mut events, NO_WAIT).unwrap().is_empty());
    drop(copy);
}

#[test]
#[ignore = "needs /dev/repoll"]
fn batch_gives_each_operation_its_result() {
    let (near, far) = pair();
    let repoll = Repoll::new().unwrap();
    let mut batch = Batch::new();
    let mut events = [Event::default(); 4];
    let event = Event::new(EventFlags::OUT, 3);

    batch.add(&near, event);
    batch.add(&near, event);
    batch.delete(&far);
    assert_eq!(repoll.batch(&mut batch).unwrap(), 1);
    let errnos: Vec<_> = batch
        .results()
        .map(|result| result.err().and_then(|error| error.raw_os_error()))
        .collect();
    assert_eq!(errnos, [None, Some(libc::EEXIST), Some(libc::ENOENT)]);

    // One that failed does not let the wait sleep, one that did not does.
    let none = Event::new(EventFlags::PRI, 3);
    batch.clear();
    batch.modify(&near, none);
    batch.delete(&far);
    assert!(repoll
        .batch_wait(&mut batch, &mut events, None)
        .unwrap()
        .is_empty());
    batch.clear();
    batch.modify(&near, event);
    let ready = repoll.batch_wait(&mut batch, &mut events, None).unwrap();
    assert_eq!(ready[0].data(), 3);
}

#[test]
#[ignore = "needs /dev/repoll"]
fn handed_over_registration_is_armed_by_the_next_wait() {
    let (near, mut far) = pair();
    let repoll = Repoll::new().unwrap();
    let ready = || {
        let mut events = [Event::default(); 4];
        repoll.wait(&mut events, NO_WAIT).unwrap().len()
    };

    far.write_all(b"x").unwrap();
    let event = Event::new(EventFlags::IN, 1);
    repoll.add_with(&near, event, CtlFlags::HANDOVER).unwrap();
    assert_eq!(ready(), 1);
    std::thread::scope(|scope| {
        assert_eq!(scope.spawn(ready).join().unwrap(), 0);
    });
    assert_eq!(ready(), 1);
    let oneshot = Event::new(EventFlags::IN | EventFlags::ONESHOT, 1);
    let again = repoll.modify_with(&near, oneshot, CtlFlags::HANDOVER);
    assert_eq!(errno(again), libc::EINVAL);
}

#[test]
#[ignore = "needs /dev/repoll"]
fn deletion_waits_for_who_has_the_event() {
    let (near, mut far) = pair();
    let repoll = Repoll::new().unwrap();
    let (delivered, is_delivered) = std::sync::mpsc::channel();
    let (go_on, may_go_on) = std::sync::mpsc::channel();
    let event = Event::new(EventFlags::IN, 7);

    far.write_all(b"x").unwrap();
    let generation = repoll.add_sync(&near, event, CtlFlags::default()).unwrap();
    std::thread::scope(|scope| {
        let repoll = &repoll;
        scope.spawn(move || {
            let mut events = [GenerationEvent::default(); 4];
            let ready = repoll.wait_generations(&mut events, None).unwrap();
            delivered.send(ready[0]).unwrap();
            may_go_on.recv().unwrap();
        });
        let found = is_delivered.recv().unwrap();
        assert_eq!((found.flags(), found.data()), (EventFlags::IN, 7));
        assert_eq!(found.generation(), Some(generation));
        repoll.delete(&near).unwrap();
        let timed_out = repoll.sync(NO_WAIT).unwrap_err();
        assert_eq!(timed_out.kind(), std::io::ErrorKind::TimedOut);
        go_on.send(()).unwrap();
        repoll.sync(None).unwrap();
    });
    let again = repoll.add_sync(&near, event, CtlFlags::TOKEN).unwrap();
    assert_ne!(generation, again);
    repoll.delete_sync_by_token(7).unwrap();
    repoll.add(&near, event).unwrap();
    assert_eq!(errno(repoll.delete_sync(&near)), libc::EINVAL);
}

#[test]
#[ignore = "needs /dev/repoll"]
fn token_finds_a_registration_whose_descriptor_is_closed() {
    let (near, mut far) = pair();
    let copy = near.try_clone().unwrap();
    let repoll = Repoll::new().unwrap();
    let mut events = [Event::default(); 4];
    let event = Event::new(EventFlags::IN, 7);

    far.write_all(b"x").unwrap();
    repoll.add_with(&near, event, CtlFlags::TOKEN).unwrap();
    let again = repoll.add_with(&copy, event, CtlFlags::TOKEN);
    assert_eq!(errno(again), libc::EEXIST);
    drop(near);
    repoll
        .modify_by_token(Event::new(EventFlags::OUT, 7))
        .unwrap();
    let ready = repoll.wait(&mut events, NO_WAIT).unwrap();
    assert_eq!((ready[0].data(), ready[0].flags()), (7, EventFlags::OUT));
    repoll.delete_by_token(7).unwrap();
    assert!(repoll.wait(&mut events, NO_WAIT).unwrap().is_empty());
    assert_eq!(errno(repoll.delete_by_token(7)), libc::ENOENT);
    drop(copy);
}

#[test]
#[ignore = "needs /dev/repoll"]
fn batch_has_an_effect_as_a_whole_or_not_at_all() {
    let (near, far) = pair();
    let repoll = Repoll::new().unwrap();
    let mut batch = Batch::new();
    let event = Event::new(EventFlags::OUT, 3);

    batch.add(&near, event);
    batch.delete(&far);
    assert!(!repoll.batch_atomic(&mut batch).unwrap());
    assert_eq!(errno(batch.results().next().unwrap()), libc::ECANCELED);
    assert_eq!(errno(repoll.delete(&near)), libc::ENOENT);
    batch.clear();
    batch.add(&near, event);
    batch.add(&far, event);
    assert!(repoll.batch_atomic(&mut batch).unwrap());
    repoll.delete(&near).unwrap();
    repoll.delete(&far).unwrap();
}

#[test]
#[ignore = "needs /dev/repoll"]
fn batch_has_a_limit() {
    let (near, _far) = pair();
    let repoll = Repoll::new().unwrap();
    let mut batch = Batch::new();

    for _ in 0..=repoll::MAX_OPS {
        batch.delete(&near);
    }
    assert_eq!(errno(repoll.batch(&mut batch)), libc::E2BIG);
}

#[test]
#[ignore = "needs /dev/repoll"]
fn batch_finds_registrations_by_token() {
    let (near, far) = pair();
    let repoll = Repoll::new().unwrap();
    let mut batch = Batch::new();
    let event = Event::new(EventFlags::OUT, 3);

    batch.add_with(&near, event, CtlFlags::TOKEN);
    batch.modify_by_token(Event::new(EventFlags::IN, 3));
    batch.modify_by_token(Event::new(EventFlags::IN, 4));
    batch.add_with(&far, event, CtlFlags::BIND);
    batch.delete_by_token(3);
    assert_eq!(repoll.batch(&mut batch).unwrap(), 4);
    let failed = batch.results().nth(2).unwrap();
    assert_eq!(errno(failed), libc::ENOENT);
    assert_eq!(errno(repoll.delete(&near)), libc::ENOENT);
    repoll.delete(&far).unwrap();
}

#[test]
#[ignore = "needs /dev/repoll"]
fn wait_many_ends_with_enough_or_after_the_delay() {
    let (near, mut far) = pair();
    let repoll = Repoll::new().unwrap();
    let mut events = [Event::default(); 4];
    let delay = Duration::from_millis(30);

    repoll.add(&near, Event::new(EventFlags::IN, 1)).unwrap();
    repoll.add(&far, Event::new(EventFlags::IN, 2)).unwrap();
    far.write_all(b"x").unwrap();
    let start = Instant::now();
    let two = Enough::new(2, delay);
    assert_eq!(repoll.wait_many(&mut events, two, None).unwrap().len(), 1);
    assert!(start.elapsed() >= delay);
    (&near).write_all(b"x").unwrap();
    let two = Enough::new(2, Duration::MAX);
    assert_eq!(repoll.wait_many(&mut events, two, None).unwrap().len(), 2);
    let three = Enough::new(3, Duration::MAX);
    let ready = repoll.wait_many(&mut events, three, NO_WAIT).unwrap();
    assert_eq!(ready.len(), 2);
    let nothing = Enough::new(0, delay);
    let error = errno(repoll.wait_many(&mut events, nothing, None));
    assert_eq!(error, libc::EINVAL);
}

#[test]
#[ignore = "needs /dev/repoll"]
fn eventfd_tells_of_events_once() {
    let (near, mut far) = pair();
    let repoll = Repoll::new().unwrap();
    let mut events = [Event::default(); 4];
    // SAFETY: A new file descriptor, which the file owns from here on.
    let mut told = unsafe { std::fs::File::from_raw_fd(libc::eventfd(0, libc::EFD_CLOEXEC)) };
    let mut count = [0; 8];

    let edge = Event::new(EventFlags::IN | EventFlags::ET, 1);
    repoll.add(&near, edge).unwrap();
    repoll.notify_by(&told).unwrap();
    for _ in 0..2 {
        far.write_all(b"xx").unwrap();
        told.read_exact(&mut count).unwrap();
        assert_eq!(u64::from_ne_bytes(count), 1);
        assert_eq!(repoll.wait(&mut events, NO_WAIT).unwrap().len(), 1);
    }
    assert_eq!(errno(repoll.notify_by(&near)), libc::EINVAL);
    repoll.notify_nobody().unwrap();
}

#[test]
#[ignore = "needs /dev/repoll"]
fn timers_need_no_fd() {
    let repoll = Repoll::new().unwrap();
    let mut events = [Event::default(); 4];
    let hour = Duration::from_secs(3600);

    repoll
        .set_timer(7, Timer::after(Duration::from_millis(5)))
        .unwrap();
    let got = repoll.wait(&mut events, None).unwrap();
    assert_eq!(
        (got.len(), got[0].data(), got[0].flags()),
        (1, 7, EventFlags::IN)
    );
    assert_eq!(errno(repoll.timer(7)), libc::ENOENT);
    assert_eq!(errno(repoll.cancel_timer(7)), libc::ENOENT);

    let past = Timer::at(Clock::Boottime, Duration::from_nanos(1)).every(hour);
    repoll.set_timer(8, past.with_slack(hour)).unwrap();
    assert_eq!(repoll.wait(&mut events, NO_WAIT).unwrap().len(), 1);
    let state = repoll.timer(8).unwrap();
    assert_eq!(state.interval, hour);
    assert!(state.expirations >= 1 && state.expiry > Duration::ZERO);

    let mut ops = TimerOps::new();
    ops.set(1, Timer::after(hour));
    ops.cancel(8);
    ops.cancel(9);
    assert_eq!(repoll.timers(&mut ops).unwrap(), 2);
    let results: Vec<_> = ops.results().map(|result| result.is_ok()).collect();
    assert_eq!(results, [true, true, false]);
    repoll.set_timer(1, Timer::after(Duration::MAX)).unwrap();
    assert!(repoll.wait(&mut events, NO_WAIT).unwrap().is_empty());
}

#[test]
#[ignore = "needs /dev/repoll"]
fn ring_has_the_events() {
    let (mut near, mut far) = pair();
    let repoll = Repoll::new().unwrap();
    let ring = repoll.ring(8).unwrap();

    assert_eq!(errno(repoll.ring(8)), libc::EBUSY);
    repoll.add(&near, Event::new(EventFlags::IN, 5)).unwrap();
    assert!(ring.pop().is_none());
    far.write_all(b"x").unwrap();
    let event = ring.pop().unwrap();
    assert_eq!((event.flags(), event.data()), (EventFlags::IN, 5));
    assert!(ring.pop().is_none());

    // Level: still ready, as the next call finds out.
    assert_eq!(ring.enter(None).unwrap(), 1);
    near.read_exact(&mut [0]).unwrap();
    assert_eq!(ring.pop().unwrap().data(), 5);
    assert_eq!(ring.enter(NO_WAIT).unwrap(), 0);
    assert!(!ring.has_more());

    // A hang-up is for the file to say.
    drop(far);
    assert!(ring.has_more());
    assert_eq!(ring.enter(None).unwrap(), 1);
    let mut events = [Event::default(); 2];
    let taken = ring.get(&mut events);
    assert_eq!(taken.len(), 1);
    assert!(taken[0].flags().contains(EventFlags::HUP));
    assert!(ring.get(&mut events).is_empty());
    assert_eq!(errno(repoll.wait(&mut events, NO_WAIT)), libc::EINVAL);
}

#[test]
#[ignore = "needs /dev/repoll"]
fn statistics_tell_who_woke() {
    let (near, mut far) = pair();
    let repoll = Repoll::new().unwrap();
    let mut events = [Event::default(); 4];

    repoll.add(&near, Event::new(EventFlags::IN, 5)).unwrap();
    assert_eq!(errno(repoll.stats()), libc::ENODATA);
    assert!(repoll.stats_on().unwrap());
    assert!(!repoll.stats_on().unwrap());
    far.write_all(b"x").unwrap();
    assert_eq!(repoll.wait(&mut events, NO_WAIT).unwrap().len(), 1);

    let (instance, records) = repoll.stats().unwrap();
    assert_eq!(instance.registrations, 1);
    assert_eq!(instance.batches[0], 1);
    assert_eq!(instance.latencies.iter().sum::<u64>(), 1);
    let [record] = records[..] else {
        panic!("{records:?}");
    };
    assert_eq!((record.data, record.wakes, record.deliveries), (5, 1, 1));
    let Waker::Task { pid, .. } = record.waker() else {
        panic!("{:?}", record.waker());
    };
    assert_eq!(pid as u32, std::process::id());
    assert!(repoll.stats_off().unwrap());
    assert!(!repoll.stats_off().unwrap());
}

#[test]
#[ignore = "needs /dev/repoll"]
fn statistics_of_many_are_all_there() {
    let repoll = Repoll::new().unwrap();
    let pairs: Vec<_> = (0..300).map(|_| pair()).collect();

    repoll.stats_on().unwrap();
    for (number, (near, _)) in pairs.iter().enumerate() {
        repoll
            .add(near, Event::new(EventFlags::IN, number as u64))
            .unwrap();
    }
    let (_, records) = repoll.stats().unwrap();
    let mut numbers: Vec<_> = records.iter().map(|record| record.data).collect();
    numbers.sort();
    assert!(numbers.into_iter().eq(0..300));
}
