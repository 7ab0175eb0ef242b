// SPDX-License-Identifier: BSD-2-Clause
/* Maps that hold programs and maps, and maps read as a stream. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "handles.h"
#include "load.h"
#include "ops.h"

#define RING_LIMIT 4096u
/* Records taken out of a ring cannot be put back: stop well before the answer is too long. */
#define RING_BYTES ((size_t)32 << 20)

/* The object holds all that a map of programs or maps refers to: the kernel counts references to the
 * elements, and keeps a prog array's entries as long as a descriptor of the array itself is open.
 */
int op_set_fd(struct call *call)
{
	struct handle *map, *element;
	struct bin key;
	int err;

	err = arg_handle(call, "map", HANDLE_MAP, &map) ?: arg_bin(call, "key", &key);
	if (err)
		return err;
	if (!arg_find(call, "prog") == !arg_find(call, "inner"))
		return fail(call, EINVAL, "prog, inner: not just one of them is given");
	if (arg_find(call, "prog"))
		err = arg_handle(call, "prog", HANDLE_PROG, &element);
	else
		err = arg_handle(call, "inner", HANDLE_MAP, &element);
	if (err)
		return err;
	if (key.len != map->shape.key_size)
		return fail(call, EINVAL, "key: %zu bytes for a key of %u", key.len, map->shape.key_size);
	if (map->shape.value_size != sizeof(element->fd))
		return fail(call, EINVAL, "map: its values are no descriptors (%u bytes)", map->shape.value_size);
	err = -bpf_map_update_elem(map->fd, key.data, &element->fd, BPF_ANY);
	if (err)
		return fail(call, err, "the kernel refuses it");
	return answer_nil(call);
}

int op_create(struct call *call)
{
	struct handle *like;
	struct handle made = { .kind = HANDLE_MAP, .owns_fd = true };
	uint32_t number;
	int err = arg_handle(call, "like", HANDLE_MAP, &like);

	if (err)
		return err;
	if (!like->inner.type)
		return fail(call, EINVAL, "like: not a map of maps whose inner maps are known (type %u)",
			    like->shape.type);
	made.owner = like->owner;
	made.shape = like->inner;
	err = arg_u32_opt(call, "max_entries", &made.shape.max_entries);
	if (err)
		return err;
	made.fd = map_create(&made.shape, NULL);
	if (made.fd < 0)
		return fail(call, -made.fd, "the kernel creates no such map");
	err = handle_add(call, &made, &number);
	if (err) {
		close(made.fd);
		return err;
	}
	msgpack_pack_map(&call->pk, 1);
	pack_key_u64(&call->pk, "map", number);
	return 0;
}

static int pack_record(void *context, void *data, size_t size)
{
	struct call *call = context;

	pack_bin(&call->pk, data, size);
	return 0;
}

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Take what is there; wait for the first record until the deadline. */
static int take_records(struct call *call, struct ring_buffer *ring, uint32_t limit, uint32_t timeout_ms)
{
	uint64_t deadline = now_ms() + timeout_ms;
	size_t list = list_open(call), start = call->out->len;
	uint32_t count = 0;

	while (count < limit && call->out->len - start < RING_BYTES) {
		struct epoll_event event;
		uint64_t now;
		int taken = ring_buffer__consume_n(ring, 1);

		if (taken < 0)
			return fail(call, -taken, "the ring cannot be read");
		count += (uint32_t)taken;
		if (taken)
			continue;
		now = now_ms();
		if (count || now >= deadline)
			break;
		epoll_wait(ring_buffer__epoll_fd(ring), &event, 1, (int)(deadline - now));
	}
	list_close(call, list, count);
	return 0;
}

int op_ring(struct call *call)
{
	uint32_t limit = RING_LIMIT, timeout_ms = 0;
	struct ring_buffer *ring;
	struct handle *map;
	int err;

	err = arg_handle(call, "map", HANDLE_MAP, &map) ?: arg_u32_opt(call, "limit", &limit) ?:
	      arg_u32_opt(call, "timeout_ms", &timeout_ms);
	if (err)
		return err;
	if (map->shape.type != BPF_MAP_TYPE_RINGBUF)
		return fail(call, EINVAL, "map: not a ring buffer (type %u)", map->shape.type);
	if (timeout_ms > INT32_MAX)
		return fail(call, EINVAL, "timeout_ms: more than %d (%u)", INT32_MAX, timeout_ms);
	ring = ring_buffer__new(map->fd, pack_record, call, NULL);
	if (!ring) {
		err = errno;
		return fail(call, err, "the ring cannot be mapped");
	}
	msgpack_pack_map(&call->pk, 1);
	pack_str(&call->pk, "records");
	err = take_records(call, ring, limit, timeout_ms);
	ring_buffer__free(ring);
	return err;
}
