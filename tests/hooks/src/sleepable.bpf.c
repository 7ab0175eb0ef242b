/* Programs that may sleep: memory of user space that is not there yet is fetched. */
#include "ebpf.h"
#include "watched.h"

SEC("fentry.s/__x64_sys_openat")
int BPF_PROG(opens, struct pt_regs *regs)
{
	if (is_watched())
		bpf_copy_from_user(path, sizeof(path) - 1, (const void *)PT_REGS_PARM2_CORE_SYSCALL(regs));
	return 0;
}

SEC("uprobe.s//tool:main")
int BPF_UPROBE(begins, int argc, const char **argv)
{
	const char *first = NULL;

	bpf_copy_from_user(&first, sizeof(first), &argv[1]);
	bpf_copy_from_user(path, 2, first);
	return 0;
}
