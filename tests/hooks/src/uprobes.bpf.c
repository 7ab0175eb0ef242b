/* Programs at functions of a binary of user space. */
#include "ebpf.h"
#include <bpf/usdt.bpf.h>

SEC("uprobe")
int BPF_UPROBE(called, int number)
{
	argument = number;
	return 0;
}

SEC("uretprobe//tool:twice")
int BPF_URETPROBE(returned, int number)
{
	result = number;
	return 0;
}

SEC("uprobe.multi")
int BPF_UPROBE(any_called)
{
	__sync_fetch_and_add(&seen, 1);
	return 0;
}

SEC("uretprobe.multi//tool:tw*")
int BPF_URETPROBE(any_returned, int number)
{
	result = number;
	return 0;
}

SEC("uprobe.session//tool:twice")
int BPF_UPROBE(around)
{
	__sync_fetch_and_add(&seen, 1);
	return 0;
}

SEC("usdt")
int BPF_USDT(doubled, int number)
{
	argument = number;
	return 0;
}
