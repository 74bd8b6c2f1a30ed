// SPDX-License-Identifier: GPL-2.0

#include <linux/mm.h>
#include <linux/vmalloc.h>

#include "helpers.h"

/* Whole pages, zeroed, charged to the memory cgroup of the caller; NULL for ENOMEM. May sleep. */
void *repoll_ring_alloc(size_t size)
{
	return __vmalloc(PAGE_ALIGN(size), GFP_KERNEL_ACCOUNT | __GFP_ZERO | __GFP_NOWARN);
}

/* Pages of which somebody has a reference stay until it is put. May sleep. */
void repoll_ring_free(void *ring)
{
	vfree(ring);
}

/* The number of bytes that a mapping has. */
size_t repoll_ring_size(size_t size)
{
	return PAGE_ALIGN(size);
}

/*
 * Map all of @ring, no more and no less, shared. The mapping keeps the file. A part
 * that was mapped before a failure is taken back by the caller of the mmap method.
 * May sleep.
 */
int repoll_ring_map(struct vm_area_struct *vma, void *ring, size_t size)
{
	unsigned long addr = vma->vm_start;
	int ret = 0;

	size = PAGE_ALIGN(size);
	if (!(vma->vm_flags & VM_SHARED) || vma->vm_pgoff ||
	    vma->vm_end - vma->vm_start != size)
		return -EINVAL;
	vm_flags_mod(vma, VM_DONTEXPAND | VM_DONTDUMP, VM_MAYEXEC);
	if (vma->vm_flags & VM_EXEC)
		return -EPERM;
	for (; !ret && addr < vma->vm_end; addr += PAGE_SIZE, ring += PAGE_SIZE)
		ret = vm_insert_page(vma, addr, vmalloc_to_page(ring));
	return ret;
}
