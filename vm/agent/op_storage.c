// SPDX-License-Identifier: BSD-2-Clause
/* lookup_by, update_by, delete_by: storages, whose keys are what a descriptor stands for: a task, a socket, an inode,
 * a cgroup.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "handles.h"
#include "ops.h"
#include "source.h"

struct by {
	struct handle *map;
	int fd;
	bool owned;
};

static int read_by(struct call *call, struct by *by)
{
	arg_t key_of = arg_find(call, "key_of");
	int err = arg_handle(call, "map", HANDLE_MAP, &by->map);

	if (err)
		return err;
	if (!key_of)
		return fail(call, EINVAL, "key_of: missing");
	if (by->map->shape.key_size != sizeof(by->fd))
		return fail(call, EINVAL, "map: its keys are no descriptors (%u bytes)", by->map->shape.key_size);
	return fd_source(call, key_of, "key_of", &by->fd, &by->owned);
}

static void end_by(const struct by *by)
{
	if (by->owned)
		close(by->fd);
}

static int lookup_by(struct call *call, const struct by *by)
{
	size_t room = map_value_room(&by->map->shape);
	char *value = calloc(1, room ? room : 1);
	int err;

	if (!value)
		return fail(call, ENOMEM, "no memory for a value of %zu bytes", room);
	err = -bpf_map_lookup_elem(by->map->fd, &by->fd, value);
	if (!err)
		pack_bin(&call->pk, value, room);
	else if (err == ENOENT)
		err = answer_nil(call);
	else
		err = fail(call, err, "the kernel refuses it");
	free(value);
	return err;
}

int op_lookup_by(struct call *call)
{
	struct by by = {};
	int err = read_by(call, &by) ?: lookup_by(call, &by);

	end_by(&by);
	return err;
}

static int update_by(struct call *call, const struct by *by)
{
	size_t room = map_value_room(&by->map->shape);
	uint64_t flags = 0;
	struct bin value;
	int err = arg_bin(call, "value", &value) ?: arg_u64_opt(call, "flags", &flags);

	if (err)
		return err;
	if (value.len != room)
		return fail(call, EINVAL, "value: %zu bytes for a value of %zu", value.len, room);
	err = -bpf_map_update_elem(by->map->fd, &by->fd, value.data, flags);
	return err ? fail(call, err, "the kernel refuses it") : answer_nil(call);
}

int op_update_by(struct call *call)
{
	struct by by = {};
	int err = read_by(call, &by) ?: update_by(call, &by);

	end_by(&by);
	return err;
}

static int delete_by(struct call *call, const struct by *by)
{
	int err = -bpf_map_delete_elem(by->map->fd, &by->fd);

	if (err && err != ENOENT)
		return fail(call, err, "the kernel refuses it");
	pack_bool(&call->pk, !err);
	return 0;
}

int op_delete_by(struct call *call)
{
	struct by by = {};
	int err = read_by(call, &by) ?: delete_by(call, &by);

	end_by(&by);
	return err;
}
