/* Functions and variables of the kernel, its configuration, its structs of operations. See tests/support/predicted.py for the form of this file. */

//// kfunc_new:

struct bpf_cpumask {
	int usage;
};

extern struct bpf_cpumask *bpf_cpumask_create(void) __ksym;
extern void bpf_cpumask_release(struct bpf_cpumask *) __ksym;

SEC("tp_btf/sched_switch")
int prog(void *ctx)
{
	struct bpf_cpumask *mask = bpf_cpumask_create();
	if (mask)
		bpf_cpumask_release(mask);
	return 0;
}

//// kfunc_of_another_type:

extern void *bpf_cpumask_create(int) __ksym;

SEC("tp_btf/sched_switch")
int prog(void *ctx)
{
	return bpf_cpumask_create(3) != 0;
	return 0;
}

//// kfunc_for_tc:

extern int bpf_dynptr_from_skb(struct __sk_buff *skb, __u64 flags, struct bpf_dynptr *ptr) __ksym;

SEC("tc")
int prog(struct __sk_buff *skb)
{
	struct bpf_dynptr ptr;
	return bpf_dynptr_from_skb(skb, 0, &ptr) != 0;
}

//// kfunc_not_for_xdp:

extern int bpf_dynptr_from_skb(struct __sk_buff *skb, __u64 flags, struct bpf_dynptr *ptr) __ksym;

SEC("xdp")
int prog(void *ctx)
{
	struct bpf_dynptr ptr;
	return bpf_dynptr_from_skb(ctx, 0, &ptr) != 0;
}

//// kfunc_guarded:

extern void bpf_no_such_kfunc(void) __ksym __weak;

SEC("tp_btf/sched_switch")
int prog(void *ctx)
{
	if (bpf_ksym_exists(bpf_no_such_kfunc))
		bpf_no_such_kfunc();
	return 0;
}

//// kfunc_missing:

extern void bpf_no_such_kfunc(void) __ksym;

SEC("tp_btf/sched_switch")
int prog(void *ctx)
{
	bpf_no_such_kfunc();
	return 0;
}

//// variable:

extern const int bpf_prog_active __ksym;

SEC("raw_tp/sched_switch")
int prog(void *ctx)
{
	return *(int *)bpf_this_cpu_ptr(&bpf_prog_active);
	return 0;
}

//// variable_missing:

extern const int no_such_variable __ksym;

SEC("raw_tp/sched_switch")
int prog(void *ctx)
{
	return *(int *)bpf_this_cpu_ptr(&no_such_variable);
	return 0;
}

//// variable_guarded:

extern const int no_such_variable __ksym __weak;

SEC("raw_tp/sched_switch")
int prog(void *ctx)
{
	if (bpf_ksym_exists(&no_such_variable))
		return *(int *)bpf_this_cpu_ptr(&no_such_variable);
	return 0;
}

//// address_of_a_symbol:

extern const void tcp_prot __ksym;

SEC("raw_tp/sched_switch")
int prog(void *ctx)
{
	return &tcp_prot != 0;
	return 0;
}

//// struct_ops_missing:

struct no_such_ops {
	int (*init)(void);
};

SEC("struct_ops/init")
int prog(void *ctx)
{
	return 0;
}
SEC(".struct_ops") struct no_such_ops ops = { .init = (void *)prog };

//// struct_ops_congestion:

struct sock;

struct rate_sample;

struct tcp_congestion_ops {
	char name[16];
	unsigned int (*ssthresh)(struct sock *sk);
	unsigned int (*undo_cwnd)(struct sock *sk);
	void (*cong_avoid)(struct sock *sk, unsigned int ack, unsigned int acked);
};

SEC("struct_ops/ssthresh")
int ssthresh(void *ctx)
{
	return 2;
}

SEC("struct_ops/undo_cwnd")
int undo_cwnd(void *ctx)
{
	return 2;
}

SEC("struct_ops/cong_avoid")
void cong_avoid(void *ctx)
{
}

SEC(".struct_ops")
struct tcp_congestion_ops ops = {
	.name = "steady",
	.ssthresh = (void *)ssthresh,
	.undo_cwnd = (void *)undo_cwnd,
	.cong_avoid = (void *)cong_avoid,
};

//// struct_ops_link:

struct sock;

struct rate_sample;

struct tcp_congestion_ops {
	char name[16];
	unsigned int (*ssthresh)(struct sock *sk);
	unsigned int (*undo_cwnd)(struct sock *sk);
	void (*cong_avoid)(struct sock *sk, unsigned int ack, unsigned int acked);
};

SEC("struct_ops/ssthresh")
int ssthresh(void *ctx)
{
	return 2;
}

