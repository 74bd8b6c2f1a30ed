/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the Rust side of repoll needs from C: inlines and macros of the kernel
 * that have no Rust binding, one source file for each header they come from.
 * rust/ffi.rs declares the same functions for Rust.
 */
#ifndef _REPOLL_HELPERS_H
#define _REPOLL_HELPERS_H

#include <linux/spinlock_types.h>
#include <linux/types.h>
#include <linux/uidgid_types.h>

struct callback_head;
struct epoll_event;
struct eventfd_ctx;
struct file;
struct files_struct;
struct hrtimer;
struct irq_work;
struct kmem_cache;
struct mutex;
struct pid_namespace;
struct poll_table_struct;
struct raw_spinlock;
struct repoll_event;
struct repoll_op;
struct task_struct;
struct timerqueue_head;
struct timerqueue_node;
struct timespec64;
struct user_struct;
struct vm_area_struct;
struct wait_queue_entry;
struct wait_queue_head;

/* eventfd.c */
struct eventfd_ctx *repoll_eventfd_get(int fd);
void repoll_eventfd_signal(struct eventfd_ctx *ctx);
void repoll_eventfd_put(struct eventfd_ctx *ctx);

/* file.c */
void repoll_fdget_each(const struct repoll_op *ops, u32 n, unsigned long *words);
struct file *repoll_get_file_active(struct file *file);
bool repoll_file_is_epoll(const struct file *file);
__poll_t repoll_vfs_poll(struct file *file, struct poll_table_struct *pt);

/* rust/watched_file.rs, where the fields are explained. */
struct repoll_bucket {
	raw_spinlock_t lock;
	u32 filter;
	const void *first;
};

extern const struct repoll_table {
	struct repoll_bucket *buckets;
	u32 mask;
} repoll_table;

bool repoll_file_is_watched(struct file *file);
void repoll_release_file(struct file *file);

/* ftrace.c */
int repoll_close_hook_get(void);
void repoll_close_hook_put(void);
void repoll_close_hook_exit(void);
void repoll_locks_remove_file_body(struct file *file);

/* fd_hook.c; repoll_fd_closed() is implemented in rust/binding.rs. */
int repoll_fd_hook_get(void);
void repoll_fd_hook_put(void);
void repoll_fd_hook_exit(void);
void repoll_fd_closed(struct file *file, struct files_struct *files);
bool repoll_fd_is_gone(struct files_struct *files, unsigned int fd, const struct file *file);
bool repoll_fd_leads_to(unsigned int fd, const struct file *file);
const struct files_struct *repoll_current_files(void);

/* task_work.c */
bool repoll_run_on_return(struct callback_head *work);
void repoll_work_done(void);
void repoll_works_finish(void);

/* exit_hook.c; repoll_task_exits() is implemented in rust/holder.rs. */
int repoll_exit_hook_get(void);
void repoll_exit_hook_put(void);
void repoll_exit_hook_exit(void);
void repoll_task_exits(const struct task_struct *task);

/* irq_work.c */
void repoll_init_irq_work(struct irq_work *work, void (*func)(struct irq_work *));

/* mutex.c */
void repoll_mutex_lock_nested(struct mutex *lock, unsigned int subclass);

/* busy_poll.c; repoll_busy_loop_end() is implemented in rust/busy_poll.rs. */
bool repoll_busy_poll_supported(void);
unsigned int repoll_file_napi_id(struct file *file);
void repoll_napi_busy_loop(unsigned int napi_id, void *ep, bool prefer, u16 budget);
bool repoll_busy_loop_end(void *ep, unsigned long start_time);
bool repoll_busy_loop_timeout(unsigned long start_time, u32 usecs);

/* ring.c */
void *repoll_ring_alloc(size_t size);
void repoll_ring_free(void *ring);
size_t repoll_ring_size(size_t size);
int repoll_ring_map(struct vm_area_struct *vma, void *ring, size_t size);

/* sched.c */
void repoll_cond_resched(void);
bool repoll_fatal_signal_pending(void);
u64 repoll_timer_slack(s64 remaining_ns);
void repoll_set_interruptible(void);
void repoll_set_running(void);

/* signal.c */
int repoll_set_user_sigmask(u64 umask, size_t sigsetsize);
void repoll_restore_sigmask(void);

/* slab.c */
struct kmem_cache *repoll_kmem_cache_create(const char *name, unsigned int size,
					    unsigned int align);

