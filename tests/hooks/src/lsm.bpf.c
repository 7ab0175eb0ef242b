/* A security policy for one user: nothing called "secret" is opened, run, removed or given another mode. */
#include "ebpf.h"

#define FORBIDDEN(what) (is_user() && (what) ? -EPERM : 0)

static __always_inline bool is_user(void)
{
	return (__u32)bpf_get_current_uid_gid() == user;
}

static __always_inline bool is_secret(struct dentry *entry)
{
	char name[8];

	bpf_probe_read_kernel_str(name, sizeof(name), entry->d_name.name);
	return !__builtin_memcmp(name, "secret", 7);
}

SEC("lsm/file_open")
int BPF_PROG(open, struct file *file)
{
	return FORBIDDEN(is_secret(file->f_path.dentry));
}

SEC("lsm/bprm_check_security")
int BPF_PROG(run, struct linux_binprm *program)
{
	return FORBIDDEN(is_secret(program->file->f_path.dentry));
}

SEC("lsm/inode_unlink")
int BPF_PROG(unlink, struct inode *folder, struct dentry *entry)
{
	return FORBIDDEN(is_secret(entry));
}

SEC("lsm/task_kill")
int BPF_PROG(kill, struct task_struct *task)
{
	return FORBIDDEN(task->tgid != bpf_get_current_pid_tgid() >> 32);
}

SEC("lsm/socket_connect")
int BPF_PROG(connect, struct socket *sock, struct sockaddr *address)
{
	return FORBIDDEN(address->sa_family == AF_INET);
}