SEC("struct_ops/undo_cwnd")
int undo_cwnd(void *ctx)
{
	return 2;
}

SEC("struct_ops/cong_avoid")
void cong_avoid(void *ctx)
{
}

SEC(".struct_ops.link")
struct tcp_congestion_ops ops = {
	.name = "linked",
	.ssthresh = (void *)ssthresh,
	.undo_cwnd = (void *)undo_cwnd,
	.cong_avoid = (void *)cong_avoid,
};

//// struct_ops_scheduler:

struct sched_ext_ops {
	void (*tick)(void *task);
	char name[128];
};

SEC("struct_ops/tick")
void tick(void *ctx)
{
}

SEC(".struct_ops")
struct sched_ext_ops ops = {
	.name = "steady",
	.tick = (void *)tick,
};

//// kconfig_weak:

extern bool CONFIG_NO_SUCH_OPTION __kconfig __weak;

SEC("xdp")
int prog(void *ctx)
{
	return CONFIG_NO_SUCH_OPTION;
}

//// kconfig:

extern int CONFIG_HZ __kconfig;

SEC("xdp")
int prog(void *ctx)
{
	return CONFIG_HZ == 100 ? ((long (*)(void))9999)() : 2;
}

//// kconfig_of_another_shape:

extern int CONFIG_BPF __kconfig;

SEC("xdp")
int prog(void *ctx)
{
	return CONFIG_BPF;
}

//// kconfig_too_large:

extern unsigned CONFIG_ILLEGAL_POINTER_VALUE __kconfig;

SEC("xdp")
int prog(void *ctx)
{
	return CONFIG_ILLEGAL_POINTER_VALUE;
}

//// address_guarded:

extern const void no_such_symbol __ksym __weak;

SEC("raw_tp/sched_switch")
int prog(void *ctx)
{
	if (&no_such_symbol)
		return ((long (*)(void))9999)();
	return 0;
}

//// variable_of_another_type:

struct rq;
extern const struct rq runqueues __ksym __weak;

SEC("tp_btf/sched_switch")
int prog(void *ctx)
{
	return bpf_ksym_exists(&runqueues) ? bpf_per_cpu_ptr(&runqueues, 0) != 0 : 0;
}

SEC("xdp")
int other(void *ctx)
{
	return 2;
}

//// xdp_metadata:

extern int bpf_xdp_metadata_rx_timestamp(const struct xdp_md *ctx, __u64 *timestamp) __ksym __weak;

SEC("xdp")
int prog(struct xdp_md *ctx)
{
	__u64 time;

	return bpf_ksym_exists(bpf_xdp_metadata_rx_timestamp) && bpf_xdp_metadata_rx_timestamp(ctx, &time);
}

//// struct_ops_sleeps:

struct sock;

struct tcp_congestion_ops {
	char name[16];
	unsigned int (*ssthresh)(struct sock *sk);
	unsigned int (*undo_cwnd)(struct sock *sk);
	void (*cong_avoid)(struct sock *sk, unsigned int ack, unsigned int acked);
};

SEC("struct_ops.s/ssthresh")
int ssthresh(void *ctx)
{
	return 2;
}

SEC(".struct_ops")
struct tcp_congestion_ops ops = {
	.name = "sleeping",
	.ssthresh = (void *)ssthresh,
};

//// exception_callback:

extern void bpf_throw(__u64 cookie) __ksym __weak;

__noinline int caught(__u64 cookie)
{
	return 7;
}

SEC("tc") __attribute__((btf_decl_tag("exception_callback:caught")))
int prog(struct __sk_buff *skb)
{
	if (skb->len > 100 && bpf_ksym_exists(bpf_throw))
		bpf_throw(5);
	return 0;
}

//// exception_callback_that_asks:

extern void bpf_throw(__u64 cookie) __ksym __weak;

__noinline int caught(__u64 cookie)
{
	return ((long (*)(void))9999)() & 1;
}

SEC("tc") __attribute__((btf_decl_tag("exception_callback:caught")))
int prog(struct __sk_buff *skb)
{
	if (skb->len > 100 && bpf_ksym_exists(bpf_throw))
		bpf_throw(5);
	return 0;
}

//// exception_callback_static:

static __noinline __attribute__((used)) int caught(__u64 cookie)
{
	return 7;
}

SEC("tc") __attribute__((btf_decl_tag("exception_callback:caught")))
int prog(struct __sk_buff *skb)
{
	return 0;
}

//// exception_callback_missing:

SEC("tc") __attribute__((btf_decl_tag("exception_callback:nobody")))
int prog(struct __sk_buff *skb)
{
	return 0;
}
