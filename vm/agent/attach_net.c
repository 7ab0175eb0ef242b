// SPDX-License-Identifier: BSD-2-Clause
/* Programs on network devices, network namespaces, cgroups and sockets. */
#include "attach_net.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <unistd.h>

int arg_interface(struct call *call, int *ifindex)
{
	arg_t interface = arg_find(call, "interface");
	char name[IF_NAMESIZE] = "";
	uint32_t number = 0;
	int err;

	if (!interface)
		return fail(call, EINVAL, "interface: missing");
	if (interface->type == MSGPACK_OBJECT_STR) {
		err = value_str(call, interface, "interface", name, sizeof(name));
		if (err)
			return err;
		number = if_nametoindex(name);
		if (!number)
			return fail(call, ENODEV, "interface: no device \"%s\"", name);
	} else {
		err = value_u32(call, interface, "interface", &number);
		if (err)
			return err;
		if (number > INT32_MAX || !if_indextoname(number, name))
			return fail(call, ENODEV, "interface: no device %u", number);
	}
	*ifindex = (int)number;
	return 0;
}

static int close_link(void *state)
{
	return close((int)(intptr_t)state) ? errno : 0;
}

int attach_keep(struct attached *attached, int fd)
{
	if (fd < 0)
		return -fd;
	attached->state = (void *)(intptr_t)fd;
	attached->detach = close_link;
	attached->fd = fd;
	return 0;
}

int arg_attach_type(struct call *call, const struct handle *prog, enum bpf_attach_type *type)
{
	uint32_t number = prog->program ? bpf_program__expected_attach_type(prog->program) : 0;
	int err = arg_u32_opt(call, "attach_type", &number);

	*type = number;
	return err;
}

/* On a device, by a link that the kernel has since Linux 6.6 (tcx) and 6.7 (netkit). */
static int attach_device(struct call *call, const struct handle *prog, struct attached *attached)
{
	enum bpf_attach_type type;
	int ifindex;
	int err = arg_interface(call, &ifindex) ?: arg_attach_type(call, prog, &type);

	if (err)
		return err;
	err = attach_keep(attached, bpf_link_create(prog->fd, ifindex, type, NULL));
	return err ? fail(call, err, "device %d", ifindex) : 0;
}

/* The priority is the one number of the protocol that may be negative. */
static int arg_priority(struct call *call, int32_t *priority)
{
	arg_t arg = arg_find(call, "priority");

	if (!arg)
		return fail(call, EINVAL, "priority: missing");
	if ((arg->type != MSGPACK_OBJECT_POSITIVE_INTEGER || arg->via.u64 > INT32_MAX) &&
	    (arg->type != MSGPACK_OBJECT_NEGATIVE_INTEGER || arg->via.i64 < INT32_MIN))
		return fail(call, EINVAL, "priority: not a number of 32 bits");
	*priority = (int32_t)arg->via.i64;
	return 0;
}

static int attach_netfilter(struct call *call, const struct handle *prog, struct attached *attached)
{
	LIBBPF_OPTS(bpf_netfilter_opts, opts);
	int err = arg_u32(call, "pf", &opts.pf) ?: arg_u32(call, "hook", &opts.hooknum) ?:
		  arg_priority(call, &opts.priority) ?: arg_u32_opt(call, "flags", &opts.flags);

	if (err)
		return err;
	return attach_take(call, attached, bpf_program__attach_netfilter(prog->program, &opts),
			   "hook %u of protocol family %u at priority %d", opts.hooknum, opts.pf, opts.priority);
}

/* The namespace we are in, which argument `netns` has chosen. */
static int attach_netns(struct call *call, const struct handle *prog, struct attached *attached)
{
	int fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	int err;

	if (fd < 0)
		return fail(call, errno, "/proc/self/ns/net");
	err = attach_take(call, attached, bpf_program__attach_netns(prog->program, fd), "the network namespace");
	close(fd);
	return err;
}

const struct attach_row attach_net_rows[] = {
	{ "xdp", false, attach_xdp },
	{ "tc", false, attach_tc },
	{ "tcx", false, attach_device },
	{ "netkit", false, attach_device },
	{ "netfilter", true, attach_netfilter },
	{ "netns", true, attach_netns },
	{ "cgroup", false, attach_cgroup },
	{ "sockmap", false, attach_sockmap },
	{},
};
