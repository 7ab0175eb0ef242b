// SPDX-License-Identifier: BSD-2-Clause
/* XDP, and in which of its modes. */
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <string.h>

#include "attach_net.h"

#define MODE_ROOM 16

static int arg_mode(struct call *call, uint32_t *flags)
{
	static const struct {
		const char *name;
		uint32_t flags;
	} modes[] = {
		{ "native", XDP_FLAGS_DRV_MODE },
		{ "generic", XDP_FLAGS_SKB_MODE },
		{ "offload", XDP_FLAGS_HW_MODE },
	};
	char name[MODE_ROOM];
	int err;

	*flags = 0;
	if (!arg_find(call, "mode"))
		return 0;
	err = arg_str(call, "mode", name, sizeof(name));
	if (err)
		return err;
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		if (strcmp(modes[i].name, name) == 0) {
			*flags = modes[i].flags;
			return 0;
		}
	}
	return fail(call, EINVAL, "mode: no such mode (%s)", name);
}

/* The mode in which program `id` runs on a device; NULL where that cannot be told. */
static const char *mode_in_effect(int ifindex, uint32_t id)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, opts);

	if (bpf_xdp_query(ifindex, 0, &opts))
		return NULL;
	if (opts.drv_prog_id == id)
		return "native";
	if (opts.skb_prog_id == id)
		return "generic";
	return opts.hw_prog_id == id ? "offload" : NULL;
}

int attach_xdp(struct call *call, const struct handle *prog, struct attached *attached)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts);
	struct bpf_prog_info info = {};
	uint32_t len = sizeof(info);
	int ifindex;
	int err = arg_interface(call, &ifindex) ?: arg_mode(call, &opts.flags);

	if (err)
		return err;
	err = attach_keep(attached, bpf_link_create(prog->fd, ifindex, BPF_XDP, &opts));
	if (err)
		return fail(call, err, "xdp of device %d", ifindex);
	if (bpf_prog_get_info_by_fd(prog->fd, &info, &len) == 0)
		attached->mode = mode_in_effect(ifindex, info.id);
	return 0;
}
