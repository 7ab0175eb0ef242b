// SPDX-License-Identifier: BSD-2-Clause
/* Programs on what a descriptor stands for: a cgroup, a map of sockets. By a link where the kernel has one. */
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "attach_net.h"

/* An attachment without a link: both descriptors are ours. */
struct pair {
	int prog;
	int target;
	enum bpf_attach_type type;
};

static void free_pair(struct pair *pair)
{
	if (pair->prog >= 0)
		close(pair->prog);
	if (pair->target >= 0)
		close(pair->target);
	free(pair);
}

static int detach_pair(void *state)
{
	struct pair *pair = state;
	int err = -bpf_prog_detach2(pair->prog, pair->target, pair->type);

	free_pair(pair);
	/* ENOENT: another program has taken its place. */
	return err == ENOENT ? 0 : err;
}

/* As before there were links, which take no flags: 0 or an errno. */
static int attach_pair(const struct handle *prog, int target, enum bpf_attach_type type, uint32_t flags,
		       struct attached *attached)
{
	struct pair *pair = malloc(sizeof(*pair));
	int err = 0;

	if (!pair)
		return ENOMEM;
	*pair = (struct pair){ fcntl(prog->fd, F_DUPFD_CLOEXEC, 0), fcntl(target, F_DUPFD_CLOEXEC, 0), type };
	if (pair->prog < 0 || pair->target < 0)
		err = errno;
	else
		err = -bpf_prog_attach(pair->prog, pair->target, type, flags);
	if (err) {
		free_pair(pair);
		return err;
	}
	attached->state = pair;
	attached->detach = detach_pair;
	return 0;
}

int attach_cgroup(struct call *call, const struct handle *prog, struct attached *attached)
{
	enum bpf_attach_type type;
	char path[PATH_MAX];
	uint32_t flags = 0;
	int fd, err;

	err = arg_str(call, "cgroup", path, sizeof(path)) ?: arg_u32_opt(call, "flags", &flags) ?:
	      arg_attach_type(call, prog, &type);
	if (err)
		return err;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return fail(call, errno, "cgroup: %s", path);
	if (flags)
		err = attach_pair(prog, fd, type, flags, attached);
	else
		err = attach_keep(attached, bpf_link_create(prog->fd, fd, type, NULL));
	close(fd);
	return err ? fail(call, err, "cgroup %s", path) : 0;
}

int attach_sockmap(struct call *call, const struct handle *prog, struct attached *attached)
{
	enum bpf_attach_type type;
	struct handle *map;
	int err = arg_handle(call, "map", HANDLE_MAP, &map) ?: arg_attach_type(call, prog, &type);

	if (err)
		return err;
	err = attach_keep(attached, bpf_link_create(prog->fd, map->fd, type, NULL));
	/* There are links of this kind since Linux 6.10. */
	if (err == EINVAL)
		err = attach_pair(prog, map->fd, type, 0, attached);
	return err ? fail(call, err, "a map of type %u", map->shape.type) : 0;
}
