/* Policies for addresses of sockets of the machine itself, AF_UNIX: who asks for /run/asked gets /run/given. */
#include "ebpf.h"

extern void *bpf_cast_to_kern_ctx(void *ctx) __ksym;
extern int bpf_sock_addr_set_sun_path(struct bpf_sock_addr_kern *sa_kern, const __u8 *sun_path,
				      __u32 sun_path__sz) __ksym;

static __always_inline int rename(struct bpf_sock_addr *ctx, const char *path, __u32 length)
{
	return !bpf_sock_addr_set_sun_path(bpf_cast_to_kern_ctx(ctx),
					  (const __u8 *)path, length);
}

static const char given[] = "/run/given", asked[] = "/run/asked";

SEC("cgroup/connect_unix")
int connect_unix(struct bpf_sock_addr *ctx)
{
	return rename(ctx, given, sizeof(given) - 1);
}

SEC("cgroup/sendmsg_unix")
int sendmsg_unix(struct bpf_sock_addr *ctx)
{
	return rename(ctx, given, sizeof(given) - 1);
}

SEC("cgroup/recvmsg_unix")
int recvmsg_unix(struct bpf_sock_addr *ctx)
{
	return rename(ctx, asked, sizeof(asked) - 1);
}

SEC("cgroup/getpeername_unix")
int getpeername_unix(struct bpf_sock_addr *ctx)
{
	return rename(ctx, asked, sizeof(asked) - 1);
}

SEC("cgroup/getsockname_unix")
int getsockname_unix(struct bpf_sock_addr *ctx)
{
	return rename(ctx, asked, sizeof(asked) - 1);
}
