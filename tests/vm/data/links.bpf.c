/* Programs that count how often a process calls them, one for each way to be attached; each test loads the one
 * it is about. Most are where the kernel serves umask(2), which nobody else calls.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "registers.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#define NR_UMASK 95
#define NR_MAX 4096
#define EPERM 1

struct entry {
	__u32 key;
	__u64 value;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8);
	__type(key, __u32);
	__type(value, __u64);
} numbers SEC(".maps");

__u32 watched;		/* the process that counts */
__u64 calls;
__s64 value;		/* what the last call saw */
__u64 cookie;

static int is_watched(void)
{
	return bpf_get_current_pid_tgid() >> 32 == watched;
}

static int note(__s64 seen)
{
	if (is_watched()) {
		__sync_fetch_and_add(&calls, 1);
		value = seen;
	}
	return 0;
}

SEC("?kprobe/__x64_sys_umask")
int BPF_KPROBE(on_kprobe)
{
	return note(0);
}

SEC("?kprobe/__x64_sys_umask")
int BPF_KPROBE(on_kprobe_with_cookie)
{
	cookie = bpf_get_attach_cookie(ctx);
	return note(0);
}

SEC("?kretprobe/__x64_sys_umask")
int BPF_KRETPROBE(on_kretprobe, long ret)
{
	return note(ret);
}

SEC("?kprobe.multi/__x64_sys_umas*")
int BPF_KPROBE(on_kprobe_multi)
{
	return note(0);
}

SEC("?kretprobe.multi/__x64_sys_umask")
int BPF_KRETPROBE(on_kretprobe_multi, long ret)
{
	return note(ret);
}

SEC("?kprobe.session/__x64_sys_umask")
int on_kprobe_session(struct pt_regs *ctx)
{
	return note(0);
}

SEC("?ksyscall/umask")
int BPF_KSYSCALL(on_ksyscall, int mask)
{
	return note(mask);
}

SEC("?kretsyscall/umask")
int BPF_KRETPROBE(on_kretsyscall, long ret)
{
	return note(ret);
}

SEC("?tracepoint/syscalls/sys_enter_umask")
int on_tracepoint(void *ctx)
{
	return note(0);
}

SEC("?tp/syscalls/no_such_event")
int on_no_tracepoint(void *ctx)
{
	return 0;
}

SEC("?raw_tp/sys_enter")
int on_raw_tracepoint(struct bpf_raw_tracepoint_args *ctx)
{
	return ctx->args[1] == NR_UMASK ? note(NR_UMASK) : 0;
}

SEC("?tp_btf/sys_enter")
int BPF_PROG(on_tp_btf, void *regs, long id)
{
	return id == NR_UMASK ? note(id) : 0;
}

SEC("?fentry/__x64_sys_umask")
int BPF_PROG(on_fentry, void *regs)
{
	return note(0);
}

SEC("?fexit/__x64_sys_umask")
int BPF_PROG(on_fexit, void *regs, long ret)
{
	return note(ret);
}

/* The kernel marks it notrace. */
SEC("?fentry/ktime_get_mono_fast_ns")
int BPF_PROG(on_untraced)
{
	return 0;
}

SEC("?fentry")
int BPF_PROG(on_any_fentry)
{
	return note(0);
}

SEC("?fsession/__x64_sys_umask")
int BPF_PROG(on_fsession, void *regs)
{
	return note(0);
}

SEC("?fentry.s/__x64_sys_umask")
int BPF_PROG(on_sleepable_fentry, void *regs)
{
	return note(0);
}

static int every(void *map, __u32 *key, __u64 *number, void *context)
{
	return note(*number);
}

SEC("?fentry/__x64_sys_umask")
int BPF_PROG(on_fentry_with_callback, void *regs)
{
	bpf_for_each_map_elem(&numbers, every, NULL, 0);
	return 0;
}

SEC("?lsm/file_open")
int BPF_PROG(on_lsm, void *file, int ret)
{
	note(ret);
	return is_watched() ? -EPERM : ret;
}

SEC("?perf_event")
int on_perf_event(void *ctx)
{
	return note(0);
}

struct seq_file;

struct bpf_iter_meta {
	struct seq_file *seq;
} __attribute__((preserve_access_index));

struct task_struct {
	int pid;
	int tgid;
} __attribute__((preserve_access_index));

struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
} __attribute__((preserve_access_index));

struct bpf_iter__bpf_map_elem {
	struct bpf_iter_meta *meta;
	__u32 *key;
	__u64 *value;
} __attribute__((preserve_access_index));

struct task {
	__s32 pid;
	__s32 tgid;
} task_type;

SEC("?iter/task")
int over_tasks(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct task found;

	if (!task)
		return 0;
	found.pid = task->pid;
	found.tgid = task->tgid;
	bpf_seq_write(ctx->meta->seq, &found, sizeof(found));
	return 0;
}

struct cgroup;

struct bpf_iter__cgroup {
	struct bpf_iter_meta *meta;
	struct cgroup *cgroup;
} __attribute__((preserve_access_index));

SEC("?iter/cgroup")
int over_cgroups(struct bpf_iter__cgroup *ctx)
{
	if (ctx->cgroup)
		BPF_SEQ_PRINTF(ctx->meta->seq, "one\n");
	return 0;
}

SEC("?fentry/veth_xmit")
int BPF_PROG(on_module, void *skb, void *dev)
{
	return 0;
}

struct entry entry_type;

SEC("?iter/bpf_map_elem")
int over_numbers(struct bpf_iter__bpf_map_elem *ctx)
{
	struct entry found = {};
	__u32 *key = ctx->key;
	__u64 *number = ctx->value;

	if (!key || !number)
		return 0;
	found.key = *key;
	found.value = *number;
	bpf_seq_write(ctx->meta->seq, &found, sizeof(found));
	return 0;
}

SEC("?iter/bpf_map_elem")
int over_numbers_as_text(struct bpf_iter__bpf_map_elem *ctx)
{
	__u32 *key = ctx->key;
	__u64 *number = ctx->value;

	if (key && number)
		BPF_SEQ_PRINTF(ctx->meta->seq, "%u=%llu\n", *key, *number);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
