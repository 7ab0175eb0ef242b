// SPDX-License-Identifier: BSD-2-Clause
/* load, unload: an object file through libbpf, with the settings a loader would make; and to be rid of it. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "handles.h"
#include "load.h"
#include "log.h"
#include "ops.h"
#include "perf.h"
#include "prog_load.h"
#include "ring.h"
#include "stats.h"

static int open_object(struct call *call, struct load *load)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts);
	char name[64];
	struct bin elf;
	int err;

	err = arg_bin(call, "elf", &elf) ?: arg_str(call, "name", name, sizeof(name)) ?:
	      arg_u32_opt(call, "log_level", &load->log_level);
	if (err)
		return err;
	/* The request's bytes lie at any address; libelf hands out pointers into what it is given. */
	load->elf = malloc(elf.len ? elf.len : 1);
	if (!load->elf)
		return fail(call, ENOMEM, "%s: no memory for %zu bytes", name, elf.len);
	memcpy(load->elf, elf.data, elf.len);
	log_start(load->log_level > 0);
	call->failure.has_log = true;
	call->failure.has_names = true;
	opts.object_name = name;
	opts.kernel_log_level = load->log_level;
	load->object = bpf_object__open_mem(load->elf, elf.len, &opts);
	if (!load->object) {
		err = errno;
		return fail(call, err, "%s: libbpf cannot open it", name);
	}
	return 0;
}

static int load_object(struct call *call, struct load *load)
{
	const char *name = bpf_object__name(load->object);
	int err;

	prog_load_start();
	err = -bpf_object__load(load->object);
	if (!err)
		return 0;
	if (log_map()[0])
		return fail(call, err, "%s: map %s is not created", name, log_map());
	if (log_program()[0])
		return fail(call, err, "%s: program %s is refused", name, log_program());
	return fail(call, err, "%s: not loaded", name);
}

static uint32_t verified_insns(int fd)
{
	struct bpf_prog_info info = {};
	uint32_t len = sizeof(info);

	return bpf_prog_get_info_by_fd(fd, &info, &len) ? 0 : info.verified_insns;
}

static int pack_program(struct call *call, struct bpf_program *prog, uint32_t owner)
{
	struct handle handle = {
		.kind = HANDLE_PROG,
		.owner = owner,
		.fd = bpf_program__fd(prog),
		.prog_type = bpf_program__type(prog),
		.program = prog,
	};
	uint32_t number = 0;
	int err;

	if (handle.fd >= 0) {
		err = handle_add(call, &handle, &number);
		if (err)
			return err;
	}
	msgpack_pack_map(&call->pk, 7);
	pack_key_str(&call->pk, "name", bpf_program__name(prog));
	pack_key_str(&call->pk, "section", bpf_program__section_name(prog));
	pack_key_u64(&call->pk, "type", handle.prog_type);
	pack_key_u64(&call->pk, "attach_type", bpf_program__expected_attach_type(prog));
	pack_str(&call->pk, "prog");
	if (handle.fd >= 0)
		msgpack_pack_uint32(&call->pk, number);
	else
		msgpack_pack_nil(&call->pk);
	pack_key_u64(&call->pk, "verified_insns", handle.fd >= 0 ? verified_insns(handle.fd) : 0);
	pack_key_str(&call->pk, "stats", handle.fd >= 0 ? stats_of(handle.fd) : "");
	return 0;
}

static int pack_map(struct call *call, const struct load *load, struct bpf_map *map, uint32_t owner)
{
	struct handle handle = {
		.kind = HANDLE_MAP,
		.owner = owner,
		.fd = bpf_map__fd(map),
		.map = map,
		.shape = load_map_shape(map),
		.inner = load_inner_shape(load, map),
	};
	const struct perf_pages *perf = load_find_perf(load, map);
	/* libbpf holds the place of a map that it does not create (SEC("?.struct_ops")) by another descriptor. */
	bool created = handle.fd >= 0 && bpf_map__autocreate(map);
	uint32_t number = 0;
	int err;

	if (created) {
		err = perf && perf->pages ? perf_open(call, &handle, perf->pages) : 0;
		if (err)
			return err;
		ring_open(&handle);
		err = handle_add(call, &handle, &number);
		if (err && handle.end)
			handle.end(&handle);
		if (err)
			return err;
	}
	msgpack_pack_map(&call->pk, 8);
	pack_key_str(&call->pk, "name", load_map_name(map));
	pack_str(&call->pk, "map");
	if (created)
		msgpack_pack_uint32(&call->pk, number);
	else
		msgpack_pack_nil(&call->pk);
	pack_key_u64(&call->pk, "type", handle.shape.type);
	pack_key_u64(&call->pk, "key_size", handle.shape.key_size);
	pack_key_u64(&call->pk, "value_size", handle.shape.value_size);
	pack_key_u64(&call->pk, "max_entries", handle.shape.max_entries);
	pack_key_u64(&call->pk, "flags", handle.shape.flags);
	pack_key_u64(&call->pk, "cpus", map_cpus(handle.shape.type));
	return 0;
}

static int pack_members(struct call *call, const struct load *load, uint32_t owner)
{
	struct bpf_program *prog;
	struct bpf_map *map;
	uint32_t count = 0;
	size_t list;
	int err;

	pack_str(&call->pk, "programs");
	list = list_open(call);
	bpf_object__for_each_program(prog, load->object) {
		err = pack_program(call, prog, owner);
		if (err)
			return err;
		count++;
	}
	list_close(call, list, count);
	count = 0;
	pack_str(&call->pk, "maps");
	list = list_open(call);
	bpf_object__for_each_map(map, load->object) {
		err = pack_map(call, load, map, owner);
		if (err)
			return err;
		count++;
	}
	list_close(call, list, count);
	return 0;
}

/* From here on the handle owns the object. */
static int give_handles(struct call *call, struct load *load)
{
	const struct handle handle = { .kind = HANDLE_OBJECT, .owner = NO_OWNER, .object = load->object };
	uint32_t number;
	int err = handle_add(call, &handle, &number);

	if (err)
		return err;
	msgpack_pack_map(&call->pk, 4);
	pack_key_u64(&call->pk, "object", number);
	err = pack_members(call, load, number);
	pack_str(&call->pk, "log");
	log_pack(&call->pk);
	load->object = NULL;
	if (err || call->out->failed)
		handle_drop_object(number);
	return err;
}

int op_load(struct call *call)
{
	struct load load = {};
	int err;

	err = open_object(call, &load) ?: load_set_programs(call, &load) ?: load_set_maps(call, &load) ?:
	      load_set_data(call, &load) ?: load_object(call, &load) ?: give_handles(call, &load);
	load_free(&load);
	prog_load_stop();
	return err;
}

int op_unload(struct call *call)
{
	struct handle *object, *prog;
	int err;

	if (!arg_find(call, "prog")) {
		err = arg_handle(call, "object", HANDLE_OBJECT, &object);
		if (err)
			return err;
		handle_drop_object(object->number);
		return answer_nil(call);
	}
	err = arg_handle(call, "prog", HANDLE_PROG, &prog);
	if (err)
		return err;
	if (prog->owner != NO_OWNER)
		return fail(call, EINVAL, "prog: goes with its object (%u)", prog->owner);
	handle_drop(prog->number);
	return answer_nil(call);
}
