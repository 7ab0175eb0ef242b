/* A field of a kernel structure, found by libbpf in the kernel's BTF. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct __sk_buff___kernel {
	__u32 len;
} __attribute__((preserve_access_index));

SEC("tc")
int longer(struct __sk_buff *skb)
{
	return ((struct __sk_buff___kernel *)skb)->len > 100;
}

char _license[] SEC("license") = "GPL";
