/* A program that calls a function which no kernel has. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

extern int zz_no_such_function(int number) __ksym;

SEC("tp/syscalls/sys_enter_umask")
int calls_it(void *ctx)
{
	return zz_no_such_function(1);
}

char LICENSE[] SEC("license") = "GPL";
