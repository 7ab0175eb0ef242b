// SPDX-License-Identifier: BSD-2-Clause
/* More data than goes into one message to the guest; in the file it takes no room. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";

char table[64 << 20];
int seen;

SEC("tc")
int look(struct __sk_buff *skb)
{
	return table[skb->len & 1023] + seen;
}
