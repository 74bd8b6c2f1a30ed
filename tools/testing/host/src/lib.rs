// SPDX-License-Identifier: GPL-2.0

//! The ready protocol of the module, and the ready ring, checked on the host.
//!
//! `ready`, `events`, `rdllist` and `ring` are the very files that the module is built from, and
//! `ring_pop` that of the crate. What is around them there, and made of kernel, is here in the same steps, made of std or of the model checker.

#![cfg(test)]

mod atomic;
mod epitem;
mod eventpoll;
#[allow(dead_code)]
#[path = "../../../../rust/events.rs"]
mod events;
#[allow(dead_code)]
#[path = "../../../../rust/rdllist.rs"]
mod rdllist;
#[path = "../../../../rust/ready.rs"]
mod ready;
#[allow(dead_code)]
#[path = "../../../../rust/ring.rs"]
mod ring;
#[allow(dead_code)]
#[path = "../../../rust/repoll/src/ring_pop.rs"]
mod ring_pop;
mod sync;
mod wait_queue;

#[cfg(not(feature = "loom"))]
mod lists;
#[cfg(feature = "loom")]
mod ring_scenarios;
#[cfg(feature = "loom")]
mod scenarios;
#[cfg(not(feature = "loom"))]
mod stress;

#[cfg(feature = "loom")]
mod holds {
    macro_rules! tests {
        ($of:ident: $($scenario:ident)*) => {
            $(#[test]
            fn $scenario() {
                crate::$of::$scenario();
            })*
        };
    }

    tests! { ring_scenarios:
        posts_against_pops
        pops_against_pops
        merge_against_pop
        take_back_against_pop
        far_behind
        all
    }

    tests! { scenarios:
        push_against_drain
        push_again_against_drain
        push_against_new_mask
        push_against_rearming
        push_against_waiter
        pushes_of_one_against_waiter
        new_mask_against_waiter
        two_waiters
        push_against_collector
        collector_beside_waiter
        zero_timeout_against_harvest
        zero_timeout_against_delete
        zero_timeout_against_other_queue
        delete
        order
        all_with_mod
        all_with_del
    }
}

/// Each is a module of the same files but for one of them; made by `build.rs`.
#[cfg(feature = "loom")]
#[allow(dead_code)]
mod mutants {
    include!(concat!(env!("OUT_DIR"), "/mutants.rs"));
}
