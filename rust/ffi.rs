// SPDX-License-Identifier: GPL-2.0

//! The C side of the module, `rust/helpers/helpers.h`, where each function is documented.

use kernel::{
    bindings,
    ffi::{c_char, c_int, c_long, c_uint, c_ulong, c_void},
};

/// `struct repoll_waker`.
#[repr(C)]
#[derive(pin_init::Zeroable)]
pub(crate) struct Waker {
    seq: u32,
    pub(crate) kind: u32,
    pub(crate) cpu: u32,
    uid: u32,
    pub(crate) pid: i32,
    pub(crate) tid: i32,
    pub(crate) comm: [u64; 2],
}

// Kernel structures contain `lock_class_key` and the like, which are empty in this configuration. We
// pass pointers to them only.
#[allow(improper_ctypes)]
extern "C" {
    pub(crate) fn repoll_fdget_each(ops: *const c_void, n: u32, words: *mut usize);
    pub(crate) fn repoll_get_file_active(file: *mut bindings::file) -> *mut bindings::file;
    pub(crate) fn repoll_file_is_epoll(file: *const bindings::file) -> bool;
    pub(crate) fn repoll_vfs_poll(
        file: *mut bindings::file,
        pt: *mut bindings::poll_table_struct,
    ) -> u32;

    pub(crate) fn repoll_eventfd_get(fd: c_int) -> *mut bindings::eventfd_ctx;
    pub(crate) fn repoll_eventfd_signal(ctx: *mut bindings::eventfd_ctx);
    pub(crate) fn repoll_eventfd_put(ctx: *mut bindings::eventfd_ctx);

    pub(crate) fn repoll_close_hook_get() -> c_int;
    pub(crate) fn repoll_close_hook_put();
    pub(crate) fn repoll_close_hook_exit();

    pub(crate) fn repoll_fd_hook_get() -> c_int;
    pub(crate) fn repoll_fd_hook_put();
    pub(crate) fn repoll_fd_hook_exit();
    pub(crate) fn repoll_fd_is_gone(
        files: *mut bindings::files_struct,
        fd: c_uint,
        file: *const bindings::file,
    ) -> bool;
    pub(crate) fn repoll_fd_leads_to(fd: c_uint, file: *const bindings::file) -> bool;
    pub(crate) fn repoll_current_files() -> *const bindings::files_struct;
    pub(crate) fn repoll_run_on_return(work: *mut bindings::callback_head) -> bool;
    pub(crate) fn repoll_work_done();

    pub(crate) fn repoll_exit_hook_get() -> c_int;
    pub(crate) fn repoll_exit_hook_put();
    pub(crate) fn repoll_exit_hook_exit();

    pub(crate) fn repoll_init_irq_work(
        work: *mut bindings::irq_work,
        func: unsafe extern "C" fn(*mut bindings::irq_work),
    );

    #[cfg(CONFIG_DEBUG_LOCK_ALLOC)]
    pub(crate) fn repoll_mutex_lock_nested(lock: *mut bindings::mutex, subclass: c_uint);

    pub(crate) fn repoll_busy_poll_supported() -> bool;
    pub(crate) fn repoll_file_napi_id(file: *mut bindings::file) -> c_uint;
    pub(crate) fn repoll_napi_busy_loop(id: c_uint, ep: *mut c_void, prefer: bool, budget: u16);
    pub(crate) fn repoll_busy_loop_timeout(start_time: c_ulong, usecs: u32) -> bool;

    pub(crate) fn repoll_cond_resched();
    pub(crate) fn repoll_fatal_signal_pending() -> bool;
    pub(crate) fn repoll_timer_slack(remaining_ns: i64) -> u64;
    pub(crate) fn repoll_set_interruptible();
    pub(crate) fn repoll_set_running();

    pub(crate) fn repoll_set_user_sigmask(umask: u64, sigsetsize: usize) -> c_int;
    pub(crate) fn repoll_restore_sigmask();

    pub(crate) fn repoll_kmem_cache_create(
        name: *const c_char,
        size: c_uint,
        align: c_uint,
    ) -> *mut bindings::kmem_cache;

    pub(crate) fn repoll_raw_spin_lock_init(lock: *mut bindings::raw_spinlock);
    pub(crate) fn repoll_raw_spin_lock(lock: *mut bindings::raw_spinlock);
    pub(crate) fn repoll_raw_spin_unlock(lock: *mut bindings::raw_spinlock);
    pub(crate) fn repoll_irq_lock_init(lock: *mut bindings::raw_spinlock);
    pub(crate) fn repoll_irq_lock(lock: *mut bindings::raw_spinlock) -> c_ulong;
    pub(crate) fn repoll_irq_unlock(lock: *mut bindings::raw_spinlock, flags: c_ulong);

    pub(crate) fn repoll_ring_alloc(size: usize) -> *mut c_void;
    pub(crate) fn repoll_ring_free(ring: *mut c_void);
    pub(crate) fn repoll_ring_size(size: usize) -> usize;
    pub(crate) fn repoll_ring_map(
        vma: *mut bindings::vm_area_struct,
        ring: *mut c_void,
        size: usize,
    ) -> c_int;

    pub(crate) fn repoll_get_timeout(uts: u64, ns: *mut i64) -> c_int;
    pub(crate) fn repoll_deadline_after(ns: i64) -> i64;
    pub(crate) fn repoll_now() -> i64;
    pub(crate) fn repoll_ticks_init();
    pub(crate) fn repoll_ticks() -> u64;
    pub(crate) fn repoll_ticks_to_ns(ticks: u64) -> u64;
    pub(crate) fn repoll_timer_end_on_stack(timer: *mut bindings::hrtimer);
    pub(crate) fn repoll_timer_is_queued(timer: *mut bindings::hrtimer) -> bool;
    pub(crate) fn repoll_timer_enqueue(
        queue: *mut bindings::timerqueue_head,
        node: *mut bindings::timerqueue_node,
    );
    pub(crate) fn repoll_timer_dequeue(
        queue: *mut bindings::timerqueue_head,
        node: *mut bindings::timerqueue_node,
    );
    pub(crate) fn repoll_timer_behind(
        node: *mut bindings::timerqueue_node,
    ) -> *mut bindings::timerqueue_node;

    pub(crate) fn repoll_access_ok(addr: u64, size: usize) -> bool;
    pub(crate) fn repoll_get_event(uevent: u64, event: *mut bindings::epoll_event) -> c_int;
    pub(crate) fn repoll_put_events(uevents: u64, slots: *const c_void, n: u32) -> u32;
    pub(crate) fn repoll_put_generations(uevents: u64, events: *const c_void, n: u32) -> u32;
    pub(crate) fn repoll_get_ops(uops: u64, ops: *mut c_void, n: u32) -> u32;
    pub(crate) fn repoll_put_results(uops: u64, ops: *const c_void, n: u32) -> u32;

    pub(crate) fn repoll_get_current_user() -> *mut bindings::user_struct;
    pub(crate) fn repoll_charge_watch(user: *mut bindings::user_struct) -> bool;
    pub(crate) fn repoll_uncharge_watch(user: *mut bindings::user_struct);
    pub(crate) fn repoll_charge_watches(user: *mut bindings::user_struct, n: u32) -> bool;
    pub(crate) fn repoll_uncharge_watches(user: *mut bindings::user_struct, n: u32);
    pub(crate) fn repoll_default_max_watches(item_size: c_uint) -> c_long;
    pub(crate) fn repoll_sysctl_register(max: c_long) -> c_int;
    pub(crate) fn repoll_sysctl_unregister();

    pub(crate) fn repoll_waiter_add(
        wq: *mut bindings::wait_queue_head,
        wait: *mut bindings::wait_queue_entry,
    );
    pub(crate) fn repoll_waiter_remove(
        wq: *mut bindings::wait_queue_head,
        wait: *mut bindings::wait_queue_entry,
    ) -> bool;
    pub(crate) fn repoll_wake_poll(
        wq: *mut bindings::wait_queue_head,
        events: u32,
        nests: *mut u32,
        subclass: u32,
    );
    pub(crate) fn repoll_wq_lock(wq: *mut bindings::wait_queue_head);
    pub(crate) fn repoll_wq_unlock(wq: *mut bindings::wait_queue_head);
    pub(crate) fn repoll_wake_longest(
        wq: *mut bindings::wait_queue_head,
        sync: c_int,
        key: *mut c_void,
    );
    pub(crate) fn repoll_unhook_within(wait: *mut bindings::wait_queue_entry);
    pub(crate) fn repoll_init_wait_func(
        wait: *mut bindings::wait_queue_entry,
        func: bindings::wait_queue_func_t,
    );
    pub(crate) fn repoll_wq_join(
        wq: *mut bindings::wait_queue_head,
        wait: *mut bindings::wait_queue_entry,
    );
    pub(crate) fn repoll_wq_leave(
        wq: *mut bindings::wait_queue_head,
        wait: *mut bindings::wait_queue_entry,
    );
    pub(crate) fn repoll_remove_wait_queue(
        whead: *mut *mut bindings::wait_queue_head,
        wait: *mut bindings::wait_queue_entry,
    ) -> bool;
    pub(crate) fn repoll_move_to_tail(
        whead: *mut *mut bindings::wait_queue_head,
        wait: *mut bindings::wait_queue_entry,
    );

    pub(crate) fn repoll_note_waker(waker: *mut Waker, ns: *mut bindings::pid_namespace);
    pub(crate) fn repoll_look_at_waker(waker: *const Waker, seen: *mut Waker, all: bool);
    pub(crate) fn repoll_may_see_all_wakers() -> bool;

    pub(crate) fn repoll_wakeup_source_for(
        file: *mut bindings::file,
    ) -> *mut bindings::wakeup_source;
    pub(crate) fn repoll_may_block_suspend() -> bool;
    pub(crate) fn repoll_stay_awake_rcu(ws: *mut *mut bindings::wakeup_source);
}
