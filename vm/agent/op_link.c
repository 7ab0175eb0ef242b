// SPDX-License-Identifier: BSD-2-Clause
/* attach, attach_map, detach, link_info, link_update: programs where they are called, and back. */
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attach.h"
#include "handles.h"
#include "log.h"
#include "netns.h"
#include "ops.h"

#define HOW_ROOM 32

int attach_take(struct call *call, struct attached *attached, struct bpf_link *link, const char *format, ...)
{
	int err = errno;
	char what[WHAT_MAX];
	va_list args;

	attached->link = link;
	if (link)
		return 0;
	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	return fail(call, err, "%s", what);
}

/* Take a program off; 0 or an errno. `attached` is free afterwards. */
static int let_go(struct attached *attached)
{
	int err = 0;

	if (attached->link)
		err = -bpf_link__destroy(attached->link);
	else if (attached->detach)
		err = attached->detach(attached->state);
	free(attached);
	return err;
}

static void end_link(struct handle *handle)
{
	if (handle->state)
		let_go(handle->state);
}

/* The descriptor of the kernel's link, or -1. libbpf has none for usdt, and then says 0. */
static int link_fd(const struct attached *attached)
{
	int fd = attached->link ? bpf_link__fd(attached->link) : attached->fd;

	return fd > 0 ? fd : -1;
}

/* Make a handle of what is attached; what has no handle is taken off again. */
static int give_link(struct call *call, const struct attached *attached, uint32_t owner)
{
	struct attached *copy = malloc(sizeof(*copy));
	struct handle handle = { .kind = HANDLE_LINK, .owner = owner, .state = copy, .end = end_link };
	uint32_t number;
	int err;

	if (!copy) {
		err = fail(call, ENOMEM, "no memory for a link");
	} else {
		*copy = *attached;
		handle.fd = link_fd(copy);
		err = handle_add(call, &handle, &number);
	}
	if (err) {
		if (attached->link)
			bpf_link__destroy(attached->link);
		else
			attached->detach(attached->state);
		free(copy);
		return err;
	}
	msgpack_pack_map(&call->pk, attached->mode ? 2 : 1);
	pack_key_u64(&call->pk, "link", number);
	if (attached->mode)
		pack_key_str(&call->pk, "mode", attached->mode);
	return 0;
}

static const struct attach_row *find_row(const char *how)
{
	static const struct attach_row *const tables[] = {
		attach_trace_rows,
		attach_user_rows,
		attach_event_rows,
		attach_net_rows,
	};

	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		for (const struct attach_row *row = tables[i]; row->how; row++) {
			if (strcmp(row->how, how) == 0)
				return row;
		}
	}
	return NULL;
}

int op_attach(struct call *call)
{
	struct attached attached = { .fd = -1 };
	const struct attach_row *row;
	struct handle *prog;
	char how[HOW_ROOM];
	int saved, err;

	err = arg_handle(call, "prog", HANDLE_PROG, &prog) ?: arg_str(call, "how", how, sizeof(how));
	if (err)
		return err;
	row = find_row(how);
	if (!row)
		return fail(call, EINVAL, "how: no such way (%s)", how);
	if (row->needs_object && !prog->program)
		return fail(call, EINVAL, "prog: not of an object, which %s needs", how);
	log_start(false);
	call->failure.has_log = true;
	err = netns_enter(call, &saved);
	if (err)
		return err;
	err = row->attach(call, prog, &attached);
	netns_leave(saved);
	return err ?: give_link(call, &attached, prog->owner);
}

static int end_struct_ops(void *state)
{
	return -bpf_link__destroy(state);
}

int op_attach_map(struct call *call)
{
	struct attached attached = { .fd = -1 };
	struct handle *map;
	int err = arg_handle(call, "map", HANDLE_MAP, &map);

	if (err)
		return err;
	if (!map->map || map->shape.type != BPF_MAP_TYPE_STRUCT_OPS)
		return fail(call, EINVAL, "map: not a map of struct_ops (type %u)", map->shape.type);
	log_start(false);
	call->failure.has_log = true;
	err = attach_take(call, &attached, bpf_map__attach_struct_ops(map->map), "the kernel does not take it");
	if (err)
		return err;
	if (!(map->shape.flags & BPF_F_LINK)) {
		/* The kernel has no link for it (before Linux 6.4), and libbpf gives the map's descriptor. */
		attached.state = attached.link;
		attached.detach = end_struct_ops;
		attached.link = NULL;
	}
	return give_link(call, &attached, map->owner);
}

int op_detach(struct call *call)
{
	struct attached *attached;
	struct handle *link;
	int err = arg_handle(call, "link", HANDLE_LINK, &link);

	if (err)
		return err;
	attached = link->state;
	link->state = NULL;
	handle_drop(link->number);
	err = let_go(attached);
	return err ? fail(call, err, "detached as far as it goes") : answer_nil(call);
}

int op_link_info(struct call *call)
{
	struct bpf_link_info info = {};
	uint32_t len = sizeof(info);
	struct handle *link;
	int err = arg_handle(call, "link", HANDLE_LINK, &link);

	if (err)
		return err;
	/* What is attached by other means than a link of the kernel has no id. */
	if (link->fd < 0 || bpf_link_get_info_by_fd(link->fd, &info, &len)) {
		msgpack_pack_map(&call->pk, 0);
		return 0;
	}
	msgpack_pack_map(&call->pk, 3);
	pack_key_u64(&call->pk, "id", info.id);
	pack_key_u64(&call->pk, "type", info.type);
	pack_key_u64(&call->pk, "prog_id", info.prog_id);
	return 0;
}

int op_link_update(struct call *call)
{
	struct handle *link, *prog;
	int err = arg_handle(call, "link", HANDLE_LINK, &link) ?: arg_handle(call, "prog", HANDLE_PROG, &prog);

	if (err)
		return err;
	if (link->fd < 0)
		return fail(call, EOPNOTSUPP, "link: not one of the kernel's, so its program stays");
	err = -bpf_link_update(link->fd, prog->fd, NULL);
	return err ? fail(call, err, "the kernel keeps the program it has") : answer_nil(call);
}
