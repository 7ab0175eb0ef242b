// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * A policy on top of the kernel's own: users who are confined may not read, write or execute what lies in a
 * guarded folder, whatever its modes say. Each denial is counted, and told to the audit.
 *
 * A folder is guarded by its inode, not by its name: it stays so when it is moved, or mounted elsewhere.
 */
#include "ebpf.h"

#define EPERM 1

/* In file->f_flags while execve(2) opens a file: the hook of execve decides then. */
#define FMODE_EXEC 0x20

/* How deep in a guarded folder a file may lie. */
#define MAX_DEPTH 16

/* The guard of the nearest folder above that has one. */
static __always_inline struct guard *guard_of(struct file *file)
{
	struct dentry *entry = file->f_path.dentry;

	for (int depth = 0; depth < MAX_DEPTH; depth++) {
		struct folder folder = {};
		struct guard *guard;

		if (entry == entry->d_parent)
			return NULL;
		entry = entry->d_parent;
		folder.inode = entry->d_inode->i_ino;
		folder.device = entry->d_sb->s_dev;
		guard = bpf_map_lookup_elem(&guarded, &folder);
		if (guard)
			return guard;
	}
	return NULL;
}

static __always_inline int deny(__u32 uid, enum deed deed, struct file *file)
{
	struct denial *denial = bpf_ringbuf_reserve(&audit, sizeof(*denial), 0);

	if (!denial)
		return -EPERM;
	denial->uid = uid;
	denial->pid = bpf_get_current_pid_tgid() >> 32;
	denial->deed = deed;
	bpf_get_current_comm(denial->comm, sizeof(denial->comm));
	bpf_probe_read_kernel_str(denial->name, sizeof(denial->name), file->f_path.dentry->d_name.name);
	bpf_ringbuf_submit(denial, 0);
	return -EPERM;
}

/* How often this user was denied something; NULL for one who is not confined. */
static __always_inline __u64 *denials_of(__u32 uid)
{
	return bpf_map_lookup_elem(&confined, &uid);
}

static __always_inline int decide(enum deed deed, struct file *file)
{
	__u32 uid = bpf_get_current_uid_gid();
	__u64 *denials = denials_of(uid);
	struct guard *guard;

	if (!denials)
		return 0;
	guard = guard_of(file);
	if (!guard || (deed == OPEN && !guard->open) || (deed == EXECUTE && !guard->execute))
		return 0;
	__sync_fetch_and_add(denials, 1);
	return deny(uid, deed, file);
}

SEC("lsm/file_open")
int BPF_PROG(on_open, struct file *file)
{
	if (file->f_flags & FMODE_EXEC)
		return 0;
	return decide(OPEN, file);
}

SEC("lsm/bprm_check_security")
int BPF_PROG(on_execute, struct linux_binprm *program)
{
	return decide(EXECUTE, program->file);
}
