/* Programs that the kernel calls from its functions directly, with typed arguments. */
#include "ebpf.h"
#include "watched.h"

SEC("fentry/do_sys_openat2")
int BPF_PROG(opens, int dfd, const char *path)
{
	return tell(path, dfd, 0);
}

SEC("fexit/do_sys_openat2")
int BPF_PROG(opened, int dfd, const char *path, struct open_how *how, int ret)
{
	return tell(path, how->flags, ret);
}

SEC("fmod_ret/security_file_open")
int BPF_PROG(forbid, struct file *file, int ret)
{
	return is_watched() ? -EPERM : ret;
}
