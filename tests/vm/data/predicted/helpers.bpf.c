/* Calls of helpers, and what keeps them from being made where there are none. See tests/support/predicted.py for the form of this file. */

//// old:

SEC("xdp")
int prog(void *ctx)
{
	bpf_ktime_get_ns();
	return 0;
}

//// new:

static long step(__u32 index, void *data)
{
	return 0;
}

SEC("xdp")
int prog(void *ctx)
{
	bpf_loop(4, step, NULL, 0);
	return 0;
}

//// guarded_by_enum:

enum bpf_func_id___new { BPF_FUNC_loop___new = 181 };
static long step(__u32 index, void *data)
{
	return 0;
}

SEC("xdp")
int prog(void *ctx)
{
	if (bpf_core_enum_value_exists(enum bpf_func_id___new, BPF_FUNC_loop___new))
		bpf_loop(4, step, NULL, 0);
	return 0;
}

//// guarded_by_version:

extern int LINUX_KERNEL_VERSION __kconfig;

SEC("xdp")
int prog(void *ctx)
{
	if (LINUX_KERNEL_VERSION >= KERNEL_VERSION(6, 1, 0))
		bpf_ktime_get_tai_ns();
	return 0;
}

//// guarded_by_constant:

const volatile bool enabled = false;
static long step(__u32 index, void *data)
{
	return 0;
}

SEC("xdp")
int prog(void *ctx)
{
	if (enabled)
		bpf_loop(4, step, NULL, 0);
	return 0;
}

//// of_another_type:

SEC("xdp")
int prog(void *ctx)
{
	bpf_skb_change_type(ctx, 0);
	return 0;
}

//// came_to_the_type:

SEC("socket")
int prog(void *ctx)
{
	bpf_get_current_uid_gid();
	return 0;
}

//// left_the_type:

SEC("lwt_seg6local")
int prog(void *ctx)
{
	bpf_skb_pull_data(ctx, 0);
	return 0;
}

//// of_iterators:

char zero;

SEC("fentry/tcp_connect")
int prog(void *ctx)
{
	bpf_seq_write(ctx, &zero, 1);
	return 0;
}

//// that_sleeps:

SEC("fentry/tcp_connect")
int prog(void *ctx)
{
	char c;
	bpf_copy_from_user(&c, 1, NULL);
	return 0;
}

//// for_gpl:

SEC("kprobe/do_nanosleep")
int prog(void *ctx)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	if (!task) return 1;
	return 0;
}

//// for_gpl_without: -DTERMS="MIT"

SEC("kprobe/do_nanosleep")
int prog(void *ctx)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	if (!task) return 1;
	return 0;
}

//// in_a_subprogram:

static __noinline int sub(void *ctx)
{
	return bpf_ktime_get_tai_ns();
}

SEC("tc")
int prog(void *ctx)
{
	return sub(ctx);
	return 0;
}
