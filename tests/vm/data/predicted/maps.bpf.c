/* Maps. See tests/support/predicted.py for the form of this file. */

//// hash:

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
	bpf_map_lookup_elem(&map, &key);
	return 0;
}

//// ring:

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} map SEC(".maps");

SEC("xdp")
int prog(void *ctx)
{
	bpf_ringbuf_query(&map, 0);
	return 0;
}

//// bloom:

struct {
	__uint(type, BPF_MAP_TYPE_BLOOM_FILTER);
	__uint(max_entries, 8);
	__type(value, __u32);
} map SEC(".maps");

SEC("xdp")
int prog(void *ctx)
{
	return 0;
}

//// user_ring:

struct {
	__uint(type, BPF_MAP_TYPE_USER_RINGBUF);
	__uint(max_entries, 4096);
} map SEC(".maps");

SEC("xdp")
int prog(void *ctx)
{
	return 0;
}

//// task_storage:

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, __u64);
} map SEC(".maps");

SEC("xdp")
int prog(void *ctx)
{
	return 0;
}

//// cgroup_storage:

struct {
	__uint(type, MAP_CGRP_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, __u64);
} map SEC(".maps");

SEC("xdp")
int prog(void *ctx)
{
	return 0;
}

//// arena:

struct {
	__uint(type, MAP_ARENA);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 4);
} map SEC(".maps");

SEC("xdp")
int prog(void *ctx)
{
	return 0;
}

//// mappable:

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u64);
} map SEC(".maps");

SEC("xdp")
int prog(void *ctx)
{
	return 0;
}

//// legacy:

struct bpf_map_def {
	unsigned a, b, c, d, e;
};

struct bpf_map_def SEC("maps") map = { 2, 4, 8, 1, 0 };

SEC("xdp")
int prog(void *ctx)
{
	return 0;
}

//// each:

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, __u64);
} map SEC(".maps");
static long each(void *map, void *key, void *value, void *data)
{
	return 0;
}

SEC("xdp")
int prog(void *ctx)
{
	bpf_for_each_map_elem(&map, each, NULL, 0);
	return 0;
}

//// lock_in_a_kprobe:

struct value {
	struct bpf_spin_lock lock;
	int count;
};
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, struct value);
} map SEC(".maps");
SEC("kprobe/do_nanosleep")
int prog(void *ctx)
{
	__u32 key = 0;
	struct value *value = bpf_map_lookup_elem(&map, &key);

	return value ? value->count & 1 : 0;
}
SEC("socket")
int filter(void *ctx)
{
	__u32 key = 0;
	struct value *value = bpf_map_lookup_elem(&map, &key);

	return value ? value->count & 1 : 0;
}
SEC("tc")
int packets(void *ctx)
{
	__u32 key = 0;
	struct value *value = bpf_map_lookup_elem(&map, &key);

	return value ? value->count & 1 : 0;
}

//// timer_in_a_kprobe:

struct value {
	struct bpf_timer timer;
	int count;
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, struct value);
} map SEC(".maps");
SEC("kprobe/do_nanosleep")
int prog(void *ctx)
{
	__u32 key = 0;
	struct value *value = bpf_map_lookup_elem(&map, &key);

	return value ? value->count & 1 : 0;
}

//// lock_further_in:

struct locked {
	struct bpf_spin_lock lock;
	int count;
};
struct value {
	int number;
	struct locked locked;
};
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, struct value);
} map SEC(".maps");
SEC("kprobe/do_nanosleep")
int prog(void *ctx)
{
	__u32 key = 0;
	struct value *value = bpf_map_lookup_elem(&map, &key);

	return value ? value->number & 1 : 0;
}
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, struct locked);
} recent SEC(".maps");
SEC("kprobe/do_nanosleep")
int of_another_type(void *ctx)
{
	__u32 key = 0;
	struct locked *value = bpf_map_lookup_elem(&recent, &key);

	return value ? value->count & 1 : 0;
}

//// growing_in_a_perf_event:

struct inner {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u64);
} one SEC(".maps");
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 4);
	__type(key, __u32);
	__array(values, struct inner);
} map SEC(".maps");
SEC("perf_event")
int prog(void *ctx)
{
	__u32 key = 0;
	void *found = bpf_map_lookup_elem(&map, &key);

	return found && bpf_map_lookup_elem(found, &key) != 0;
}
SEC("perf_event")
int direct(void *ctx)
{
	__u32 key = 0;

	return bpf_map_lookup_elem(&one, &key) != 0;
}
SEC("kprobe/do_nanosleep")
int probe(void *ctx)
{
	__u32 key = 0;

	return bpf_map_lookup_elem(&one, &key) != 0;
}

//// queue_asleep:

struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, 4);
	__type(value, __u64);
} map SEC(".maps");
SEC("syscall")
int prog(void *ctx)
{
	__u64 value;

	return bpf_map_pop_elem(&map, &value) != 0;
}

//// stacks_asleep:

struct {
	__uint(type, BPF_MAP_TYPE_STACK_TRACE);
	__uint(max_entries, 4);
	__uint(key_size, 4);
	__uint(value_size, 80);
} map SEC(".maps");
struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 4);
	__uint(key_size, 4);
	__uint(value_size, 4);
} programs SEC(".maps");
SEC("uprobe.s//bin/true:main")
int prog(void *ctx)
{
	return bpf_get_stackid(ctx, &map, 0) & 1;
}
SEC("syscall")
int calls(void *ctx)
{
	bpf_tail_call(ctx, &programs, 0);
	return 0;
}
SEC("uprobe//bin/true:main")
int awake(void *ctx)
{
	return bpf_get_stackid(ctx, &map, 0) & 1;
}
