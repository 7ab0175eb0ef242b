/* Functions of the kernel, iterators and trusted pointers, all there since Linux 6.4. */
#include "mistakes.h"

struct task_struct {
	int pid;
} __attribute__((preserve_access_index));

struct bpf_iter_num {
	__u64 __opaque[1];
} __attribute__((aligned(8)));

extern struct task_struct *bpf_task_from_pid(int pid) __ksym;
extern void bpf_task_release(struct task_struct *task) __ksym;
extern int bpf_iter_num_new(struct bpf_iter_num *it, int start, int end) __ksym;
extern int *bpf_iter_num_next(struct bpf_iter_num *it) __ksym;
extern void bpf_iter_num_destroy(struct bpf_iter_num *it) __ksym;
extern void bpf_rcu_read_lock(void) __ksym;

SEC("?syscall")
int task_kept(void *ctx)
{
	struct task_struct *task = bpf_task_from_pid(1);

	return task ? 0 : 1;
}

SEC("?syscall")
int task_released_unchecked(void *ctx)
{
	struct task_struct *task = bpf_task_from_pid(1);

	bpf_task_release(task);
	return 0;
}

SEC("?syscall")
int iterator_kept(void *ctx)
{
	struct bpf_iter_num it;
	int *number, sum = 0;

	bpf_iter_num_new(&it, 0, 3);
	while ((number = bpf_iter_num_next(&it)))
		sum += *number;
	return sum & 1;
}

SEC("?tc")
int rcu_kept(struct __sk_buff *skb)
{
	bpf_rcu_read_lock();
	return TC_ACT_OK;
}

char LICENSE[] SEC("license") = "GPL";
