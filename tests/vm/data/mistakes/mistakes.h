/* What the mistakes share. Each is a program of its own: a test loads one of them. */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>

#define PACKET(ctx) ((void *)(long)(ctx)->data)
#define PACKET_END(ctx) ((void *)(long)(ctx)->data_end)

struct numbers {
	__u32 item[16];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct numbers);
	__uint(max_entries, 4);
} table SEC(".maps");

static struct numbers *numbers_of(__u32 key)
{
	return bpf_map_lookup_elem(&table, &key);
}
