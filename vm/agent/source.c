// SPDX-License-Identifier: BSD-2-Clause
#include "source.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "handles.h"

#define WHERE_MAX 96

struct place {
	arg_t arg;
	char where[WHERE_MAX];
};

static bool find(const msgpack_object_map *map, const char *where, const char *key, struct place *place)
{
	place->arg = map_find(map, key);
	snprintf(place->where, sizeof(place->where), "%s.%s", where, key);
	return place->arg;
}

static int of_handle(struct call *call, const struct place *place, enum handle_kind kind, int *fd)
{
	struct handle *handle;
	int err = value_handle(call, place->arg, place->where, kind, &handle);

	if (err)
		return err;
	if (handle->fd < 0)
		return fail(call, EBADF, "%s: it has no descriptor", place->where);
	*fd = handle->fd;
	return 0;
}

static int of_process(struct call *call, const struct place *process, const struct place *number, int *fd)
{
	struct handle *handle;
	uint32_t value;
	int err = value_handle(call, process->arg, process->where, HANDLE_PROCESS, &handle);

	if (err)
		return err;
	if (!number->arg)
		return fail(call, EINVAL, "%s: missing", number->where);
	err = value_u32(call, number->arg, number->where, &value);
	if (err)
		return err;
	*fd = (int)syscall(SYS_pidfd_getfd, handle->fd, value, 0);
	return *fd < 0 ? fail(call, errno, "%s: descriptor %u of it cannot be had", process->where, value) : 0;
}

static int of_pid(struct call *call, const struct place *place, int *fd)
{
	uint32_t pid;
	int err = value_u32(call, place->arg, place->where, &pid);

	if (err)
		return err;
	*fd = (int)syscall(SYS_pidfd_open, pid, 0);
	return *fd < 0 ? fail(call, errno, "%s: %u", place->where, pid) : 0;
}

static int of_path(struct call *call, const struct place *place, int *fd)
{
	char path[PATH_MAX];
	int err = value_str(call, place->arg, place->where, path, sizeof(path));

	if (err)
		return err;
	/* O_NONBLOCK: a pipe without a writer would not open. */
	*fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	return *fd < 0 ? fail(call, errno, "%s: %s", place->where, path) : 0;
}

/* A descriptor made for this call. */
static int open_source(struct call *call, const msgpack_object_map *map, const char *where, int *fd)
{
	struct place place, number;

	if (find(map, where, "process", &place)) {
		find(map, where, "fd", &number);
		return of_process(call, &place, &number, fd);
	}
	if (find(map, where, "pid", &place))
		return of_pid(call, &place, fd);
	if (find(map, where, "path", &place))
		return of_path(call, &place, fd);
	return fail(call, EINVAL, "%s: none of prog, map, link, process, pid, path", where);
}

int fd_source(struct call *call, arg_t source, const char *where, int *fd, bool *owned)
{
	const msgpack_object_map *map;
	struct place place;
	int err = value_map(call, source, where, &map);

	*owned = false;
	if (err)
		return err;
	if (find(map, where, "prog", &place))
		return of_handle(call, &place, HANDLE_PROG, fd);
	if (find(map, where, "map", &place))
		return of_handle(call, &place, HANDLE_MAP, fd);
	if (find(map, where, "link", &place))
		return of_handle(call, &place, HANDLE_LINK, fd);
	err = open_source(call, map, where, fd);
	*owned = !err;
	return err;
}
