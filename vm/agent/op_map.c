// SPDX-License-Identifier: BSD-2-Clause
/* Operations on the elements of a map. */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "handles.h"
#include "ops.h"

/* A key of the list, of just the size the kernel will read. */
static int list_key(struct call *call, const struct handle *map, const msgpack_object_array *keys, uint32_t index,
		    struct bin *key)
{
	int err = list_bin(call, "keys", keys, index, false, key);

	if (!err && key->len != map->shape.key_size)
		return fail(call, EINVAL, "keys[%u]: %zu bytes for a key of %u", index, key->len,
			    map->shape.key_size);
	return err;
}

/* A value of the list, of just the size the kernel will read. */
static int list_value(struct call *call, const struct handle *map, const msgpack_object_array *values,
		      uint32_t index, struct bin *value)
{
	size_t room = map_value_room(&map->shape);
	int err = list_bin(call, "values", values, index, false, value);

	if (!err && value->len != room)
		return fail(call, EINVAL, "values[%u]: %zu bytes for a value of %zu", index, value->len, room);
	return err;
}

static int value_buffer(struct call *call, const struct handle *map, char **value)
{
	size_t room = map_value_room(&map->shape);

	*value = calloc(1, room ? room : 1);
	return *value ? 0 : fail(call, ENOMEM, "no memory for a value of %zu bytes", room);
}

/* Pack the value of a key, nil where there is none. */
static int lookup_one(struct call *call, const struct handle *map, const void *key, char *value, uint64_t flags)
{
	int err = -bpf_map_lookup_elem_flags(map->fd, key, value, flags);

	if (err == ENOENT) {
		msgpack_pack_nil(&call->pk);
		return 0;
	}
	if (err)
		return fail(call, err, "the kernel refuses it");
	pack_bin(&call->pk, value, map_value_room(&map->shape));
	return 0;
}

int op_lookup(struct call *call)
{
	const msgpack_object_array *keys;
	struct handle *map;
	uint64_t flags = 0;
	char *value = NULL;
	int err;

	err = arg_handle(call, "map", HANDLE_MAP, &map) ?: arg_list(call, "keys", &keys) ?:
	      arg_u64_opt(call, "flags", &flags) ?: value_buffer(call, map, &value);
	if (err)
		return err;
	msgpack_pack_array(&call->pk, keys->size);
	for (uint32_t i = 0; !err && i < keys->size; i++) {
		struct bin key;

		err = list_key(call, map, keys, i, &key) ?: lookup_one(call, map, key.data, value, flags);
	}
	free(value);
	return err;
}

static int update_one(struct call *call, const struct handle *map, const msgpack_object_array *keys,
		      const msgpack_object_array *values, uint32_t index, uint64_t flags)
{
	struct bin key, value;
	int err = list_key(call, map, keys, index, &key) ?: list_value(call, map, values, index, &value);

	if (err)
		return err;
	err = -bpf_map_update_elem(map->fd, key.data, value.data, flags);
	return err ? fail(call, err, "the kernel refuses it") : 0;
}

int op_update(struct call *call)
{
	const msgpack_object_array *keys, *values;
	struct handle *map;
	uint64_t flags = 0;
	int err;

	err = arg_handle(call, "map", HANDLE_MAP, &map) ?: arg_list(call, "keys", &keys) ?:
	      arg_list(call, "values", &values) ?: arg_u64_opt(call, "flags", &flags);
	if (err)
		return err;
	if (keys->size != values->size)
		return fail(call, EINVAL, "values: %u elements for %u keys", values->size, keys->size);
	for (uint32_t i = 0; i < keys->size; i++) {
		err = update_one(call, map, keys, values, i, flags);
		if (err) {
			call->failure.index = i;
			return err;
		}
	}
	return answer_nil(call);
}

int op_delete(struct call *call)
{
	const msgpack_object_array *keys;
	struct handle *map;
	int err;

	err = arg_handle(call, "map", HANDLE_MAP, &map) ?: arg_list(call, "keys", &keys);
	if (err)
		return err;
	msgpack_pack_array(&call->pk, keys->size);
	for (uint32_t i = 0; i < keys->size; i++) {
		struct bin key;

		err = list_key(call, map, keys, i, &key);
		if (err)
			return err;
		err = -bpf_map_delete_elem(map->fd, key.data);
		if (err && err != ENOENT)
			return fail(call, err, "keys[%u]: the kernel refuses it", i);
		pack_bool(&call->pk, !err);
	}
	return 0;
}

int op_push(struct call *call)
{
	struct handle *map;
	struct bin value;
	uint64_t flags = 0;
	int err;

	err = arg_handle(call, "map", HANDLE_MAP, &map) ?: arg_bin(call, "value", &value) ?:
	      arg_u64_opt(call, "flags", &flags);
	if (err)
		return err;
	if (value.len != map->shape.value_size)
		return fail(call, EINVAL, "value: %zu bytes for a value of %u", value.len, map->shape.value_size);
	err = -bpf_map_update_elem(map->fd, NULL, value.data, flags);
	if (err)
		return fail(call, err, "the kernel refuses it");
	return answer_nil(call);
}

int op_pop(struct call *call)
{
	struct handle *map;
	char *value = NULL;
	int err;

	err = arg_handle(call, "map", HANDLE_MAP, &map) ?: value_buffer(call, map, &value);
	if (err)
		return err;
	err = -bpf_map_lookup_and_delete_elem(map->fd, NULL, value);
	if (!err)
		pack_bin(&call->pk, value, map->shape.value_size);
	else if (err == ENOENT)
		err = answer_nil(call);
	else
		err = fail(call, err, "the kernel refuses it");
	free(value);
	return err;
}

/* A bloom filter is asked whether it has a value, which goes in where other maps' values come out. */
static int peek_value(struct call *call, const struct handle *map, char *value)
{
	size_t room = map_value_room(&map->shape);
	struct bin asked = {};
	int err = arg_bin_opt(call, "value", &asked);

	if (err || !asked.data)
		return err;
	if (asked.len != room)
		return fail(call, EINVAL, "value: %zu bytes for a value of %zu", asked.len, room);
	memcpy(value, asked.data, room);
	return 0;
}

int op_peek(struct call *call)
{
	struct handle *map;
	char *value = NULL;
	int err;

	err = arg_handle(call, "map", HANDLE_MAP, &map) ?: value_buffer(call, map, &value);
	if (err)
		return err;
	err = peek_value(call, map, value) ?: lookup_one(call, map, NULL, value, 0);
	free(value);
	return err;
}
