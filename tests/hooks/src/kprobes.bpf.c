/* Programs at functions of the kernel, by breakpoints or by ftrace. */
#include "ebpf.h"
#include "watched.h"

SEC("kprobe/do_sys_openat2")
int BPF_KPROBE(opened, int dfd, const char *path)
{
	return tell(path, dfd, 0);
}

SEC("kretprobe/do_sys_openat2")
int BPF_KRETPROBE(opened_as, int ret)
{
	return tell(NULL, 0, ret);
}

SEC("ksyscall/kill")
int BPF_KSYSCALL(kill_begins, int pid, int sig)
{
	return tell(NULL, sig, 0);
}

SEC("kretsyscall/kill")
int BPF_KRETPROBE(kill_ends, long ret)
{
	return tell(NULL, 0, ret);
}

SEC("kprobe.multi")
int BPF_KPROBE(directories)
{
	return count();
}

SEC("kretprobe.multi/__x64_sys_mk*ir")
int BPF_KRETPROBE(made, long ret)
{
	return tell(NULL, 0, ret);
}

SEC("kprobe.session/__x64_sys_mkdir")
int BPF_KPROBE(around)
{
	return count();
}
