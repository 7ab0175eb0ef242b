/* Policies for the sockets of the machine itself, AF_UNIX, and their abstract names, which begin with a NUL. */
#include "ebpf.h"

extern void *bpf_cast_to_kern_ctx(void *ctx) __ksym;
extern int bpf_sock_addr_set_sun_path(struct bpf_sock_addr_kern *sa_kern, const __u8 *sun_path,
				      __u32 sun_path__sz) __ksym;

__u8 asked[] = "\0asked", given[] = "\0given";	/* not const: the verifier takes no other memory here */

static __always_inline int rename(struct bpf_sock_addr *ctx, const __u8 *name)
{
	bpf_sock_addr_set_sun_path(bpf_cast_to_kern_ctx(ctx), name, sizeof(asked) - 1);
	return 1;
}

SEC("cgroup/connect_unix")
int connect_unix(struct bpf_sock_addr *ctx)
{
	return rename(ctx, given);
}

SEC("cgroup/sendmsg_unix")
int sendmsg_unix(struct bpf_sock_addr *ctx)
{
	return rename(ctx, given);
}

SEC("cgroup/recvmsg_unix")
int recvmsg_unix(struct bpf_sock_addr *ctx)
{
	return rename(ctx, asked);
}

SEC("cgroup/getpeername_unix")
int getpeername_unix(struct bpf_sock_addr *ctx)
{
	return rename(ctx, asked);
}

SEC("cgroup/getsockname_unix")
int getsockname_unix(struct bpf_sock_addr *ctx)
{
	return rename(ctx, asked);
}
