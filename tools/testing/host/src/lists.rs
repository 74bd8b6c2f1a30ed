// SPDX-License-Identifier: GPL-2.0

//! The ready list against a model of it, a vector.

use crate::{
    epitem::{Epitem, File},
    events::Events,
    rdllist::Rdllist,
};
use std::collections::VecDeque;

const ITEMS: usize = 6;
const STEPS: usize = 200_000;

/// Numbers below `n`, the same in each run.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % n
    }
}

/// The members, looked at in both directions.
fn members(list: &Rdllist) -> Vec<usize> {
    let members: Vec<_> = std::iter::successors(list.front(), |item| list.behind(item)).collect();
    // Of each but the front, what makes it the front finds the one before it.
    for item in members.iter().rev().take(members.len().saturating_sub(1)) {
        list.begin_with(item);
    }
    if let Some(front) = members.first() {
        list.begin_with(front);
    }
    members.iter().map(|item| item.fd).collect()
}

#[test]
fn ready_list_is_a_list() {
    let file = File::new();
    let items: Vec<_> = (0..ITEMS)
        .map(|fd| Epitem::new(fd, &file, Events::IN))
        .collect();
    let list = Rdllist::new();
    let mut model: VecDeque<usize> = VecDeque::new();
    let mut random = Random(1);

    for _ in 0..STEPS {
        let fd = random.below(ITEMS);
        let (item, place) = (&items[fd], model.iter().position(|&other| other == fd));
        match random.below(6) {
            0 => {
                assert_eq!(list.push_back(item), place.is_none());
                if place.is_none() {
                    model.push_back(fd);
                }
            }
            1 => {
                list.push_front(item);
                if place.is_none() {
                    model.push_front(fd);
                }
            }
            2 => {
                list.remove(item);
                model.retain(|&other| other != fd);
            }
            3 if place.is_some() => {
                list.begin_with(item);
                model.rotate_left(place.unwrap());
            }
            // Arrivals, the last first: where something arrived twice, its place is that of the
            // first time.
            _ => {
                let mut arrivals = list.arrivals();
                let stack: Vec<_> = (0..random.below(ITEMS))
                    .map(|_| random.below(ITEMS))
                    .collect();
                stack.iter().for_each(|&fd| arrivals.prepend(&items[fd]));
                arrivals.append();
                for &fd in stack.iter().rev() {
                    if !model.contains(&fd) {
                        model.push_back(fd);
                    }
                }
            }
        }
        assert_eq!(item.rdllink.is_linked(), model.contains(&fd));
        assert_eq!(list.is_empty(), model.is_empty());
        assert!(members(&list).iter().eq(model.iter()));
    }
}
