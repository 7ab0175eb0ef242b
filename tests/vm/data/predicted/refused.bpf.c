/* What libbpf does not take, and what no kernel makes or runs. See tests/support/predicted.py for the form of this file. */

//// static_program:

SEC("tc")
static __noinline __attribute__((used)) int prog(struct __sk_buff *skb)
{
	return 0;
}
SEC("tc")
int other(struct __sk_buff *skb)
{
	return 0;
}

//// static_in_section:

SEC("tc")
static __noinline int helper(struct __sk_buff *skb)
{
	return skb->len + bpf_get_prandom_u32();
}
SEC("tc")
int prog(struct __sk_buff *skb)
{
	return helper(skb);
}

//// program_calls_program:

SEC("tc") __noinline int inner(struct __sk_buff *skb)
{
	return skb->len + bpf_get_prandom_u32();
}
SEC("tc")
int prog(struct __sk_buff *skb)
{
	return inner(skb);
}

//// section_of_its_own: -ffunction-sections

static __noinline int helper(struct __sk_buff *skb)
{
	return skb->len + bpf_get_prandom_u32();
}
SEC("tc")
int prog(struct __sk_buff *skb)
{
	return helper(skb);
}

//// section_of_its_own_global: -ffunction-sections

__noinline int helper(struct __sk_buff *skb)
{
	return skb->len + bpf_get_prandom_u32();
}
SEC("tc")
int prog(struct __sk_buff *skb)
{
	return helper(skb);
}

//// no_btf_map: -g0

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, __u64);
} map SEC(".maps");
SEC("tc")
int prog(struct __sk_buff *skb)
{
	__u32 key = 0;
	return bpf_map_lookup_elem(&map, &key) != 0;
}

//// bcc_maps:

struct bpf_map_def { unsigned int type, key_size, value_size, max_entries, map_flags; };
struct bpf_map_def events SEC("maps/events") = { .type = 4, .key_size = 4, .value_size = 4 };
SEC("tc")
int prog(struct __sk_buff *skb)
{
	__u64 data = 1;
	return bpf_perf_event_output(skb, &events, -1ull, &data, 8);
}

//// custom_section:

int counter SEC("counters") = 5;
SEC("tc")
int prog(struct __sk_buff *skb)
{
	return counter++;
}

//// undefined_function:

extern int somewhere(int x);
SEC("tc")
int prog(struct __sk_buff *skb)
{
	return somewhere(skb->len);
}

//// undefined_weak_function:

extern int somewhere(int x) __weak;
SEC("tc")
int prog(struct __sk_buff *skb)
{
	return somewhere ? somewhere(skb->len) : 0;
}

//// unknown_map_member:

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__uint(no_such_member, 5);
	__type(key, __u32);
	__type(value, __u64);
} map SEC(".maps");
SEC("tc")
int prog(struct __sk_buff *skb)
{
	__u32 key = 0;
	return bpf_map_lookup_elem(&map, &key) != 0;
}

//// map_static:

static struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, __u64);
} map SEC(".maps");
SEC("tc")
int prog(struct __sk_buff *skb)
{
	__u32 key = 0;
	return bpf_map_lookup_elem(&map, &key) != 0;
}

//// map_hidden:

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, __u64);
} map __hidden SEC(".maps");
SEC("tc")
int prog(struct __sk_buff *skb)
{
	__u32 key = 0;
	return bpf_map_lookup_elem(&map, &key) != 0;
}

//// map_flag_new:

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
	__uint(map_flags, 1 << 19);
} map SEC(".maps");
SEC("tc")
int prog(struct __sk_buff *skb)
{
	__u64 value = 0;
	return bpf_ringbuf_output(&map, &value, 8, 0) != 0;
}

//// map_array_long_key:

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u64);
	__type(value, __u64);
} map SEC(".maps");
SEC("tc")
int prog(struct __sk_buff *skb)
{
	__u64 key = 0;
	return bpf_map_lookup_elem(&map, &key) != 0;
}

//// map_extra:

struct {
	__uint(type, BPF_MAP_TYPE_BLOOM_FILTER);
	__uint(max_entries, 64);
	__uint(map_extra, 5);
	__uint(numa_node, 0);
	__type(value, __u64);
} map SEC(".maps");
SEC("tc")
int prog(struct __sk_buff *skb)
{
	__u64 value = 0;
	return bpf_map_peek_elem(&map, &value) != 0;
}

