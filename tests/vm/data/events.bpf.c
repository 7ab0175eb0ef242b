/* Programs that send events, as many as they are run, and say something. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct event {
	__u64 number;
	__u32 size;
};

struct other {
	__u64 words[4];
};

struct header {
	__u64 number;
	__u16 words[];
};

struct longer {
	struct event event;
	__u64 more;
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4 << 20);
} ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} small SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(key_size, 4);
	__uint(value_size, 4);
} perf SEC(".maps");

volatile __u64 sent;
volatile __u64 refused;
const volatile __u64 flags = 0;

static __always_inline int send(void *map, __u32 size)
{
	struct event event = { .number = sent, .size = size };

	if (bpf_ringbuf_output(map, &event, sizeof(event), flags))
		refused++;
	else
		sent++;
	return 0;
}

SEC("tc")
int to_ring(struct __sk_buff *skb)
{
	return send(&ring, skb->len);
}

SEC("tc")
int to_small(struct __sk_buff *skb)
{
	return send(&small, skb->len);
}

SEC("tc")
int to_perf(struct __sk_buff *skb)
{
	struct event event = { .number = sent, .size = skb->len };

	if (bpf_perf_event_output(skb, &perf, BPF_F_CURRENT_CPU, &event, sizeof(event)))
		refused++;
	else
		sent++;
	return 0;
}

SEC("tc")
int say(struct __sk_buff *skb)
{
	bpf_printk("packet of %d bytes", skb->len);
	sent++;
	return 0;
}

struct event *type_of_events; /* so that BTF has them */
struct other *another_type;
struct header *flexible_type;
struct longer *longer_type;
char LICENSE[] SEC("license") = "GPL";
