/* Policies for the processes of one cgroup. Those of addresses make a service of 127.0.0.1 known as another. */
#include "ebpf.h"

#define ALLOW 1
#define DENY 0

/* What is asked for, and what it is in truth: an address, a port, and the first and last words of ::1. */
#define SERVICE bpf_htonl(0x0a000001)	/* 10.0.0.1 */
#define LOCALHOST bpf_htonl(0x7f000001)
#define SERVICE6 bpf_htonl(0xfd000000)	/* fd00::1 */
#define ONE bpf_htonl(1)
#define HTTP bpf_htons(80)
#define ITS_PORT bpf_htons(8080)

SEC("cgroup_skb/ingress")
int hear_nothing(struct __sk_buff *skb)
{
	return DENY;
}

SEC("cgroup_skb/egress")
int say_nothing(struct __sk_buff *skb)
{
	return DENY;
}

SEC("cgroup/sock_create")
int no_raw_sockets(struct bpf_sock *sk)
{
	return sk->type == SOCK_RAW ? DENY : ALLOW;
}

SEC("cgroup/sock_release")
int closed(struct bpf_sock *sk)
{
	__sync_fetch_and_add(&seen, 1);
	return ALLOW;
}

SEC("cgroup/post_bind4")
int not_that_port4(struct bpf_sock *sk)
{
	return sk->src_port == 8080 ? DENY : ALLOW;
}

SEC("cgroup/post_bind6")
int not_that_port6(struct bpf_sock *sk)
{
	return sk->src_port == 8080 ? DENY : ALLOW;
}

SEC("cgroup/bind4")
int bind4(struct bpf_sock_addr *ctx)
{
	if (ctx->user_port == HTTP)
		ctx->user_port = ITS_PORT;
	return ALLOW;
}

SEC("cgroup/bind6")
int bind6(struct bpf_sock_addr *ctx)
{
	if (ctx->user_port == HTTP)
		ctx->user_port = ITS_PORT;
	return ALLOW;
}

/* Have who asks for the service reach it. */
static __always_inline int to_service4(struct bpf_sock_addr *ctx)
{
	if (ctx->user_ip4 == SERVICE && ctx->user_port == HTTP) {
		ctx->user_ip4 = LOCALHOST;
		ctx->user_port = ITS_PORT;
	}
	return ALLOW;
}

static __always_inline int to_service6(struct bpf_sock_addr *ctx)
{
	if (ctx->user_ip6[0] == SERVICE6 && ctx->user_port == HTTP) {
		ctx->user_ip6[0] = 0;
		ctx->user_port = ITS_PORT;
	}
	return ALLOW;
}

/* Have who looks see what was asked for. */
static __always_inline int from_service4(struct bpf_sock_addr *ctx)
{
	if (ctx->user_ip4 == LOCALHOST && ctx->user_port == ITS_PORT) {
		ctx->user_ip4 = SERVICE;
		ctx->user_port = HTTP;
	}
	return ALLOW;
}

static __always_inline int from_service6(struct bpf_sock_addr *ctx)
{
	if (ctx->user_ip6[3] == ONE && ctx->user_port == ITS_PORT) {
		ctx->user_ip6[0] = SERVICE6;
		ctx->user_port = HTTP;
	}
	return ALLOW;
}

SEC("cgroup/connect4")
int connect4(struct bpf_sock_addr *ctx)
{
	return to_service4(ctx);
}

SEC("cgroup/connect6")
int connect6(struct bpf_sock_addr *ctx)
{
	return to_service6(ctx);
}

SEC("cgroup/sendmsg4")
int sendmsg4(struct bpf_sock_addr *ctx)
{
	return to_service4(ctx);
}

SEC("cgroup/sendmsg6")
int sendmsg6(struct bpf_sock_addr *ctx)
{
	return to_service6(ctx);
}

SEC("cgroup/recvmsg4")
int recvmsg4(struct bpf_sock_addr *ctx)
{
	return from_service4(ctx);
}

SEC("cgroup/recvmsg6")
int recvmsg6(struct bpf_sock_addr *ctx)
{
	return from_service6(ctx);
}

SEC("cgroup/getpeername4")
int getpeername4(struct bpf_sock_addr *ctx)
{
	return from_service4(ctx);
}

SEC("cgroup/getpeername6")
int getpeername6(struct bpf_sock_addr *ctx)
{
	return from_service6(ctx);
}

SEC("cgroup/getsockname4")
int getsockname4(struct bpf_sock_addr *ctx)
{
	return from_service4(ctx);
}

SEC("cgroup/getsockname6")
int getsockname6(struct bpf_sock_addr *ctx)
{
	return from_service6(ctx);
}

SEC("cgroup/setsockopt")
int never_marked(struct bpf_sockopt *ctx)
{
	return ctx->level == SOL_SOCKET && ctx->optname == SO_MARK ? DENY : ALLOW;
}

/* Answers for the option that the kernel knows as SO_MARK. */
SEC("cgroup/getsockopt")
int all_marked(struct bpf_sockopt *ctx)
{
	__u32 *mark = ctx->optval;

	if (ctx->level == SOL_SOCKET && ctx->optname == SO_MARK && (void *)(mark + 1) <= ctx->optval_end)
		*mark = 42;
	return ALLOW;
}

SEC("cgroup/sysctl")
int settings_are_read_only(struct bpf_sysctl *ctx)
{
	return ctx->write ? DENY : ALLOW;
}

SEC("cgroup/dev")
int no_memory_devices(struct bpf_cgroup_dev_ctx *ctx)
{
	return ctx->major == 1 ? DENY : ALLOW;
}

/* Gives connections a priority as they begin. */
SEC("sockops")
int in_a_hurry(struct bpf_sock_ops *ops)
{
	int priority = 6;

	if (ops->op == BPF_SOCK_OPS_TCP_CONNECT_CB)
		bpf_setsockopt(ops, SOL_SOCKET, SO_PRIORITY, &priority, sizeof(priority));
	return 1;
}