//// tail_call_deep:

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 4);
	__uint(key_size, 4);
	__uint(value_size, 4);
} map SEC(".maps");
static __noinline int jump(struct __sk_buff *skb)
{
	bpf_tail_call(skb, &map, 1);
	return 1;
}
SEC("tc")
int prog(struct __sk_buff *skb)
{
	volatile char room[300];
	room[skb->len & 255] = 1;
	return jump(skb) + room[5];
}

//// ld_abs_in_xdp:

unsigned long long load_byte(void *skb, unsigned long long off) asm("llvm.bpf.load.byte");
SEC("xdp")
int prog(struct xdp_md *ctx) { return load_byte(ctx, 14); }
SEC("socket")
int fine(struct __sk_buff *ctx) { return load_byte(ctx, 14); }

//// deep_calls:

#define F(n, m) static __noinline int f##n(int x) { return f##m(x + 1) + bpf_get_prandom_u32(); }
static __noinline int f9(int x) { return x + bpf_get_prandom_u32(); }
F(8, 9) F(7, 8) F(6, 7) F(5, 6) F(4, 5) F(3, 4) F(2, 3) F(1, 2)
SEC("tc")
int prog(struct __sk_buff *skb) { return f1(skb->len); }

//// kconfig_unknown_virtual:

extern int LINUX_NO_SUCH_THING __kconfig;
SEC("tc")
int prog(struct __sk_buff *skb) { return LINUX_NO_SUCH_THING > 1; }

//// kconfig_unknown_virtual_weak:

extern int LINUX_NO_SUCH_THING __kconfig __weak;
SEC("tc")
int prog(struct __sk_buff *skb) { return LINUX_NO_SUCH_THING > 1; }

//// struct_ops_alone:

SEC("struct_ops/init")
int prog(void *ctx) { return 0; }

//// struct_ops_extra_field:

struct tcp_congestion_ops___mine {
	char name[16];
	int no_such_flag;
};
SEC("tc")
int prog(struct __sk_buff *skb) { return 0; }
SEC(".struct_ops") struct tcp_congestion_ops___mine ops = { .name = "x", .no_such_flag = 3 };

//// fmod_ret_plain:

SEC("fmod_ret/tcp_connect")
int prog(void *ctx) { return 0; }

//// fentry_denied:

SEC("fentry/migrate_disable")
int prog(void *ctx) { return 0; }

//// map_ring_of_values:

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
	__type(value, __u64);
} map SEC(".maps");
SEC("tc")
int prog(void *ctx)
{
	return bpf_ringbuf_query(&map, 0) & 1;
}

//// map_trie_without_its_flag:

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 4);
	__type(key, __u64);
	__type(value, __u64);
} map SEC(".maps");
SEC("tc")
int prog(void *ctx)
{
	__u64 key = 0;
	return bpf_map_lookup_elem(&map, &key) != 0;
}

//// map_flag_of_another_type:

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 4);
	__type(key, __u64);
	__type(value, __u64);
} map SEC(".maps");
SEC("tc")
int prog(void *ctx)
{
	__u64 key = 0;
	return bpf_map_lookup_elem(&map, &key) != 0;
}

//// stack_of_a_timer:

struct value {
	struct bpf_timer timer;
	int count;
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct value);
} map SEC(".maps");
static int fired(void *map, int *key, struct value *value)
{
	volatile char room[300];
	room[value->count & 255] = 1;
	return 0;
}
SEC("tc")
int prog(struct __sk_buff *skb)
{
	volatile char room[300];
	__u32 key = 0;
	struct value *value = bpf_map_lookup_elem(&map, &key);

	room[skb->len & 255] = 1;
	if (!value)
		return 0;
	bpf_timer_init(&value->timer, &map, 0);
	bpf_timer_set_callback(&value->timer, fired);
	return bpf_timer_start(&value->timer, 1000, 0);
}

//// map_trie_of_short_keys:

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u64);
} map SEC(".maps");
SEC("tc")
int prog(void *ctx)
{
	return 0;
}

//// map_by_cpu_too_large:

struct value {
	char data[40000];
};
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct value);
} map SEC(".maps");
SEC("tc")
int prog(void *ctx)
{
	return 0;
}

//// map_storage_with_entries:

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 4);
	__type(key, int);
	__type(value, __u64);
} map SEC(".maps");
SEC("tc")
int prog(void *ctx)
{
	return 0;
}

//// map_ring_read_only:

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(map_flags, BPF_F_RDONLY_PROG);
	__uint(max_entries, 4096);
} map SEC(".maps");
SEC("tc")
int prog(void *ctx)
{
	return 0;
}
