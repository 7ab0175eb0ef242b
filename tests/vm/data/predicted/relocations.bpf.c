/* Fields, types and enumerators of the kernel, there and not there, asked for and not. See tests/support/predicted.py for the form of this file. */

//// field:

struct task_struct {
	int pid;
	long state;
	unsigned int __state;
} CORE;

SEC("raw_tp/sched_switch")
int prog(void *ctx)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	return BPF_CORE_READ(task, pid);
	return 0;
}

//// gone:

struct task_struct {
	int pid;
	long state;
	unsigned int __state;
} CORE;

SEC("raw_tp/sched_switch")
int prog(void *ctx)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	return BPF_CORE_READ(task, state);
	return 0;
}

//// field_new:

struct task_struct {
	int pid;
	long state;
	unsigned int __state;
} CORE;

SEC("raw_tp/sched_switch")
int prog(void *ctx)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	return BPF_CORE_READ(task, __state);
	return 0;
}

//// guarded:

struct task_struct {
	int pid;
	long state;
	unsigned int __state;
} CORE;

SEC("raw_tp/sched_switch")
int prog(void *ctx)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	if (bpf_core_field_exists(task->__state))
		return BPF_CORE_READ(task, __state);
	return BPF_CORE_READ(task, state);
	return 0;
}

//// field_of_no_type:

struct no_such {
	int x;
} CORE;

SEC("raw_tp/sched_switch")
int prog(void *ctx)
{
	struct no_such *it = ctx;
	return BPF_CORE_READ(it, x);
	return 0;
}

//// type_guarded:

struct no_such {
	int x;
} CORE;

SEC("raw_tp/sched_switch")
int prog(void *ctx)
{
	struct no_such *it = ctx;
	if (bpf_core_type_exists(struct no_such))
		return BPF_CORE_READ(it, x);
	return 0;
}

//// size_of_no_type:

struct no_such {
	int x;
} CORE;

SEC("raw_tp/sched_switch")
int prog(void *ctx)
{
	return bpf_core_type_size(struct no_such);
	return 0;
}

//// enumerator_new:

enum bpf_func_id___new { BPF_FUNC_loop___new = 181 };

SEC("xdp")
int prog(void *ctx)
{
	return bpf_core_enum_value(enum bpf_func_id___new, BPF_FUNC_loop___new) ? 2 : 1;
	return 0;
}

//// bit_field:

struct task_struct {
	unsigned in_execve:1;
} CORE;

SEC("raw_tp/sched_switch")
int prog(void *ctx)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	return BPF_CORE_READ_BITFIELD_PROBED(task, in_execve);
	return 0;
}

//// field_of_another_size:

struct task_struct {
	long pid;
} CORE;

SEC("tp_btf/sched_switch")
int prog(void *ctx)
{
	struct task_struct *task = (void *)((__u64 *)ctx)[1];
	return task->pid;
	return 0;
}
