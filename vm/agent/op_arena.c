// SPDX-License-Identifier: BSD-2-Clause
/* arena: memory that programs share with user space, which libbpf has mapped when the object was loaded. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "handles.h"
#include "ops.h"

#define LENGTH_MAX ((size_t)32 << 20)

struct arena {
	char *base;		/* where it is mapped */
	size_t size;		/* of all of it, in bytes */
	size_t globals;		/* where global variables begin */
};

/* Since 7.0 the kernel takes any offset into an arena (commit 12a1fe6e12db, "bpf/verifier: Do not limit maximum
 * direct offset into arena map"), and libbpf then puts the global variables at its end instead of its beginning.
 * It finds out as this does: of two refusals, the old one is about the offset.
 */
static bool takes_any_offset(void)
{
	static int known = -1;
	struct bpf_insn insns[] = {
		{ .code = BPF_LD | BPF_DW | BPF_IMM, .dst_reg = BPF_REG_1, .src_reg = BPF_PSEUDO_MAP_VALUE },
		{ .imm = 1 << 30 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	char log[1024] = "";
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .log_buf = log, .log_size = sizeof(log), .log_level = 1);
	int map, prog;

	if (known >= 0)
		return known;
	map = bpf_map_create(BPF_MAP_TYPE_ARRAY, "offset", sizeof(int), 1, 1, NULL);
	if (map < 0)
		return false;
	insns[0].imm = map;
	prog = bpf_prog_load(BPF_PROG_TYPE_SOCKET_FILTER, "offset", "GPL", insns, sizeof(insns) / sizeof(insns[0]), &opts);
	if (prog >= 0)
		close(prog);
	known = !strstr(log, "direct value offset of");
	close(map);
	return known;
}

static int find_arena(struct call *call, struct arena *arena)
{
	size_t globals = 0, page = (size_t)sysconf(_SC_PAGESIZE);
	struct handle *map;
	int err = arg_handle(call, "map", HANDLE_MAP, &map);

	if (err)
		return err;
	if (map->shape.type != BPF_MAP_TYPE_ARENA)
		return fail(call, EINVAL, "map: not an arena (type %u)", map->shape.type);
	arena->base = map->map ? bpf_map__initial_value(map->map, &globals) : NULL;
	if (!arena->base)
		return fail(call, EINVAL, "map: is mapped by the object that created it only");
	arena->size = map->shape.max_entries * page;
	arena->globals = takes_any_offset() ? arena->size - (globals + page - 1) / page * page : 0;
	return 0;
}

/* Between the arena and a file in memory, by system calls: a page that is not there is an errno for them, and not a
 * signal. 0 or an errno.
 */
static int copy_out(int file, const char *from, size_t len)
{
	while (len) {
		ssize_t done = write(file, from, len);

		if (done <= 0)
			return done ? errno : EIO;
		from += done;
		len -= (size_t)done;
	}
	return 0;
}

static int copy_in(int file, char *to, size_t len)
{
	while (len) {
		ssize_t done = read(file, to, len);

		if (done <= 0)
			return done ? errno : EIO;
		to += done;
		len -= (size_t)done;
	}
	return 0;
}

static int read_arena(struct call *call, const struct arena *arena, uint64_t offset, uint32_t length, int file)
{
	void *data;
	int err = copy_out(file, arena->base + offset, length);

	if (err)
		return fail(call, err, "offset %llu: %u bytes cannot be read", (unsigned long long)offset, length);
	if (!length) {
		pack_bin(&call->pk, "", 0);
		return 0;
	}
	data = mmap(NULL, length, PROT_READ, MAP_SHARED, file, 0);
	if (data == MAP_FAILED)
		return fail(call, errno, "no memory for %u bytes", length);
	pack_bin(&call->pk, data, length);
	munmap(data, length);
	return 0;
}

static int write_arena(struct call *call, const struct arena *arena, uint64_t offset, const struct bin *data,
		       int file)
{
	int err = copy_out(file, data->data, data->len);

	if (!err && lseek(file, 0, SEEK_SET) < 0)
		err = errno;
	if (!err)
		err = copy_in(file, arena->base + offset, data->len);
	if (err)
		return fail(call, err, "offset %llu: %zu bytes cannot be written", (unsigned long long)offset,
			    data->len);
	return answer_nil(call);
}

static int copy(struct call *call, const struct arena *arena)
{
	uint64_t offset = 0;
	uint32_t length = 0;
	struct bin data = {};
	size_t len;
	int file, err;

	err = arg_u64_opt(call, "offset", &offset) ?: arg_u32_opt(call, "length", &length) ?:
	      arg_bin_opt(call, "data", &data);
	if (err)
		return err;
	if (data.data && arg_find(call, "length"))
		return fail(call, EINVAL, "length, data: more than one of them is given");
	len = data.data ? data.len : length;
	if (len > LENGTH_MAX)
		return fail(call, EINVAL, "length: more than %zu (%zu)", LENGTH_MAX, len);
	if (offset > arena->size || len > arena->size - offset)
		return fail(call, ERANGE, "offset %llu: %zu bytes from there are not in an arena of %zu",
			    (unsigned long long)offset, len, arena->size);
	file = memfd_create("arena", MFD_CLOEXEC);
	if (file < 0)
		return fail(call, errno, "no file in memory");
	err = data.data ? write_arena(call, arena, offset, &data, file) :
			  read_arena(call, arena, offset, length, file);
	close(file);
	return err;
}

int op_arena(struct call *call)
{
	struct arena arena = {};
	int err = find_arena(call, &arena);

	if (err)
		return err;
	if (arg_find(call, "length") || arg_find(call, "data"))
		return copy(call, &arena);
	msgpack_pack_map(&call->pk, 3);
	pack_key_u64(&call->pk, "address", (uintptr_t)arena.base);
	pack_key_u64(&call->pk, "size", arena.size);
	pack_key_u64(&call->pk, "globals", arena.globals);
	return 0;
}
