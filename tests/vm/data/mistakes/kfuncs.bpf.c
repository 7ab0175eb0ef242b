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
extern void bpf_rcu_read_unlock(void) __ksym;

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

SEC("?syscall")
int task_unchecked(void *ctx)
{
	struct task_struct *task = bpf_task_from_pid(1);
	int pid = task->pid;

	bpf_task_release(task);
	return pid;
}

SEC("?syscall")
int task_used_after(void *ctx)
{
	struct task_struct *task = bpf_task_from_pid(1);

	if (!task)
		return 0;
	bpf_task_release(task);
	return task->pid;
}

SEC("?syscall")
int iterator_unchecked(void *ctx)
{
	struct bpf_iter_num it;
	int sum;

	bpf_iter_num_new(&it, 0, 3);
	sum = *bpf_iter_num_next(&it);
	bpf_iter_num_destroy(&it);
	return sum & 1;
}

SEC("?tp_btf/sched_pi_setprio")
int argument_may_be_null(__u64 *ctx)
{
	struct task_struct *donor = (void *)ctx[1];

	return donor->pid;
}

SEC("?fentry.s/bpf_fentry_test1")
int sleeps_under_rcu(__u64 *ctx)
{
	__u64 number;

	bpf_rcu_read_lock();
	bpf_copy_from_user(&number, sizeof(number), (void *)4096);
	bpf_rcu_read_unlock();
	return 0;
}

SEC("?tc")
int rcu_unlocked_only(struct __sk_buff *skb)
{
	bpf_rcu_read_unlock(); /* alone */
	return TC_ACT_OK;
}

char LICENSE[] SEC("license") = "GPL";
