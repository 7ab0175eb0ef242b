// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * Who fails to open what: an event for each file that could not be opened, and a count for each command and
 * error.
 *
 * Three programs do the same, of which one is loaded. The first hooks the function of the kernel that all
 * opens go through, the second the same by the name that it has since Linux 7.0. The third reads arguments
 * from the registers of any system call that ends: it needs no function, but sees no opens of execve(2).
 *
 * Why not do_sys_openat2, which other tools hook: what execve(2) and io_uring(7) open does not go through it.
 */
#include "ebpf.h"

/* Errors that functions return in the place of a pointer or a number, <linux/err.h>. */
#define MAX_ERRNO 4095

#define NR_OPEN 2
#define NR_OPENAT 257
#define NR_OPENAT2 437

static __always_inline void count(const struct failed_open *event)
{
	struct culprit culprit = { .ret = event->ret };
	__u64 first = 1, *failures;

	__builtin_memcpy(culprit.comm, event->comm, sizeof(culprit.comm));
	failures = bpf_map_lookup_elem(&failures_by, &culprit);
	if (failures)
		__sync_fetch_and_add(failures, 1);
	else
		bpf_map_update_elem(&failures_by, &culprit, &first, BPF_NOEXIST);
}

/* An event without a path, NULL if none is due. */
static __always_inline struct failed_open *begin(long ret)
{
	__u32 pid = bpf_get_current_pid_tgid() >> 32;
	struct failed_open *event;

	if (ret >= 0 || ret < -MAX_ERRNO || (only_pid && pid != only_pid))
		return NULL;
	event = bpf_ringbuf_reserve(&failed_opens, sizeof(*event), 0);
	if (!event)
		return NULL;
	event->pid = pid;
	event->uid = bpf_get_current_uid_gid();
	event->ret = ret;
	bpf_get_current_comm(event->comm, sizeof(event->comm));
	event->path[0] = '\0';
	count(event);
	return event;
}

/* At the end of do_filp_open(folder, name, flags), which returns a file or an error. */
static __always_inline int after_open(unsigned long long *ctx)
{
	struct filename *name = (void *)ctx[1];
	struct failed_open *event;
	long ret;

	/* As the verifier sees it the result is a pointer, with which one cannot calculate: copy its bits. */
	if (bpf_probe_read_kernel(&ret, sizeof(ret), &ctx[3]))
		return 0;
	event = begin(ret);
	if (!event)
		return 0;
	bpf_probe_read_kernel_str(event->path, sizeof(event->path), name->name);
	bpf_ringbuf_submit(event, 0);
	return 0;
}

SEC("fexit/do_filp_open")
int opened(unsigned long long *ctx)
{
	return after_open(ctx);
}

SEC("fexit/do_file_open")
int opened_since_7(unsigned long long *ctx)
{
	return after_open(ctx);
}

SEC("raw_tracepoint/sys_exit")
int BPF_PROG(syscall_ended, struct pt_regs *regs, long ret)
{
	struct failed_open *event;
	const char *path;

	switch (BPF_CORE_READ(regs, orig_ax)) {
	case NR_OPEN:
		path = (const char *)PT_REGS_PARM1_CORE_SYSCALL(regs);
		break;
	case NR_OPENAT:
	case NR_OPENAT2:
		path = (const char *)PT_REGS_PARM2_CORE_SYSCALL(regs);
		break;
	default:
		return 0;
	}
	event = begin(ret);
	if (!event)
		return 0;
	bpf_probe_read_user_str(event->path, sizeof(event->path), path);
	bpf_ringbuf_submit(event, 0);
	return 0;
}
