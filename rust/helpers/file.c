// SPDX-License-Identifier: GPL-2.0

#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <linux/poll.h>
#include <linux/string.h>

#include "../../include/uapi/linux/repoll.h"
#include "helpers.h"

/*
 * fdget() for the fds of @n operations, in one go: into @words what it returns for each. A
 * table that nobody else has stays as it is until the system call ends.
 */
void repoll_fdget_each(const struct repoll_op *ops, u32 n, unsigned long *words)
{
	struct files_struct *files = current->files;
	bool shared = atomic_read_acquire(&files->count) != 1;

	for (u32 i = 0; i < n; i++) {
		struct file *file;

		if (shared) {
			words[i] = fdget(ops[i].fd).word;
			continue;
		}
		file = files_lookup_fd_raw(files, ops[i].fd);
		words[i] = file && !(file->f_mode & FMODE_PATH) ? (unsigned long)file : 0;
	}
}

/*
 * A reference to @file unless its last one is gone, NULL then. The caller
 * guarantees that the memory is still this file and not a reused one.
 */
struct file *repoll_get_file_active(struct file *file)
{
	return file_ref_get(&file->f_ref) ? file : NULL;
}

/*
 * Is @file an instance of the in-tree epoll? is_file_epoll() is not exported,
 * so know it by its anonymous inode's name, which only fs/eventpoll.c gives,
 * and from then on by its file_operations. Until one has been seen, remember the
 * operations that were looked at last: most programs watch much of the same. May
 * be called from any context.
 */
bool repoll_file_is_epoll(const struct file *file)
{
	static const struct file_operations *eventpoll_fops, *other_fops;
	const struct file_operations *known = READ_ONCE(eventpoll_fops);

	if (known)
		return file->f_op == known;
	if (file->f_op == READ_ONCE(other_fops))
		return false;
	if (file_inode(file)->i_sb->s_magic != ANON_INODE_FS_MAGIC ||
	    strcmp(file->f_path.dentry->d_name.name, "[eventpoll]")) {
		WRITE_ONCE(other_fops, file->f_op);
		return false;
	}
	WRITE_ONCE(eventpoll_fops, file->f_op);
	return true;
}

/* vfs_poll(), for a file that somebody holds a reference to. */
__poll_t repoll_vfs_poll(struct file *file, struct poll_table_struct *pt)
{
	return vfs_poll(file, pt);
}
