// SPDX-License-Identifier: GPL-2.0

//! Makes the mutants: for each ordering that `ready.rs` or `ring.rs` documents, a copy of the file
//! without it, and a test that the model checker refuses the copy.

use std::{env, fmt::Write, fs};

/// A change of a file that breaks it.
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

/// The same of the ring: the kernel's side, and the consumers'.
const OF_RING: &[Mutation] = &[
    Mutation {
        name: "ring_ordering_1_post_without_release",
        from: "entry.word.store(word(position, events), Ordering::Release);",
        to: "entry.word.store(word(position, events), Ordering::Relaxed);",
        scenario: "posts_against_pops",
        panic: "",
    },
    Mutation {
        name: "ring_ordering_1_word_before_data",
        from: "entry.data.store(data, Ordering::Relaxed);\n        // Ordering 1.\n        \
               entry.word.store(word(position, events), Ordering::Release);",
        to: "entry.word.store(word(position, events), Ordering::Release);\n        \
             entry.data.store(data, Ordering::Relaxed);",
        scenario: "posts_against_pops",
        panic: "",
    },
    Mutation {
        name: "ring_post_to_what_is_not_free",
        from: "if entry.word.load(Ordering::Acquire) & EVENTS != 0 {",
        to: "if entry.word.load(Ordering::Acquire) & EVENTS == EVENTS {",
        scenario: "posts_against_pops",
        panic: "",
    },
    Mutation {
        name: "ring_merge_without_a_look",
        from: "let exchanged =\n                entry\n                    .word\n                    \
               .compare_exchange(now, merged, Ordering::Release, Ordering::Relaxed);\n            \
               if exchanged.is_ok() {\n                return last;\n            }",
        to: "entry.word.store(merged, Ordering::Release);\n            return last;",
        scenario: "merge_against_pop",
        panic: "",
    },
    Mutation {
        name: "ring_merge_into_what_is_taken",
        from: "let is_live = now & !EVENTS == word(position.get(), 0) && now & EVENTS != 0;",
        to: "let is_live = now & !EVENTS == word(position.get(), 0);",
        scenario: "merge_against_pop",
        panic: "",
    },
    Mutation {
        name: "ring_head_far_behind_is_full",
        from: "tail.wrapping_sub(room)\n        } else {",
        to: "return room\n        } else {",
        scenario: "far_behind",
        panic: "more than there are",
    },
    Mutation {
        name: "ring_head_moved_too_far",
        from: "while first != tail && !self.is_live_at(first) {",
        to: "while first != tail {",
        scenario: "far_behind",
        panic: "",
    },
    Mutation {
        name: "ring_take_back_nothing",
        from: "let free = now & !EVENTS;",
        to: "let free = now;",
        scenario: "take_back_against_pop",
        panic: "",
    },
];

/// Those of `ring_pop.rs`.
const OF_POPS: &[Mutation] = &[
    Mutation {
        name: "pop_ordering_1_without_acquire",
        from: "let now = word.load(Ordering::Acquire);",
        to: "let now = word.load(Ordering::Relaxed);",
        scenario: "posts_against_pops",
        panic: "",
    },
    Mutation {
        name: "pop_ordering_2_data_too_late",
        from: "                take(now as u32, data);",
        to: "                let data = slot(at).map_or(0, |(_, data)| data.load(Ordering::Relaxed));\n                \
             take(now as u32, data);",
        scenario: "posts_against_pops",
        panic: "",
    },
    Mutation {
        name: "pop_by_a_store",
        from: "if word\n                    \
               .compare_exchange(now, free, Ordering::AcqRel, Ordering::Relaxed)\n                    \
               .is_err()",
        to: "word.store(free, Ordering::Release);\n                if false",
        scenario: "pops_against_pops",
        panic: "",
    },
    Mutation {
        name: "pop_never_helps",
        from: "            if is_live {",
        to: "            if !is_live {\n                break;\n            }\n            if is_live {",
        scenario: "take_back_against_pop",
        panic: "",
    },
    Mutation {
        name: "pop_moves_on_by_one",
        from: "head.compare_exchange(from, at, Ordering::Release, Ordering::Relaxed)",
        to: "head.compare_exchange(from, at.wrapping_add(1), Ordering::Release, Ordering::Relaxed)",
        scenario: "pops_against_pops",
        panic: "",
    },
];

/// The files with mutations, and those that are compiled anew for each mutant.
struct Family {
    file: &'static str,
    name: &'static str,
    mutations: &'static [Mutation],
    /// Of the module or of the crate, unchanged.
    beside: &'static [(&'static str, &'static str)],
    around: &'static [&'static str],
    scenarios: &'static str,
}

const READY: &str = "../../../rust/ready.rs";
const RDLLIST: &str = "../../../rust/rdllist.rs";
const RING: &str = "../../../rust/ring.rs";
const POP: &str = "../../rust/repoll/src/ring_pop.rs";

const FAMILIES: [Family; 3] = [
    Family {
        file: READY,
        name: "ready",
        mutations: MUTATIONS,
        beside: &[("rdllist", RDLLIST)],
        around: &["epitem", "eventpoll", "scenarios"],
        scenarios: "scenarios",
    },
    Family {
        file: RING,
        name: "ring",
        mutations: OF_RING,
        beside: &[("ring_pop", POP)],
        around: &["ring_scenarios"],
        scenarios: "ring_scenarios",
    },
    Family {
        file: POP,
        name: "ring_pop",
        mutations: OF_POPS,
        beside: &[("ring", RING)],
        around: &["ring_scenarios"],
        scenarios: "ring_scenarios",
    },
];

impl Family {
    /// Writes the mutants to `out`; returns the modules that they are.
    fn write(&self, out: &str, src: &str) -> String {
        let text = fs::read_to_string(self.file).expect(self.file);
        let beside = self.beside.iter().map(|(name, path)| {
            let path = fs::canonicalize(path).expect(path);
            format!("#[path = {path:?}] mod {name};")
        });
        let around = self.around.iter();
        let around = around.map(|name| format!("#[path = \"{src}/{name}.rs\"] mod {name};"));
        let others: Vec<_> = beside.chain(around).collect();
        let mut modules = String::new();
        for m in self.mutations {
            assert_eq!(
                text.matches(m.from).count(),
                1,
                "{}: what is to be replaced is not in {}, or not once",
                m.name,
                self.file
            );
            let mutant = format!("{out}/{}.rs", m.name);
            fs::write(&mutant, text.replace(m.from, m.to)).expect("write a mutant");
            writeln!(
                modules,
                "mod {name} {{
                    #[allow(unused_imports)]
                    use crate::{{atomic, events, wait_queue}};
                    #[path = {mutant:?}] mod {of};
                    {others}
                    #[test]
                    #[should_panic(expected = {panic:?})]
                    fn is_caught() {{ {scenarios}::{scenario}() }}
                }}",
                name = m.name,
                of = self.name,
                others = others.join("\n"),
                panic = m.panic,
                scenarios = self.scenarios,
                scenario = m.scenario,
            )
            .expect("a string takes all");
        }
        modules
    }
}

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let out = env::var("OUT_DIR").expect("set by cargo");
    let src = format!(
        "{}/src",
        env::var("CARGO_MANIFEST_DIR").expect("set by cargo")
    );
    let mut mutants = String::new();
    for family in FAMILIES {
        println!("cargo::rerun-if-changed={}", family.file);
        mutants.push_str(&family.write(&out, &src));
    }
    fs::write(format!("{out}/mutants.rs"), mutants).expect("write the list of mutants");
}
