/* Relocations of every kind, where control never comes, so that those that fail do no harm. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

#define CORE __attribute__((preserve_access_index))

struct list_head {
	struct list_head *next, *prev;
} CORE;
struct mm_struct {
	struct {
		unsigned long total_vm, hiwater_vm;
	};
} CORE;
struct task_struct {
	int pid, tgid;
	char comm[16];
	struct mm_struct *mm;
	struct list_head tasks;
	unsigned int __state;
} CORE;
struct task_struct___old {
	long state;
} CORE;
struct task_struct___short {
	short exit_code;
} CORE;
struct sk_buff {
	unsigned int len;
	__u8 pkt_type : 3, nohdr : 1;
} CORE;
struct no_such_struct {
	int x;
} CORE;
enum bpf_func_id___mine {
	BPF_FUNC_map_lookup_elem___mine = 0,
	BPF_FUNC_loop___mine = 0,
};

const volatile int never;

SEC("kprobe/tcp_connect")
int probe(void *ctx)
{
	struct task_struct *task = ctx;
	struct task_struct___old *old = ctx;
	struct sk_buff *skb = ctx;
	long sum = 0;

	if (!never)
		return 0;
	sum += BPF_CORE_READ(task, mm, total_vm) + (long)BPF_CORE_READ(task, tasks.prev, next);
	sum += BPF_CORE_READ_BITFIELD_PROBED(skb, pkt_type) + BPF_CORE_READ_BITFIELD(skb, nohdr);
	sum += bpf_core_field_exists(task->__state) + bpf_core_field_exists(old->state);
	sum += bpf_core_field_exists(struct task_struct, comm[5]) + bpf_core_field_size(task->comm);
	sum += bpf_core_field_offset(struct task_struct, comm[15]);
	sum += bpf_core_type_exists(struct no_such_struct) + bpf_core_type_size(struct task_struct);
	sum += bpf_core_type_id_kernel(struct sk_buff) + bpf_core_type_id_local(struct sk_buff);
	sum += bpf_core_type_matches(struct list_head) + bpf_core_type_matches(struct task_struct);
	sum += bpf_core_enum_value(enum bpf_func_id___mine, BPF_FUNC_map_lookup_elem___mine);
	sum += bpf_core_enum_value_exists(enum bpf_func_id___mine, BPF_FUNC_loop___mine);
	sum += bpf_core_enum_value(enum bpf_func_id___mine, BPF_FUNC_loop___mine);
	sum += ((struct task_struct___short *)ctx)->exit_code + ((struct no_such_struct *)ctx)->x;
	return sum;
}

char _license[] SEC("license") = "GPL";
