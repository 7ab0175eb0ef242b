/* A security policy for the processes of one cgroup. */
#include "ebpf.h"

SEC("lsm_cgroup/socket_bind")
int BPF_PROG(no_servers, struct socket *sock, struct sockaddr *address)
{
	return 0;	/* denied; 1 is allowed */
}
