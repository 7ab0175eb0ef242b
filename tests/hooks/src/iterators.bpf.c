/* Programs that go over what the kernel has: each writes text, or records of a declared type. */
#include "ebpf.h"

SEC("iter/task")
int tasks(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct task found = {};

	if (!task)
		return 0;
	found.pid = task->tgid;
	found.parent = task->real_parent->tgid;
	bpf_probe_read_kernel_str(found.comm, sizeof(found.comm), task->comm);
	bpf_seq_write(ctx->meta->seq, &found, sizeof(found));
	return 0;
}

SEC("iter/bpf_map")
int maps(struct bpf_iter__bpf_map *ctx)
{
	struct bpf_map *map = ctx->map;

	if (map)
		BPF_SEQ_PRINTF(ctx->meta->seq, "%s %u\n", map->name, map->max_entries);
	return 0;
}

SEC("iter/bpf_map_elem")
int elements(struct bpf_iter__bpf_map_elem *ctx)
{
	__u32 *key = ctx->key;
	__u64 *value = ctx->value;

	if (key && value)
		BPF_SEQ_PRINTF(ctx->meta->seq, "%u: %llu\n", *key, *value);
	return 0;
}

SEC("iter/bpf_prog")
int programs(struct bpf_iter__bpf_prog *ctx)
{
	struct bpf_prog *prog = ctx->prog;

	if (prog)
		BPF_SEQ_PRINTF(ctx->meta->seq, "%u %s\n", prog->aux->id, prog->aux->name);
	return 0;
}

SEC("iter/tcp")
int tcp(struct bpf_iter__tcp *ctx)
{
	struct sock_common *sk = ctx->sk_common;
	struct endpoint found = {};

	if (!sk)
		return 0;
	found.state = sk->skc_state;
	found.port = sk->skc_num;
	found.address = sk->skc_rcv_saddr;
	bpf_seq_write(ctx->meta->seq, &found, sizeof(found));
	return 0;
}

SEC("iter/udp")
int udp(struct bpf_iter__udp *ctx)
{
	struct udp_sock *sk = ctx->udp_sk;
	struct endpoint found = {};

	if (!sk)
		return 0;
	found.port = sk->inet.sk.__sk_common.skc_num;
	found.address = sk->inet.sk.__sk_common.skc_rcv_saddr;
	bpf_seq_write(ctx->meta->seq, &found, sizeof(found));
	return 0;
}

SEC("iter/netlink")
int netlink(struct bpf_iter__netlink *ctx)
{
	struct netlink_sock *sk = ctx->sk;

	if (sk)
		BPF_SEQ_PRINTF(ctx->meta->seq, "%u\n", sk->portid);
	return 0;
}
