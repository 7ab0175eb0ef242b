/* Programs that redirect, by the number of a device and by a map. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define MAP(kind, label)                              \
	struct {                                      \
		__uint(type, BPF_MAP_TYPE_##kind);    \
		__uint(key_size, 4);                  \
		__uint(value_size, 4);                \
		__uint(max_entries, 8);               \
	} label SEC(".maps")

MAP(DEVMAP, devices);
MAP(DEVMAP_HASH, devices_of_a_name_that_is_long);
MAP(CPUMAP, processors);

const volatile __u32 place = 3;

SEC("xdp")
int to_device(struct xdp_md *ctx)
{
	return bpf_redirect(place, 0);
}

SEC("xdp")
int to_devmap(struct xdp_md *ctx)
{
	return bpf_redirect_map(&devices, place, XDP_DROP);
}

SEC("xdp")
int to_hash(struct xdp_md *ctx)
{
	return bpf_redirect_map(&devices_of_a_name_that_is_long, place, XDP_DROP);
}

SEC("xdp")
int to_cpumap(struct xdp_md *ctx)
{
	return bpf_redirect_map(&processors, 0, XDP_PASS);
}

SEC("tc")
int out(struct __sk_buff *skb)
{
	return bpf_redirect(place, 0);
}

SEC("tc")
int into(struct __sk_buff *skb)
{
	return bpf_redirect(skb->mark, BPF_F_INGRESS);
}

SEC("tc")
int keep(struct __sk_buff *skb)
{
	return 0;
}

SEC("socket")
int filter(struct __sk_buff *skb)
{
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