/* spinlock.c */
void repoll_raw_spin_lock_init(struct raw_spinlock *lock);
void repoll_raw_spin_lock(struct raw_spinlock *lock);
void repoll_raw_spin_unlock(struct raw_spinlock *lock);
void repoll_irq_lock_init(struct raw_spinlock *lock);
unsigned long repoll_irq_lock(struct raw_spinlock *lock);
void repoll_irq_unlock(struct raw_spinlock *lock, unsigned long flags);

/* ticks.c */
void repoll_ticks_init(void);
u64 repoll_ticks(void);
u64 repoll_ticks_to_ns(u64 ticks);

/* time.c */
int repoll_get_timeout(u64 uts, s64 *ns);
s64 repoll_deadline_after(s64 ns);
s64 repoll_now(void);
void repoll_timer_end_on_stack(struct hrtimer *timer);
bool repoll_timer_is_queued(struct hrtimer *timer);

/* timerqueue.c */
void repoll_timer_enqueue(struct timerqueue_head *queue, struct timerqueue_node *node);
void repoll_timer_dequeue(struct timerqueue_head *queue, struct timerqueue_node *node);
struct timerqueue_node *repoll_timer_behind(struct timerqueue_node *node);

/* uaccess.c; a slot is one of rust/user_events.rs. */
struct repoll_slot {
	u64 data;
	u32 events;
	const void *item;
};

bool repoll_access_ok(u64 addr, size_t size);
int repoll_get_event(u64 uevent, struct epoll_event *event);
u32 repoll_put_events(u64 uevents, const struct repoll_slot *slots, u32 n);
u32 repoll_put_generations(u64 uevents, const struct repoll_event *events, u32 n);
u32 repoll_get_ops(u64 uops, struct repoll_op *ops, u32 n);
u32 repoll_put_results(u64 uops, const struct repoll_op *ops, u32 n);

/* user.c */
struct user_struct *repoll_get_current_user(void);
bool repoll_charge_watch(struct user_struct *user);
void repoll_uncharge_watch(struct user_struct *user);
bool repoll_charge_watches(struct user_struct *user, u32 n);
void repoll_uncharge_watches(struct user_struct *user, u32 n);
long repoll_default_max_watches(unsigned int item_size);
int repoll_sysctl_register(long max);
void repoll_sysctl_unregister(void);

/* wait.c; repoll_waiter_woken() has the type of a wait_queue_func_t. */
void repoll_waiter_add(struct wait_queue_head *wq, struct wait_queue_entry *wait);
bool repoll_waiter_remove(struct wait_queue_head *wq, struct wait_queue_entry *wait);
void repoll_wake_poll(struct wait_queue_head *wq, __poll_t events, u32 *nests, u32 subclass);
void repoll_wq_lock(struct wait_queue_head *wq);
void repoll_wq_unlock(struct wait_queue_head *wq);
void repoll_wake_longest(struct wait_queue_head *wq, int sync, void *key);
void repoll_unhook_within(struct wait_queue_entry *wait);
void repoll_init_wait_func(struct wait_queue_entry *wait,
			   int (*func)(struct wait_queue_entry *wait, unsigned int mode,
				       int sync, void *key));
void repoll_wq_join(struct wait_queue_head *wq, struct wait_queue_entry *wait);
void repoll_wq_leave(struct wait_queue_head *wq, struct wait_queue_entry *wait);
bool repoll_remove_wait_queue(struct wait_queue_head **whead, struct wait_queue_entry *wait);
void repoll_move_to_tail(struct wait_queue_head **whead, struct wait_queue_entry *wait);

/* waker.c */
struct repoll_waker {
	u32 seq;	/* odd while it is being written */
	u32 kind;	/* REPOLL_WAKER_* */
	u32 cpu;
	u32 uid;	/* of a task, if all of it is one user's; else -1 */
	s32 pid;
	s32 tid;
	u64 comm[2];
};

void repoll_note_waker(struct repoll_waker *waker, struct pid_namespace *ns);
void repoll_look_at_waker(const struct repoll_waker *waker, struct repoll_waker *seen, bool all);
bool repoll_may_see_all_wakers(void);

/* wakeup.c */
struct wakeup_source *repoll_wakeup_source_for(struct file *file);
bool repoll_may_block_suspend(void);
void repoll_stay_awake_rcu(struct wakeup_source **ws);

#endif /* _REPOLL_HELPERS_H */
