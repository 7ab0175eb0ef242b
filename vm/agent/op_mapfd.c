// SPDX-License-Identifier: BSD-2-Clause
/* Maps that hold programs, maps, and what else has a descriptor. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "handles.h"
#include "load.h"
#include "ops.h"
#include "source.h"

/* What goes into a map: a descriptor, behind bytes that are given as they are (the device of a devmap, the queue of a
 * cpumap), and before zeros up to the size of a value.
 */
struct element {
	struct bin front;
	int fd;
	bool owned;
};

static int read_element(struct call *call, struct element *element)
{
	arg_t prog = arg_find(call, "prog"), inner = arg_find(call, "inner"), of = arg_find(call, "of");
	struct handle *handle;
	int err = arg_bin_opt(call, "front", &element->front);

	if (err)
		return err;
	if (!prog + !inner + !of != 2)
		return fail(call, EINVAL, "prog, inner, of: not just one of them is given");
	if (of)
		return fd_source(call, of, "of", &element->fd, &element->owned);
	if (prog)
		err = arg_handle(call, "prog", HANDLE_PROG, &handle);
	else
		err = arg_handle(call, "inner", HANDLE_MAP, &handle);
	if (!err)
		element->fd = handle->fd;
	return err;
}

static int set_element(struct call *call, const struct handle *map, const struct bin *key,
		       const struct element *element)
{
	char value[sizeof(uint64_t)] = {};
	int err;

	if (key->len != map->shape.key_size)
		return fail(call, EINVAL, "key: %zu bytes for a key of %u", key->len, map->shape.key_size);
	if (map->shape.value_size > sizeof(value) || element->front.len > sizeof(value) ||
	    element->front.len + sizeof(element->fd) > map->shape.value_size)
		return fail(call, EINVAL, "map: its values are no descriptors (%u bytes)", map->shape.value_size);
	if (element->front.len)
		memcpy(value, element->front.data, element->front.len);
	memcpy(value + element->front.len, &element->fd, sizeof(element->fd));
	err = -bpf_map_update_elem(map->fd, key->data, value, BPF_ANY);
	return err ? fail(call, err, "the kernel refuses it") : answer_nil(call);
}

/* The object holds all that a map of programs or maps refers to: the kernel counts references to the
 * elements, and keeps a prog array's entries as long as a descriptor of the array itself is open.
 */
int op_set_fd(struct call *call)
{
	struct element element = {};
	struct handle *map;
	struct bin key;
	int err;

	err = arg_handle(call, "map", HANDLE_MAP, &map) ?: arg_bin(call, "key", &key) ?:
	      read_element(call, &element) ?: set_element(call, map, &key, &element);
	if (element.owned)
		close(element.fd);
	return err;
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
