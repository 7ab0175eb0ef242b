// SPDX-License-Identifier: BSD-2-Clause
/* freeze, map_info, pin, unpin: what becomes of a map, and names in the BPF file system. */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "handles.h"
#include "ops.h"
#include "ring.h"

#define PATH_ROOM 4096
#define FDINFO_ROOM 1024

int op_freeze(struct call *call)
{
	struct handle *map;
	int err = arg_handle(call, "map", HANDLE_MAP, &map);

	if (err)
		return err;
	ring_close_unread(map);
	err = -bpf_map_freeze(map->fd);
	return err ? fail(call, err, "the kernel refuses it") : answer_nil(call);
}

/* A number that the kernel tells of a descriptor in its file of /proc/self/fdinfo; 0 where it does not. */
static uint64_t fdinfo_number(int fd, const char *key)
{
	char path[64], text[FDINFO_ROOM];
	const char *found;
	size_t len;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	file = fopen(path, "re");
	if (!file)
		return 0;
	len = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[len] = '\0';
	found = strstr(text, key);
	return found ? strtoull(found + strlen(key), NULL, 10) : 0;
}

int op_map_info(struct call *call)
{
	struct bpf_map_info info = {};
	uint32_t len = sizeof(info);
	struct handle *map;
	int err = arg_handle(call, "map", HANDLE_MAP, &map);

	if (err)
		return err;
	err = -bpf_map_get_info_by_fd(map->fd, &info, &len);
	if (err)
		return fail(call, err, "the kernel tells nothing");
	msgpack_pack_map(&call->pk, 12);
	pack_key_u64(&call->pk, "id", info.id);
	pack_key_str(&call->pk, "name", info.name);
	pack_key_u64(&call->pk, "type", info.type);
	pack_key_u64(&call->pk, "key_size", info.key_size);
	pack_key_u64(&call->pk, "value_size", info.value_size);
	pack_key_u64(&call->pk, "max_entries", info.max_entries);
	pack_key_u64(&call->pk, "flags", info.map_flags);
	pack_key_u64(&call->pk, "extra", info.map_extra);
	pack_key_u64(&call->pk, "btf_id", info.btf_id);
	pack_key_u64(&call->pk, "kernel_value_type", info.btf_vmlinux_value_type_id);
	pack_key_u64(&call->pk, "memory", fdinfo_number(map->fd, "memlock:"));
	pack_str(&call->pk, "frozen");
	pack_bool(&call->pk, fdinfo_number(map->fd, "frozen:") > 0);
	return 0;
}

static int read_pinned(struct call *call, int *fd)
{
	static const struct {
		const char *name;
		enum handle_kind kind;
	} kinds[] = { { "prog", HANDLE_PROG }, { "map", HANDLE_MAP }, { "link", HANDLE_LINK } };
	struct handle *handle = NULL;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		int err;

		if (!arg_find(call, kinds[i].name))
			continue;
		if (handle)
			return fail(call, EINVAL, "prog, map, link: more than one of them is given");
		err = arg_handle(call, kinds[i].name, kinds[i].kind, &handle);
		if (err)
			return err;
	}
	if (!handle)
		return fail(call, EINVAL, "prog, map, link: none of them is given");
	if (handle->fd < 0)
		return fail(call, EINVAL, "link: the kernel has no object for it");
	*fd = handle->fd;
	return 0;
}

static int read_path(struct call *call, char *path, size_t size)
{
	int err = arg_str(call, "path", path, size);

	if (!err && path[0] != '/')
		return fail(call, EINVAL, "path: does not begin with / (%s)", path);
	return err;
}

int op_pin(struct call *call)
{
	char path[PATH_ROOM];
	int fd = -1;
	int err = read_pinned(call, &fd) ?: read_path(call, path, sizeof(path));

	if (err)
		return err;
	err = make_parents(path) ?: -bpf_obj_pin(fd, path);
	return err ? fail(call, err, "%s", path) : answer_nil(call);
}

int op_unpin(struct call *call)
{
	char path[PATH_ROOM];
	int err = read_path(call, path, sizeof(path));

	if (err)
		return err;
	return unlink(path) ? fail(call, errno, "%s", path) : answer_nil(call);
}
