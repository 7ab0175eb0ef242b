/* What is no matter of the kernel's version; what only the verifier finds. See tests/support/predicted.py for the form of this file. */

//// stack_of_two:

static __noinline int big1(int n)
{
	volatile char room[300];
	room[n & 255] = n;
	return 0;
}

static __noinline int big2(int n)
{
	volatile char room[300];
	room[n & 255] = n;
	return big1(n + 1);
}

SEC("tc")
int prog(void *ctx)
{
	return big2((long)ctx);
	return 0;
}

//// big_endian: --target=bpfeb

SEC("xdp")
int prog(void *ctx)
{
	return 0;
}

//// verifier_no_null_check:

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, __u64);
} map SEC(".maps");

SEC("xdp")
int prog(void *ctx)
{
	__u32 key = 0;
	*(__u64 *)bpf_map_lookup_elem(&map, &key) = 1;
	return 0;
}

//// verifier_endless:

SEC("xdp")
int prog(void *ctx)
{
	for (;;)
		asm volatile("");
	return 0;
}

//// verifier_leaks_a_reference:

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} map SEC(".maps");

SEC("xdp")
int prog(void *ctx)
{
	__u64 *record = bpf_ringbuf_reserve(&map, 8, 0);

	if (record)
		*record = 1;
	return 0;
}

//// tail_call:

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u32);
} map SEC(".maps");

SEC("xdp")
int prog(void *ctx)
{
	bpf_tail_call(ctx, &map, 0);
	return 0;
}

//// global_function:

__noinline int global(int n)
{
	return n & 1;
}

SEC("xdp")
int prog(struct xdp_md *ctx)
{
	return global(ctx->data_end - ctx->data);
}

//// spin_lock:

struct value {
	struct bpf_spin_lock lock;
	int count;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct value);
} map SEC(".maps");

SEC("tc")
int prog(void *ctx)
{
	__u32 key = 0;
	struct value *value = bpf_map_lookup_elem(&map, &key);

	if (!value)
		return 0;
	bpf_spin_lock(&value->lock);
	value->count++;
	bpf_spin_unlock(&value->lock);
	return 0;
}

//// timer:

struct value {
	struct bpf_timer timer;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct value);
} map SEC(".maps");

SEC("tc")
int prog(void *ctx)
{
	__u32 key = 0;
	struct value *value = bpf_map_lookup_elem(&map, &key);

	if (value)
		bpf_timer_cancel(&value->timer);
	return 0;
}

//// optional_program:

SEC("?netfilter")
int later(void *ctx)
{
	return 1;
}

SEC("xdp")
int prog(void *ctx)
{
	return 0;
}
