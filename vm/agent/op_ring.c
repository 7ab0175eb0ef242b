// SPDX-License-Identifier: BSD-2-Clause
/* ring, user_ring: ring buffers, mapped when they are first used and kept so with the handle of their map. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <unistd.h>

#include "deadline.h"
#include "handles.h"
#include "ops.h"
#include "ring.h"

/* Mapping takes some microseconds for each page: larger ones wait until they are read. */
#define EARLY_BYTES (1u << 20)

#define RING_LIMIT 4096u
/* Records taken out of a ring cannot be put back: stop well before the answer is too long. */
#define RING_BYTES ((size_t)32 << 20)

/* Where kernels that overwrite (7.0) keep overwrite_pos: after producer_pos and pending_pos in the page that user
 * space may read (struct bpf_ringbuf in kernel/bpf/ringbuf.c).
 */
#define OVERWRITE_POS 2

struct ring {
	struct ring_buffer *buffer;
	_Atomic unsigned long *consumer;	/* overwriting rings: their two pages of positions; else NULL */
	_Atomic unsigned long *producer;
	struct call *call;		/* who takes records now */
	size_t start;			/* where in its answer they begin */
	size_t used;			/* the most bytes that were in use when one was taken */
	size_t longest;			/* of all records seen, in bytes */
	uint32_t taken;			/* by this call */
	bool full;
	bool read;			/* by any call */
};

