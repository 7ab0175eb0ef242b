/* Programs on sockets, and on maps of sockets. */
#include "ebpf.h"

/* How much of a datagram a socket gets, from the header of UDP on. */
SEC("socket")
int first_byte(struct __sk_buff *skb)
{
	return sizeof(struct udphdr) + 1;
}

/* Of the sockets that share a port, the one that the first byte of a datagram says. */
SEC("sk_reuseport")
int by_first_byte(struct sk_reuseport_md *md)
{
	__u8 *payload = md->data + sizeof(struct udphdr);
	__u32 which;

	if ((void *)(payload + 1) > md->data_end)
		return SK_DROP;
	which = *payload - '0';
	return bpf_sk_select_reuseport(md, &group, &which, 0) ? SK_DROP : SK_PASS;
}

SEC("sk_msg")
int no_secrets(struct sk_msg_md *msg)
{
	char *first = msg->data;

	if ((void *)(first + 1) > msg->data_end)
		return SK_PASS;
	return *first == '#' ? SK_DROP : SK_PASS;
}

/* A message is a digit, and as many bytes as that says. */
SEC("sk_skb/stream_parser")
int message(struct __sk_buff *skb)
{
	__u8 length;

	if (bpf_skb_load_bytes(skb, 0, &length, sizeof(length)))
		return 0;
	return 1 + length - '0';
}

SEC("sk_skb/stream_verdict")
int count_messages(struct __sk_buff *skb)
{
	__sync_fetch_and_add(&seen, 1);
	return SK_PASS;
}

/* What comes in by one socket goes out by another, the second of the map. */
SEC("sk_skb/stream_verdict")
int proxy(struct __sk_buff *skb)
{
	return bpf_sk_redirect_map(skb, &ends, 1, 0);
}
