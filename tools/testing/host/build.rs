// SPDX-License-Identifier: GPL-2.0

//! Makes the mutants: for each ordering that `ready.rs` documents, a copy of the file without it,
//! and a test that the model checker refuses the copy.

use std::{env, fmt::Write, fs, path::Path};

/// A change of `ready.rs` that breaks it.
struct Mutation {
    name: &'static str,
    /// The text to be replaced, which stands in the file once.
    from: &'static str,
    to: &'static str,
    /// The scenario that shows the damage, and how.
    scenario: &'static str,
    panic: &'static str,
}

const LOST: &str = "an event lost";
const NOT_FOUND: &str = "ready, and not found";
/// What the model checker says when a waiter sleeps for ever.
const DEADLOCK: &str = "deadlock";

const MUTATIONS: &[Mutation] = &[
    Mutation {
        name: "ordering_1_no_fence_after_event",
        from: "pub(crate) fn event_happened() {\n    fence(Ordering::SeqCst);",
        to: "pub(crate) fn event_happened() {",
        scenario: "push_against_drain",
        panic: LOST,
    },
    Mutation {
        name: "ordering_1_weak_fence_after_event",
        from: "pub(crate) fn event_happened() {\n    fence(Ordering::SeqCst);",
        to: "pub(crate) fn event_happened() {\n    fence(Ordering::AcqRel);",
        scenario: "push_against_drain",
        panic: LOST,
    },
    Mutation {
        name: "ordering_1_no_fence_after_drain",
        from: "each(node);\n        }\n        fence(Ordering::SeqCst);",
        to: "each(node);\n        }",
        scenario: "push_against_drain",
        panic: LOST,
    },
    Mutation {
        name: "ordering_2_no_fence_after_event",
        from: "pub(crate) fn event_happened() {\n    fence(Ordering::SeqCst);",
        to: "pub(crate) fn event_happened() {",
        scenario: "push_against_new_mask",
        panic: LOST,
    },
    Mutation {
        name: "ordering_3_no_fence_after_push",
        from: "// Ordering 3.\n        fence(Ordering::SeqCst);",
        to: "",
        scenario: "push_against_waiter",
        panic: DEADLOCK,
    },
    Mutation {
        name: "ordering_3_weak_fence_after_push",
        from: "// Ordering 3.\n        fence(Ordering::SeqCst);",
        to: "fence(Ordering::AcqRel);",
        scenario: "push_against_waiter",
        panic: DEADLOCK,
    },
    Mutation {
        name: "ordering_3_no_fence_before_counting",
        from: "// Ordering 3.\n        fence(Ordering::SeqCst);",
        to: "",
        scenario: "push_against_collector",
        panic: DEADLOCK,
    },
    Mutation {
        name: "ordering_3_no_fence_after_settle",
        from: "if rdllist_busy {\n                fence(Ordering::SeqCst);\n            }",
        to: "",
        scenario: "new_mask_against_waiter",
        panic: DEADLOCK,
    },
    Mutation {
        name: "ordering_4_not_busy_while_draining",
        from: "self.rdllist_busy.store(true, Ordering::Relaxed);\n        let mut lifo",
        to: "let mut lifo",
        scenario: "zero_timeout_against_harvest",
        panic: NOT_FOUND,
    },
    Mutation {
        name: "ordering_4_busy_too_late",
        from: "self.rdllist_busy.store(true, Ordering::Relaxed);\n        \
               let mut lifo = self.head.swap(ptr::null_mut(), Ordering::AcqRel);",
        to: "let mut lifo = self.head.swap(ptr::null_mut(), Ordering::AcqRel);\n        \
             self.rdllist_busy.store(true, Ordering::Release);",
        scenario: "zero_timeout_against_harvest",
        panic: NOT_FOUND,
    },
    Mutation {
        name: "ordering_4_take_without_release",
        from: "self.head.swap(ptr::null_mut(), Ordering::AcqRel)",
        to: "self.head.swap(ptr::null_mut(), Ordering::Acquire)",
        scenario: "zero_timeout_against_harvest",
        panic: NOT_FOUND,
    },
    Mutation {
        name: "ordering_4_ask_without_acquire",
        from: "!self.head.load(Ordering::Acquire).is_null()",
        to: "!self.head.load(Ordering::Relaxed).is_null()",
        scenario: "zero_timeout_against_harvest",
        panic: NOT_FOUND,
    },
    Mutation {
        name: "ordering_4_ask_the_other_way_around",
        from: "!self.head.load(Ordering::Acquire).is_null() || \
               self.rdllist_busy.load(Ordering::Acquire)",
        to: "self.rdllist_busy.load(Ordering::Acquire) || \
             !self.head.load(Ordering::Acquire).is_null()",
        scenario: "zero_timeout_against_harvest",
        panic: NOT_FOUND,
    },
    Mutation {
        name: "push_without_release",
        from: "compare_exchange_weak(head, this, Ordering::Release, Ordering::Relaxed)",
        to: "compare_exchange_weak(head, this, Ordering::Relaxed, Ordering::Relaxed)",
        scenario: "order",
        panic: "",
    },
    Mutation {
        name: "take_without_acquire",
        from: "self.head.swap(ptr::null_mut(), Ordering::AcqRel)",
        to: "self.head.swap(ptr::null_mut(), Ordering::Release)",
        scenario: "order",
        panic: "",
    },
];

/// The files that are compiled anew for each mutant.
const AROUND: [&str; 3] = ["epitem", "eventpoll", "scenarios"];

fn main() {
    let ready = Path::new("../../../rust/ready.rs");
    let rdllist = fs::canonicalize("../../../rust/rdllist.rs").expect("rdllist.rs");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={}", ready.display());

    let out = env::var("OUT_DIR").expect("set by cargo");
    let src = format!(
        "{}/src",
        env::var("CARGO_MANIFEST_DIR").expect("set by cargo")
    );
    let text = fs::read_to_string(ready).expect("ready.rs");
    let mut mutants = String::new();
    for m in MUTATIONS {
        assert_eq!(
            text.matches(m.from).count(),
            1,
            "{}: what is to be replaced is not in ready.rs, or not once",
            m.name
        );
        let mutant = format!("{out}/{}.rs", m.name);
        fs::write(&mutant, text.replace(m.from, m.to)).expect("write a mutant");

        let around = AROUND.map(|name| format!("#[path = \"{src}/{name}.rs\"] mod {name};"));
        writeln!(
            mutants,
            "mod {name} {{
                use crate::{{atomic, events, wait_queue}};
                #[path = {mutant:?}] mod ready;
                #[path = {rdllist:?}] mod rdllist;
                {around}
                #[test]
                #[should_panic(expected = {panic:?})]
                fn is_caught() {{ scenarios::{scenario}() }}
            }}",
            name = m.name,
            around = around.join("\n"),
            panic = m.panic,
            scenario = m.scenario,
        )
        .expect("a string takes all");
    }
    fs::write(format!("{out}/mutants.rs"), mutants).expect("write the list of mutants");
}