static size_t page_size(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

static void ring_end(struct handle *map)
{
	struct ring *ring = map->state;

	if (ring->consumer)
		munmap(ring->consumer, page_size());
	if (ring->producer)
		munmap(ring->producer, page_size());
	ring_buffer__free(ring->buffer);
	free(ring);
	map->state = NULL;
	map->end = NULL;
}

static int take_record(void *context, void *data, size_t size)
{
	struct ring *ring = context;
	size_t used = ring__avail_data_size(ring_buffer__ring(ring->buffer, 0));

	if (used > ring->used)
		ring->used = used;
	if (size > ring->longest)
		ring->longest = size;
	pack_bin(&ring->call->pk, data, size);
	ring->taken++;
	/* The record is taken either way; an error ends the reading. */
	return ring->call->out->len - ring->start < RING_BYTES ? 0 : -E2BIG;
}

static void *map_page(int fd, int protection, size_t offset)
{
	void *page = mmap(NULL, page_size(), protection, MAP_SHARED, fd, (off_t)offset);

	return page == MAP_FAILED ? NULL : page;
}

/* Map it; 0 or an errno. */
static int open_ring(struct handle *map)
{
	struct ring *ring = calloc(1, sizeof(*ring));
	int err;

	if (!ring)
		return ENOMEM;
	ring->buffer = ring_buffer__new(map->fd, take_record, ring, NULL);
	if (!ring->buffer) {
		err = errno;
		free(ring);
		return err;
	}
	map->state = ring;
	map->end = ring_end;
	if (!(map->shape.flags & BPF_F_RB_OVERWRITE))
		return 0;
	ring->consumer = map_page(map->fd, PROT_READ | PROT_WRITE, 0);
	ring->producer = map_page(map->fd, PROT_READ, page_size());
	if (ring->consumer && ring->producer)
		return 0;
	ring_end(map);
	return ENOMEM;
}

void ring_open(struct handle *map)
{
	if (map->shape.type == BPF_MAP_TYPE_RINGBUF && map->shape.max_entries <= EARLY_BYTES)
		open_ring(map);
}

void ring_close_unread(struct handle *map)
{
	const struct ring *ring = map->state;

	if (map->end == ring_end && !ring->read)
		ring_end(map);
}

/* A ring that overwrites does not move the consumer past what is gone: go to the oldest record that is left. */
static void skip_overwritten(struct ring *ring)
{
	unsigned long oldest;

	if (!ring->producer)
		return;
	oldest = atomic_load(&ring->producer[OVERWRITE_POS]);
	if (atomic_load(ring->consumer) < oldest) {
		atomic_store(ring->consumer, oldest);
		ring->full = true;
	}
}

/* Whether the kernel had no room for a record as long as the longest: its sizes are rounded up to 8 with a header
 * of 8, and the whole of the ring is never in use (__bpf_ringbuf_reserve).
 */
static bool was_full(const struct ring *ring, size_t record_size)
{
	size_t longest = ring->longest > record_size ? ring->longest : record_size;
	size_t need = (longest + BPF_RINGBUF_HDR_SZ + 7) / 8 * 8;

	if (ring->producer)
		return ring->full;
	return ring->used + need > ring__size(ring_buffer__ring(ring->buffer, 0)) - 1;
}

/* Take what is there; wait for the first record until the deadline. */
static int take_records(struct call *call, struct ring *ring, uint32_t limit, uint32_t timeout_ms)
{
	uint64_t deadline = deadline_in(timeout_ms);
	size_t list = list_open(call);
	int err;

	ring->call = call;
	ring->start = call->out->len;
	ring->used = ring__avail_data_size(ring_buffer__ring(ring->buffer, 0));
	ring->taken = 0;
	ring->full = false;
	ring->read = true;
	do {
		skip_overwritten(ring);
		err = limit ? ring_buffer__consume_n(ring->buffer, limit) : 0;
		if (err < 0 && err != -E2BIG)
			return fail(call, -err, "the ring cannot be read");
	} while (!ring->taken && deadline_wait(deadline, ring_buffer__epoll_fd(ring->buffer)));
	list_close(call, list, ring->taken);
	return 0;
}

static int ring_of(struct call *call, uint32_t type, const char *what, struct handle **map)
{
	int err = arg_handle(call, "map", HANDLE_MAP, map);

	if (!err && (*map)->shape.type != type)
		return fail(call, EINVAL, "map: not %s (type %u)", what, (*map)->shape.type);
	return err;
}

int op_ring(struct call *call)
{
	uint32_t limit = RING_LIMIT, timeout_ms = 0, record_size = 0;
	struct handle *map;
	int err;

	err = ring_of(call, BPF_MAP_TYPE_RINGBUF, "a ring buffer", &map) ?:
	      arg_u32_opt(call, "limit", &limit) ?: arg_u31_opt(call, "timeout_ms", &timeout_ms) ?:
	      arg_u32_opt(call, "record_size", &record_size);
	if (err)
		return err;
	err = map->state ? 0 : open_ring(map);
	if (err)
		return fail(call, err, "the ring cannot be mapped");
	msgpack_pack_map(&call->pk, 2);
	pack_str(&call->pk, "records");
	err = take_records(call, map->state, limit, timeout_ms);
	if (err)
		return err;
	pack_str(&call->pk, "full");
	pack_bool(&call->pk, was_full(map->state, record_size));
	return 0;
}

static void user_ring_end(struct handle *map)
{
	user_ring_buffer__free(map->state);
}

static int open_user_ring(struct call *call, struct handle *map)
{
	map->state = user_ring_buffer__new(map->fd, NULL);
	if (!map->state)
		return fail(call, errno, "the ring cannot be mapped");
	map->end = user_ring_end;
	return 0;
}

/* Put records in until one has no room. */
static int put_records(struct call *call, struct handle *map, const msgpack_object_array *records, uint32_t *count)
{
	struct bin record;
	void *place;

	for (*count = 0; *count < records->size; ++*count) {
		int err = list_bin(call, "records", records, *count, false, &record);

		if (err)
			return err;
		if (record.len > map->shape.max_entries)
			return fail(call, E2BIG, "records[%u]: %zu bytes for a ring of %u", *count, record.len,
				    map->shape.max_entries);
		place = user_ring_buffer__reserve(map->state, (uint32_t)record.len);
		if (!place && errno == ENOSPC)
			return 0;
		if (!place)
			return fail(call, errno, "records[%u]: the ring does not take it", *count);
		memcpy(place, record.data, record.len);
		user_ring_buffer__submit(map->state, place);
	}
	return 0;
}

int op_user_ring(struct call *call)
{
	const msgpack_object_array *records;
	struct handle *map;
	uint32_t count;
	int err;

	err = ring_of(call, BPF_MAP_TYPE_USER_RINGBUF, "a user ring buffer", &map) ?:
	      arg_list(call, "records", &records) ?: (map->state ? 0 : open_user_ring(call, map)) ?:
	      put_records(call, map, records, &count);
	if (err)
		return err;
	msgpack_pack_uint32(&call->pk, count);
	return 0;
}
