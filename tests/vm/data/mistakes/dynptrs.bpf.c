/* Dynptrs, since Linux 5.19, callbacks, timers, and functions that are verified by themselves. */
#include "mistakes.h"

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} events SEC(".maps");

SEC("?tc")
int dynptr_kept(struct __sk_buff *skb)
{
	struct bpf_dynptr record;

	bpf_ringbuf_reserve_dynptr(&events, 8, 0, &record);
	return TC_ACT_OK;
}

SEC("?tc")
int dynptr_never_made(struct __sk_buff *skb)
{
	struct bpf_dynptr record = {};
	__u32 number;

	bpf_dynptr_read(&number, sizeof(number), &record, 0, 0);
	return TC_ACT_OK;
}

__noinline int whole(__u32 *number)
{
	return *number;
}

SEC("?tc")
int function_of_all(struct __sk_buff *skb)
{
	__u32 number = skb->len;

	return whole(&number);
}

static int on_element(void *map, __u32 *key, struct numbers *value, void *context)
{
	return *(int *)context;
}

SEC("?tc")
int callback_returns(struct __sk_buff *skb)
{
	int some = skb->len;

	bpf_for_each_map_elem(&table, on_element, &some, 0);
	return TC_ACT_OK;
}

static int on_turn(__u32 index, void *context)
{
	int *array = context;

	array[index] = 1;
	return 0;
}

SEC("?tc")
int callback_too_far(struct __sk_buff *skb)
{
	int array[4] = {};

	bpf_loop(4, on_turn, array, 0);
	return array[0];
}

struct timed {
	struct bpf_timer timer;
	__u64 count;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct timed);
	__uint(max_entries, 1);
} timers SEC(".maps");

static int on_timer(void *map, __u32 *key, struct timed *value)
{
	return 1;
}

SEC("?tc")
int timer_returns(struct __sk_buff *skb)
{
	__u32 key = 0;
	struct timed *found = bpf_map_lookup_elem(&timers, &key);

	if (!found)
		return TC_ACT_SHOT;
	bpf_timer_init(&found->timer, &timers, 1);
	bpf_timer_set_callback(&found->timer, on_timer);
	return TC_ACT_OK;
}

SEC("?tc")
int timer_of_other_map(struct __sk_buff *skb)
{
	__u32 key = 0;
	struct timed *found = bpf_map_lookup_elem(&timers, &key);

	if (!found)
		return TC_ACT_SHOT;
	return bpf_timer_init(&found->timer, &table, 1);
}

char LICENSE[] SEC("license") = "GPL";
