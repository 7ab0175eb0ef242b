/* Maps of every kind that Linux 5.10 has, and an XDP program that writes to them. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

typedef __be32 ebpf_ipv4;
struct ebpf_ipv4_prefix {
	__u32 prefixlen;
	ebpf_ipv4 address;
};
struct ipv6_key {
	__u32 prefixlen;
	__u8 address[16];
};

enum action { PASS, DROP };

struct rule {
	enum action action;
	__u64 hits;
};

struct counters {
	__u64 packets;
	__u64 bytes;
};

struct event {
	__u32 length;
	char name[8];
};

#define MAP(kind, label, k, v, entries, ...)         \
	struct {                                     \
		__uint(type, BPF_MAP_TYPE_##kind);   \
		__type(key, k);                      \
		__type(value, v);                    \
		__uint(max_entries, entries);        \
		__VA_ARGS__;                         \
	} label SEC(".maps")

MAP(HASH, rules, ebpf_ipv4, struct rule, 4);
MAP(LRU_HASH, recent, __u32, __u64, 16);
MAP(ARRAY, totals, __u32, struct counters, 3);
MAP(PERCPU_HASH, by_port, __u16, struct counters, 8);
MAP(PERCPU_ARRAY, by_cpu, __u32, __u64, 2);
MAP(LPM_TRIE, blocked, struct ebpf_ipv4_prefix, struct rule, 4, __uint(map_flags, BPF_F_NO_PREALLOC));
MAP(LPM_TRIE, blocked6, struct ipv6_key, __u32, 4, __uint(map_flags, BPF_F_NO_PREALLOC));
MAP(DEVMAP_HASH, devices, __u32, __u32, 4);

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(key_size, 4);
	__uint(value_size, 4);
	__uint(max_entries, 2);
} tails SEC(".maps");

struct inner {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, __u32);
	__type(value, struct rule);
	__uint(max_entries, 4);
} first_table SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__type(key, __u32);
	__uint(max_entries, 3);
	__array(values, struct inner);
} tables SEC(".maps") = { .values = { [0] = &first_table } };

struct {
	__uint(type, BPF_MAP_TYPE_HASH_OF_MAPS);
	__type(key, ebpf_ipv4);
	__uint(max_entries, 3);
	__array(values, struct inner);
} tenants SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__type(value, struct event);
	__uint(max_entries, 2);
} queue SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_STACK);
	__type(value, __u32);
	__uint(max_entries, 4);
} stack SEC(".maps");

const volatile __u32 limit = 10;
const volatile char greeting[8] = "hello";
volatile __u64 seen;
volatile struct counters sum;
volatile enum action mode = DROP;

SEC("xdp")
int tail(struct xdp_md *ctx)
{
	return XDP_TX;
}

SEC("xdp")
int count(struct xdp_md *ctx)
{
	__u32 length = ctx->data_end - ctx->data, zero = 0, one = 1;
	struct counters *total = bpf_map_lookup_elem(&totals, &zero);
	__u64 *here = bpf_map_lookup_elem(&by_cpu, &one);
	struct event *event;

	if (total) {
		total->packets++;
		total->bytes += length;
	}
	if (here)
		(*here)++;
	seen++;
	sum.bytes += length;
	event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	if (event) {
		event->length = length;
		__builtin_memcpy(event->name, "packet", 7);
		event->name[7] = 0;
		bpf_ringbuf_submit(event, 0);
	}
	bpf_tail_call(ctx, &tails, 0);
	return length > limit ? XDP_DROP : XDP_PASS;
}

struct event *type_of_events; /* so that BTF has it: the program alone does not tell */
char LICENSE[] SEC("license") = "GPL";
