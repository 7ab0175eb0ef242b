/* A program that speaks. */
#include "ebpf.h"
#include "watched.h"

SEC("ksyscall/kill")
int BPF_KSYSCALL(say, int pid, int sig)
{
	if (is_watched())
		bpf_printk("signal %d", sig);
	return 0;
}
