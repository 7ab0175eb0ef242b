/* SPDX-License-Identifier: BSD-2-Clause */
/* Rows of attach_net.c that take more than a call of libbpf. */
#ifndef AGENT_ATTACH_NET_H
#define AGENT_ATTACH_NET_H

#include "attach.h"

/* What argument `interface` names, by its name or its number, in the network namespace that we are in: 0, or
 * fail() with ENODEV where it is not there.
 */
int arg_interface(struct call *call, int *ifindex);

/* What argument `attach_type` says, else the program's own, else 0. */
int arg_attach_type(struct call *call, const struct handle *prog, enum bpf_attach_type *type);

/* Take a descriptor of a link of the kernel, or its -errno: 0 or the errno. Closing it detaches. */
int attach_keep(struct attached *attached, int fd);

int attach_xdp(struct call *call, const struct handle *prog, struct attached *attached);
int attach_tc(struct call *call, const struct handle *prog, struct attached *attached);
int attach_cgroup(struct call *call, const struct handle *prog, struct attached *attached);
int attach_sockmap(struct call *call, const struct handle *prog, struct attached *attached);

#endif
