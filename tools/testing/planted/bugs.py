# SPDX-License-Identifier: GPL-2.0
"""Bugs to be planted in the module, by the tool that has to catch them.

A bug is an edit of one place, which is found by its text. The shorter that is, the
longer it lives.
"""

from typing import NamedTuple


class Bug(NamedTuple):
    why: str
    file: str
    good: str
    bad: str
    options: str = ""  # of the tool, beside those that it gets for all
    corrupts: bool = False  # the kernel is not to be trusted afterwards


# For the fuzzer: wrong answers, which one thread can see. The name begins with the
# class: a lost edge, a stale fd, a wrong order, a missed ELOOP.
FUZZ = {
    "lost-edge-mod": Bug(
        "MOD does not look whether the fd is ready already",
        "rust/ctl.rs",
        "|| !self.poll_item(interest, item, 1).is_empty() {",
        "|| (self.poll_item(interest, item, 1).is_empty() && item.events.load().is_empty()) {",
    ),
    "lost-edge-fault": Bug(
        "what could not be copied out is forgotten",
        "rust/deliver.rs",
        "interest.rdllist.push_front(item);",
        "",
    ),
    "stale-fd-number": Bug(
        "a number that is used again finds the registration of its former file",
        "rust/interest.rs",
        "    pub(crate) fn find(&self, key: Key) -> Option<&Epitem> {\n",
        "    pub(crate) fn find(&self, key: Key) -> Option<&Epitem> {\n"
        "        if let Some(item) = self.iter().find(|item| item.key.fd == key.fd) {\n"
        "            return Some(item);\n"
        "        }\n",
    ),
    "stale-fd-dup": Bug(
        "a file is known by itself and not by its number: a dup is taken for it",
        "rust/interest.rs",
        "    pub(crate) fn find(&self, key: Key) -> Option<&Epitem> {\n",
        "    pub(crate) fn find(&self, key: Key) -> Option<&Epitem> {\n"
        "        if let Some(item) = self.first_of(key.file) {\n"
        "            return Some(item);\n"
        "        }\n",
    ),
    "wrong-order-drain": Bug(
        "what became ready last is delivered first",
        "rust/eventpoll.rs",
        "arrivals.prepend(item);",
        "interest.rdllist.push_back(item);",
    ),
    "wrong-order-level": Bug(
        "a level-triggered fd keeps its place: those behind it starve",
        "rust/deliver.rs",
        "rdllist.begin_with(front);",
        "",
    ),
    "missed-eloop-depth": Bug(
        "nesting may be one level deeper than allowed",
        "rust/nesting.rs",
        "below.saturating_add(1).saturating_add(above) > MAX_NESTS",
        "below.saturating_add(above) > MAX_NESTS",
    ),
    "missed-eloop-above": Bug(
        "who watches the watcher is not asked",
        "rust/nesting.rs",
        "let above = depth_above(&mut links, ep, next_stamp());",
        "let above = depth_above(&mut links, ep, next_stamp()).min(0);",
    ),
    "stale-fd-bound": Bug(
        "what is bound to a number does not end with it",
        "rust/binding.rs",
        "binding.key.file == file\n",
        "false\n",
    ),
    "stale-fd-token": Bug(
        "a token finds the registration with another one",
        "rust/ties.rs",
        "self.tokens.get(&token)?",
        "self.tokens.get(&token).and(self.tokens.values().next())?",
    ),
    "wrong-order-batch": Bug(
        "the last operation of a batch is carried out first",
        "rust/batch.rs",
        "chunk.ops.iter_mut().zip(&words) {",
        "chunk.ops.iter_mut().zip(&words).rev() {",
    ),
    "wrong-order-handover": Bug(
        "what a thread holds is armed again in the wrong order",
        "rust/handover.rs",
        "let key = holder.first.get()?;",
        "let key = holder.last.get()?;",
    ),
    "lost-edge-handover": Bug(
        "what is handed over is armed again as it was before a MOD",
        "rust/handover.rs",
        "hold.mask.set(mask);",
        "",
    ),
    "lost-edge-wait-many": Bug(
        "a wait for several whose time is up leaves what there is",
        "rust/wait_many.rs",
        "let enough = if timed_out || interrupted || collector.is_over() {",
        "let enough = if interrupted {",
    ),
}

