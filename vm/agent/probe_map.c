// SPDX-License-Identifier: BSD-2-Clause
/* Whether the kernel has a type of map: as libbpf finds out, but for two types. */
#include "probe_map.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdbool.h>
#include <unistd.h>

/* Linux 7.2, and not yet known to libbpf 1.7. */
#define MAP_TYPE_RHASH 35
/* include/linux/errno.h of the kernel: what it says of a type that has no struct_ops. */
#define ENOTSUPP 524

static int create(uint32_t type, const struct bpf_map_create_opts *opts)
{
	int fd = bpf_map_create(type, NULL, sizeof(uint32_t), sizeof(uint32_t), 1, opts);

	if (fd >= 0)
		close(fd);
	return fd < 0 ? fd : 0;
}

/* libbpf also sets an attribute that kernels before 6.9 do not know, and takes their refusal of that for a no. */
static bool has_struct_ops(void)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .btf_vmlinux_value_type_id = 1);

	return create(BPF_MAP_TYPE_STRUCT_OPS, &opts) == -ENOTSUPP;
}

static bool has_rhash(void)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_NO_PREALLOC);

	return create(MAP_TYPE_RHASH, &opts) == 0;
}

int probe_map(uint32_t type)
{
	if (type == BPF_MAP_TYPE_STRUCT_OPS)
		return has_struct_ops();
	if (type == MAP_TYPE_RHASH)
		return has_rhash();
	return libbpf_probe_bpf_map_type(type, NULL);
}
