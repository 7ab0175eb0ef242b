/* One thing to watch, by what a kernel has. */
#include "ebpf.h"
#include "watched.h"

SEC("kprobe.multi")
int BPF_KPROBE(by_kprobe_multi)
{
	return count();
}

SEC("kprobe")
int BPF_KPROBE(by_kprobe)
{
	return count();
}
