// SPDX-License-Identifier: BSD-2-Clause
/* dump: the entries of a map, a page at a time. */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>

#include "handles.h"
#include "ops.h"

#define DUMP_LIMIT 4096u
/* What one call of the kernel gives is all in memory at once; one bucket of a hash may need more. */
#define BATCH_BYTES ((size_t)4 << 20)
#define BATCH_MAX ((size_t)32 << 20)

struct dump {
	struct handle *map;
	struct bin after;
	struct bin cursor;
	uint32_t limit;
	size_t room;		/* bytes of a value */
	char *keys;
	char *values;
	char *next;		/* where a batch goes on */
	bool batched;
	bool more;
};

/* Pack one item, its value nil where it went away in the meantime. */
static int pack_looked_up(struct call *call, const struct dump *dump)
{
	int err;

	msgpack_pack_array(&call->pk, 2);
	pack_bin(&call->pk, dump->keys, dump->map->shape.key_size);
	err = -bpf_map_lookup_elem(dump->map->fd, dump->keys, dump->values);
	if (err && err != ENOENT)
		return fail(call, err, "the kernel refuses it");
	if (err)
		msgpack_pack_nil(&call->pk);
	else
		pack_bin(&call->pk, dump->values, dump->room);
	return 0;
}

/* Key by key, in the kernel's order. */
static int dump_keys(struct call *call, struct dump *dump)
{
	const void *previous = dump->after.data;
	size_t list = list_open(call);
	uint32_t count = 0;
	int err;

	for (;;) {
		err = -bpf_map_get_next_key(dump->map->fd, previous, dump->keys);
		if (err || count == dump->limit)
			break;
		err = pack_looked_up(call, dump);
		if (err)
			return err;
		/* The kernel reads the old key before it writes the next one: one buffer does. */
		previous = dump->keys;
		count++;
	}
	if (err && err != ENOENT)
		return fail(call, err, "the kernel gives no next key");
	dump->more = !err;
	list_close(call, list, count);
	return 0;
}

/* Where a batch goes on is the number of a bucket, or a key. */
static size_t cursor_size(const struct handle *map)
{
	return map->shape.key_size > sizeof(uint64_t) ? map->shape.key_size : sizeof(uint64_t);
}

/* Buffers for so many entries. */
static int make_buffers(struct call *call, struct dump *dump, size_t count)
{
	free(dump->keys);
	free(dump->values);
	dump->keys = calloc(count, dump->map->shape.key_size + 1u);
	dump->values = calloc(count, dump->room + 1u);
	if (!dump->keys || !dump->values)
		return fail(call, ENOMEM, "no memory for %zu entries", count);
	return 0;
}

static void pack_batch(struct call *call, const struct dump *dump, uint32_t count)
{
	size_t key_size = dump->map->shape.key_size;

	msgpack_pack_array(&call->pk, count);
	for (uint32_t i = 0; i < count; i++) {
		msgpack_pack_array(&call->pk, 2);
		pack_bin(&call->pk, dump->keys + i * key_size, key_size);
		pack_bin(&call->pk, dump->values + i * dump->room, dump->room);
	}
}

/* Many entries by one call of the kernel (BPF_MAP_LOOKUP_BATCH, since 5.6, not for all types). Nothing is packed, and
 * `batched` stays false, where the kernel does not do it for this map.
 */
static int dump_batch(struct call *call, struct dump *dump)
{
	size_t each = dump->map->shape.key_size + dump->room, count = BATCH_BYTES / each + 1;
	uint32_t got = 0;
	int err = ENOSPC;

	if (count > dump->limit)
		count = dump->limit;
	do {
		if (count * each > BATCH_MAX)
			break;
		err = make_buffers(call, dump, count);
		if (err)
			return err;
		got = (uint32_t)count;
		err = -bpf_map_lookup_batch(dump->map->fd, (void *)dump->cursor.data, dump->next, dump->keys,
					    dump->values, &got, NULL);
		count *= 2;
	} while (err == ENOSPC); /* a bucket of a hash holds more than that; one value may be more than the most */
	if (err && err != ENOENT)
		return dump->cursor.data ? fail(call, err, "the kernel gives no further entries") : 0;
	dump->batched = true;
	dump->more = !err;
	pack_batch(call, dump, got);
	return 0;
}

static int read_args(struct call *call, struct dump *dump)
{
	int err = arg_handle(call, "map", HANDLE_MAP, &dump->map) ?: arg_bin_opt(call, "after", &dump->after) ?:
		  arg_bin_opt(call, "cursor", &dump->cursor) ?: arg_u32_opt(call, "limit", &dump->limit);

	if (err)
		return err;
	if (dump->after.data && dump->cursor.data)
		return fail(call, EINVAL, "after, cursor: more than one of them is given");
	if (dump->after.data && dump->after.len != dump->map->shape.key_size)
		return fail(call, EINVAL, "after: %zu bytes for a key of %u", dump->after.len,
			    dump->map->shape.key_size);
	if (dump->cursor.data && dump->cursor.len != cursor_size(dump->map))
		return fail(call, EINVAL, "cursor: %zu bytes, not %zu", dump->cursor.len, cursor_size(dump->map));
	dump->room = map_value_room(&dump->map->shape);
	dump->next = calloc(1, cursor_size(dump->map));
	return dump->next ? 0 : fail(call, ENOMEM, "no memory for a cursor");
}

static int dump_page(struct call *call, struct dump *dump)
{
	int err = 0;

	msgpack_pack_map(&call->pk, 3);
	pack_str(&call->pk, "items");
	/* What has no keys (rings, queues) is the kernel's to refuse. */
	if (dump->limit && !dump->after.data && dump->map->shape.key_size)
		err = dump_batch(call, dump);
	if (!err && !dump->batched)
		err = make_buffers(call, dump, 1) ?: dump_keys(call, dump);
	if (err)
		return err;
	pack_str(&call->pk, "more");
	pack_bool(&call->pk, dump->more);
	pack_str(&call->pk, "cursor");
	if (dump->batched && dump->more)
		pack_bin(&call->pk, dump->next, cursor_size(dump->map));
	else
		msgpack_pack_nil(&call->pk);
	return 0;
}

int op_dump(struct call *call)
{
	struct dump dump = { .limit = DUMP_LIMIT };
	int err = read_args(call, &dump) ?: dump_page(call, &dump);

	free(dump.keys);
	free(dump.values);
	free(dump.next);
	return err;
}
