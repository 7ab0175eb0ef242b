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
