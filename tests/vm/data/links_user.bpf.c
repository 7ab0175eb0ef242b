/* Programs on a binary of user space, made of tool.c; they count as those in links.bpf.c do. */
#include <linux/bpf.h>
#include <stdbool.h>
#include <bpf/bpf_helpers.h>
#include "registers.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>
#include <bpf/usdt.bpf.h>

__u64 calls;
__s64 value;

static int note(__s64 seen)
{
	__sync_fetch_and_add(&calls, 1);
	value = seen;
	return 0;
}

SEC("?uprobe//tool:twice")
int BPF_UPROBE(on_uprobe, int number)
{
	return note(number);
}

SEC("?uprobe.s//tool:twice")
int BPF_UPROBE(on_sleepable_uprobe, int number)
{
	return note(number);
}

SEC("?uretprobe//tool:twice")
int BPF_URETPROBE(on_uretprobe, int result)
{
	return note(result);
}

SEC("?uprobe.multi//tool:t*e")
int BPF_UPROBE(on_uprobe_multi, int number)
{
	return note(number);
}

SEC("?uretprobe.multi//tool:twice")
int BPF_URETPROBE(on_uretprobe_multi, int result)
{
	return note(result);
}

SEC("?uprobe.session//tool:twice")
int on_uprobe_session(struct pt_regs *ctx)
{
	return note(0);
}

SEC("?usdt//tool:toolbox:doubled")
int BPF_USDT(on_usdt, int number)
{
	return note(number);
}

char LICENSE[] SEC("license") = "GPL";
