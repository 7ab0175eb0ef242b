// SPDX-License-Identifier: BSD-2-Clause
/* assemble, prog_info, probe: programs one by one, without an object file. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "handles.h"
#include "log.h"
#include "ops.h"
#include "probe_link.h"
#include "probe_map.h"

#define LOG_FIRST ((uint32_t)64 << 10)
#define LOG_MAX ((uint32_t)16 << 20)

struct assembly {
	uint32_t type;
	uint32_t attach_type;
	uint32_t flags;
	struct bin insns;
	char license[128];
};

static int try_load(const struct assembly *assembly, char *log, uint32_t log_size)
{
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = assembly->attach_type,
		    .prog_flags = assembly->flags, .log_level = log ? 1 : 0, .log_buf = log,
		    .log_size = log_size);

	return bpf_prog_load(assembly->type, "assembled", assembly->license, assembly->insns.data,
			     assembly->insns.len / sizeof(struct bpf_insn), &opts);
}

/* Load without a log, which can fail a valid program by not fitting; for a refused one ask again with a log,
 * in a buffer that doubles until it fits.
 */
static int load_logged(const struct assembly *assembly)
{
	int fd = try_load(assembly, NULL, 0);

	for (uint32_t size = LOG_FIRST; fd < 0 && size <= LOG_MAX; size *= 2) {
		char *log = calloc(1, size);

		if (!log)
			break;
		fd = try_load(assembly, log, size);
		if (fd != -ENOSPC || size == LOG_MAX) {
			log_append(log, strnlen(log, size));
			size = LOG_MAX;
		}
		free(log);
	}
	return fd;
}

static int read_assembly(struct call *call, struct assembly *assembly)
{
	int err = arg_u32(call, "type", &assembly->type) ?:
		  arg_u32(call, "attach_type", &assembly->attach_type) ?:
		  arg_u32_opt(call, "flags", &assembly->flags) ?:
		  arg_bin(call, "insns", &assembly->insns) ?:
		  arg_str(call, "license", assembly->license, sizeof(assembly->license));

	if (err)
		return err;
	if (!assembly->insns.len || assembly->insns.len % sizeof(struct bpf_insn))
		return fail(call, EINVAL, "insns: not a number of instructions (%zu bytes)",
			    assembly->insns.len);
	return 0;
}

int op_assemble(struct call *call)
{
	struct handle handle = { .kind = HANDLE_PROG, .owner = NO_OWNER, .owns_fd = true };
	struct assembly assembly = { 0 };
	uint32_t number;
	int err = read_assembly(call, &assembly);

	if (err)
		return err;
	log_start(false);
	call->failure.has_log = true;
	handle.fd = load_logged(&assembly);
	handle.prog_type = assembly.type;
	if (handle.fd < 0)
		return fail(call, -handle.fd, "the kernel refuses it");
	err = handle_add(call, &handle, &number);
	if (err) {
		close(handle.fd);
		return err;
	}
	msgpack_pack_map(&call->pk, 1);
	pack_key_u64(&call->pk, "prog", number);
	return 0;
}

static void pack_info(struct call *call, const struct bpf_prog_info *info, const uint32_t *map_ids)
{
	msgpack_packer *pk = &call->pk;

	msgpack_pack_map(pk, 9);
	pack_key_u64(pk, "id", info->id);
	pack_key_u64(pk, "type", info->type);
	pack_str(pk, "tag");
	pack_bin(pk, info->tag, sizeof(info->tag));
	pack_key_u64(pk, "jited_len", info->jited_prog_len);
	pack_key_u64(pk, "xlated_len", info->xlated_prog_len);
	pack_key_u64(pk, "verified_insns", info->verified_insns);
	pack_key_u64(pk, "run_time_ns", info->run_time_ns);
	pack_key_u64(pk, "run_cnt", info->run_cnt);
	pack_str(pk, "map_ids");
	msgpack_pack_array(pk, info->nr_map_ids);
	for (uint32_t i = 0; i < info->nr_map_ids; i++)
		msgpack_pack_uint32(pk, map_ids[i]);
}

int op_prog_info(struct call *call)
{
	struct bpf_prog_info info = {};
	uint32_t len = sizeof(info), *map_ids, maps;
	struct handle *prog;
	int err = arg_handle(call, "prog", HANDLE_PROG, &prog);

	if (err)
		return err;
	err = -bpf_prog_get_info_by_fd(prog->fd, &info, &len);
	if (err)
		return fail(call, err, "the kernel tells nothing");
	maps = info.nr_map_ids;
	map_ids = calloc(maps ? maps : 1, sizeof(*map_ids));
	if (!map_ids)
		return fail(call, ENOMEM, "no memory for %u map ids", maps);
	memset(&info, 0, sizeof(info));
	info.nr_map_ids = maps;
	info.map_ids = (uintptr_t)map_ids;
	len = sizeof(info);
	err = -bpf_prog_get_info_by_fd(prog->fd, &info, &len);
	/* A program may be given one more at any time (BPF_PROG_BIND_MAP). */
	if (info.nr_map_ids > maps)
		info.nr_map_ids = maps;
	if (err)
		err = fail(call, err, "the kernel tells nothing of its maps");
	else
		pack_info(call, &info, map_ids);
	free(map_ids);
	return err;
}

int op_probe(struct call *call)
{
	uint32_t prog_type = UINT32_MAX, map_type = UINT32_MAX, helper = UINT32_MAX, link = UINT32_MAX;
	int err, has;

	err = arg_u32_opt(call, "prog_type", &prog_type) ?: arg_u32_opt(call, "map_type", &map_type) ?:
	      arg_u32_opt(call, "helper", &helper) ?: arg_u32_opt(call, "link", &link);
	if (err)
		return err;
	if (!!arg_find(call, "prog_type") + !!arg_find(call, "map_type") + !!arg_find(call, "link") != 1)
		return fail(call, EINVAL, "prog_type, map_type, link: not just one of them is given");
	if (arg_find(call, "helper") && !arg_find(call, "prog_type"))
		return fail(call, EINVAL, "helper: needs prog_type");
	if (arg_find(call, "link"))
		has = probe_link(link);
	else if (arg_find(call, "map_type"))
		has = probe_map(map_type);
	else if (arg_find(call, "helper"))
		has = libbpf_probe_bpf_helper(prog_type, helper, NULL);
	else
		has = libbpf_probe_bpf_prog_type(prog_type, NULL);
	if (has < 0)
		return fail(call, -has, "it cannot be told");
	pack_bool(&call->pk, has);
	return 0;
}