# For the stress test: what goes wrong when threads meet.
STRESS = {
    "wakeup-not-sent": Bug(
        "a wakeup of a plain file wakes no waiter",
        "rust/eventpoll.rs",
        "self.wq.wake_one(item.wakes_longest(), sync, queued);",
        "if item.kind.is_eventpoll() { self.wq.wake_one(item.wakes_longest(), sync, queued); }",
        "--scenario wakeup",
    ),
    "waiter-asks-too-early": Bug(
        "a waiter asks whether something is ready before it enters the wait queue",
        "rust/wait_queue.rs",
        "        unsafe { ffi::repoll_waiter_add(",
        "        let early = ready();\n"
        "        let ready = || early;\n"
        "        unsafe { ffi::repoll_waiter_add(",
        "--scenario handshake",
    ),
    "timed-out-does-not-look": Bug(
        "a waiter that was woken and timed out at once leaves without a look",
        "rust/wait.rs",
        "!timed_out || slept.woken || self.ovflist.available()",
        "!timed_out",
        "--scenario leaving_waiters",
    ),
    "rest-not-passed-on": Bug(
        "a harvest that leaves something wakes nobody for it",
        "rust/eventpoll.rs",
        "if let Some(next) = interest.rdllist.front() {",
        "if let Some(next) = interest.rdllist.front().filter(|_| false) {",
        "--scenario leaving_waiters",
    ),
    "exclusive-spent": Bug(
        "an instance on which nobody waits takes the exclusive wakeup",
        "rust/wait_hook.rs",
        "let exclusive = events.intersects(Events::EXCLUSIVE);",
        "let exclusive = false;",
        "--scenario leaving_exclusive_waiters",
    ),
    "edge-lost-in-harvest": Bug(
        "what comes during a harvest is forgotten at its end",
        "rust/eventpoll.rs",
        "fn finish_scan(&self, interest: &Interest) {\n",
        "fn finish_scan(&self, interest: &Interest) {\n"
        "        unsafe { self.ovflist.drain(|_| ()) };\n",
        "--scenario edges_and_events",
    ),
    "edge-twice": Bug(
        "an edge is kept on the list like a level if it is not the first",
        "rust/deliver.rs",
        "if events.intersects(Events::ONESHOT | Events::ET) {",
        "if events.intersects(Events::ONESHOT)\n"
        "                    || (events.intersects(Events::ET) && len == 0) {",
        "--scenario edges_and_events",
    ),
    "one-shot-not-disarmed": Bug(
        "a one-shot delivery does not disarm",
        "rust/deliver.rs",
        "events.store(events.disarmed());",
        "events.store(events);",
        "--scenario one_shot",
    ),
    "mod-keeps-data": Bug(
        "MOD of what is on the ready list leaves the old data",
        "rust/ctl.rs",
        "item.data.set(change.data);",
        "if !item.rdllink.is_linked() { item.data.set(change.data); }",
        "--scenario after_del_or_mod",
    ),
    "last-close-ignored": Bug(
        "the last close of a file is not noticed",
        "rust/watched_file.rs",
        "while let Some(ep) = any_watcher(file) {",
        "while let Some(ep) = any_watcher(file).filter(|_| false) {",
        "--scenario after_last_close",
        corrupts=True,
    ),
    "dying-nested-file": Bug(
        "a reference that could not be taken is put",
        "rust/file.rs",
        "(!file.is_null()).then(|| Self(file))",
        "(!file.is_null()).then_some(Self(file))",
        "--scenario after_last_close_of_an_instance",
        corrupts=True,
    ),
    "number-has-to-lead-there": Bug(
        "a file is not ready when its number leads elsewhere, though it is open",
        "rust/deliver.rs",
        "let ready = if ",
        "let ready = if !super::file::Fd::get(item.key.fd)\n"
        "                .is_ok_and(|fd| fd.target().as_ptr() == item.key.file) {\n"
        "                Events::NONE\n"
        "            } else if ",
        "--scenario in_flight",
    ),
    "collector-not-seen": Bug(
        "a last close is noticed only if it comes from a process",
        "rust/helpers/ftrace.c",
        "repoll_release_file(file);",
        "if (!(current->flags & PF_KTHREAD)) repoll_release_file(file);",
        "--scenario collected_as_garbage",
        corrupts=True,
    ),
    "zero-timeout-mid-drain": Bug(
        "what a drain has taken and not yet put on the ready list is nowhere",
        "rust/ready.rs",
        "self.rdllist_busy.store(true, Ordering::Relaxed);",
        "",
        "--scenario zero_timeout_after_a_write",
    ),
    "settle-too-early": Bug(
        "a harvest says that nothing is ready while it looks at what is",
        "rust/deliver.rs",
        "let (fault, unknown) = self.scan::<SPECIAL>(",
        "self.ovflist.settle(false);\n            let (fault, unknown) = self.scan::<SPECIAL>(",
        "--scenario zero_timeout_of_a_ready_set",
    ),
    "second-queue-not-hooked": Bug(
        "of a file with two wait queues, one is hooked",
        "rust/wait_hook.rs",
        "    let Ok(hook) = KBox::new(",
        "    if !table.failed { return; }\n    let Ok(hook) = KBox::new(",
        "--scenario two_wait_queues",
    ),
    "nested-wakeup-lost": Bug(
        "who watches an instance is not told of what happens two instances below",
        "rust/eventpoll.rs",
        "fn notify_pollers(&self, item: &Epitem, key: Events, queued: bool) {\n",
        "fn notify_pollers(&self, item: &Epitem, key: Events, queued: bool) {\n"
        "        if item.kind.is_eventpoll() { return; }\n",
        "--scenario wakeup_through_nesting",
    ),
    "nesting-not-serialised": Bug(
        "two ADDs check the nesting at the same time, each without the other's edge",
        "rust/nesting.rs",
        "let mut stamp = NESTING.lock();",
        "let mut own = {\n"
        "        let mut stamp = NESTING.lock();\n"
        "        *stamp += 16;\n"
        "        *stamp\n"
        "    };\n"
        "    let stamp = &mut own;",
        "--scenario nesting",
        corrupts=True,
    ),
    "mask-always-back": Bug(
        "the caller's signal mask is back before the handler of an EINTR has run",
        "rust/uapi.rs",
        "if result != Err(EINTR) {",
        "if result != Err(EFAULT) {",
        "--scenario signals_and_masks",
    ),
    "close-ends-set": Bug(
        "the close of a number ends the registrations, though a wait goes on",
        "rust/device.rs",
        "static FOPS: Fops = Fops(bindings::file_operations {\n",
        "unsafe extern \"C\" fn flush(\n"
        "    file: *mut bindings::file, _: bindings::fl_owner_t) -> c_int {\n"
        "    unsafe { instance(file) }.clear();\n"
        "    0\n"
        "}\n"
        "static FOPS: Fops = Fops(bindings::file_operations {\n"
        "    flush: Some(flush),\n",
        "--scenario instance_closed_in_use",
    ),
    "module-not-held": Bug(
        "an open instance does not keep the module loaded",
        "rust/device.rs",
        "owner: this_module::<crate::LocalModule>().as_ptr(),",
        "owner: core::ptr::null_mut(),",
        "--scenario module_comes_and_goes",
        corrupts=True,
    ),
    "work-forgotten": Bug(
        "of those who have an event, a deletion waits for the last to be delivered it",
        "rust/deliveries.rs",
        "            before.first\n",
        "            wait\n",
        "--scenario sync_delete",
    ),
    "return-not-told": Bug(
        "who comes back from work does not wake the deletions that wait for it",
        "rust/returns.rs",
        "            self.queue.wake_all();\n",
        "",
        "--scenario sync_delete",
    ),
}

BUGS = {"fuzz": FUZZ, "stress": STRESS}
