// SPDX-License-Identifier: BSD-2-Clause
#include "layout.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define WHERE_MAX 64

/* Where the next bytes go in the arena. */
struct layout {
	struct arena *arena;
	size_t used;
};

/* Room for `len` bytes; NULL where there is none. */
static char *place(struct layout *layout, size_t len)
{
	size_t at = (layout->used + ARENA_ALIGN - 1) / ARENA_ALIGN * ARENA_ALIGN;

	if (at > ARENA_SIZE || len > ARENA_SIZE - at)
		return NULL;
	layout->used = at + len;
	return (char *)layout->arena + at;
}

static int no_room(struct call *call, const char *where)
{
	return fail(call, E2BIG, "%s: the calls need more than %zu bytes", where, ARENA_SIZE);
}

/* What an argument is: a pointer to bytes that go in, come out, or both; or a number. */
struct shape {
	const void *data;	/* NULL: zeros */
	size_t len;
	bool pointer;
	bool out;
	bool cut;		/* what comes out is as long as the call's result says */
};

static int read_out_shape(struct call *call, const msgpack_object_array *list, const char *where,
			  struct shape *shape)
{
	struct bin data;
	uint32_t size;
	int err = 0;

	shape->out = true;
	if (list->size < 1 || list->size > 2)
		return fail(call, EINVAL, "%s: not a list of one or two", where);
	if (list->size == 2)
		err = value_bool(call, &list->ptr[1], where, &shape->cut);
	if (err)
		return err;
	if (list->ptr[0].type == MSGPACK_OBJECT_BIN) {
		err = value_bin(call, &list->ptr[0], where, &data);
		shape->data = data.data;
		shape->len = data.len;
	} else {
		err = value_u32(call, &list->ptr[0], where, &size);
		shape->len = size;
	}
	return err;
}

static int read_shape(struct call *call, arg_t arg, const char *where, struct shape *shape)
{
	struct bin data;
	int err;

	*shape = (struct shape){};
	if (arg->type == MSGPACK_OBJECT_BIN) {
		err = value_bin(call, arg, where, &data);
		*shape = (struct shape){ .data = data.data, .len = data.len, .pointer = true };
		return err;
	}
	if (arg->type == MSGPACK_OBJECT_ARRAY) {
		shape->pointer = true;
		return read_out_shape(call, &arg->via.array, where, shape);
	}
	return 0;
}

/* An argument that is not in memory: a number, nil, or the result of a call before this one. */
static int lay_number(struct call *call, arg_t arg, const char *where, uint32_t index, struct slot *slot,
		      unsigned int number)
{
	uint32_t earlier;
	arg_t ret;
	int err;

	switch (arg->type) {
	case MSGPACK_OBJECT_NIL:
		slot->args[number] = 0;
		return 0;
	case MSGPACK_OBJECT_POSITIVE_INTEGER:
		slot->args[number] = arg->via.u64;
		return 0;
	case MSGPACK_OBJECT_NEGATIVE_INTEGER:
		slot->args[number] = (uint64_t)arg->via.i64;
		return 0;
	case MSGPACK_OBJECT_MAP:
		break;
	default:
		return fail(call, EINVAL, "%s: not an integer, bin, list, nil or map", where);
	}
	ret = map_find(&arg->via.map, "ret");
	if (!ret)
		return fail(call, EINVAL, "%s.ret: missing", where);
	err = value_u32(call, ret, where, &earlier);
	if (err)
		return err;
	if (earlier >= index)
		return fail(call, EINVAL, "%s.ret: not a call before this one (%u)", where, earlier);
	slot->args[number] = earlier;
	slot->refs |= 1u << number;
	return 0;
}

static int lay_argument(struct call *call, struct layout *layout, arg_t arg, uint32_t index, unsigned int number)
{
	struct slot *slot = &layout->arena->slots[index];
	struct shape shape;
	char where[WHERE_MAX], *at;
	int err;

	snprintf(where, sizeof(where), "calls[%u][1][%u]", index, number);
	err = read_shape(call, arg, where, &shape);
	if (err)
		return err;
	if (!shape.pointer)
		return lay_number(call, arg, where, index, slot, number);
	at = place(layout, shape.len);
	if (!at)
		return no_room(call, where);
	if (shape.data)
		memcpy(at, shape.data, shape.len);
	else
		memset(at, 0, shape.len);
	slot->args[number] = (uintptr_t)at;
	return 0;
}

static int lay_call(struct call *call, struct layout *layout, arg_t item, uint32_t index)
{
	struct slot *slot = &layout->arena->slots[index];
	const msgpack_object_array *pair = &item->via.array, *args;
	char where[WHERE_MAX];
	uint32_t number;
	int err;

	snprintf(where, sizeof(where), "calls[%u]", index);
	if (item->type != MSGPACK_OBJECT_ARRAY || pair->size != 2)
		return fail(call, EINVAL, "%s: not a list of number and arguments", where);
	err = value_u32(call, &pair->ptr[0], where, &number) ?: value_list(call, &pair->ptr[1], where, &args);
	if (err)
		return err;
	if (args->size > SLOT_ARGS)
		return fail(call, EINVAL, "%s: more than %u arguments (%u)", where, SLOT_ARGS, args->size);
	*slot = (struct slot){ .number = number };
	for (uint32_t i = 0; i < args->size && !err; i++)
		err = lay_argument(call, layout, &args->ptr[i], index, i);
	return err;
}

/* The same walk again, now that the bytes are those that the calls left. */
static void pack_call(struct call *call, struct layout *layout, arg_t item, uint32_t index)
{
	const msgpack_object_array *args = &item->via.array.ptr[1].via.array;
	int64_t ret = layout->arena->slots[index].ret;
	struct shape shape;
	uint32_t outs = 0;

	for (uint32_t i = 0; i < args->size; i++)
		outs += args->ptr[i].type == MSGPACK_OBJECT_ARRAY;
	msgpack_pack_array(&call->pk, 2);
	msgpack_pack_int64(&call->pk, ret);
	msgpack_pack_array(&call->pk, outs);
	for (uint32_t i = 0; i < args->size; i++) {
		const char *at;
		size_t len;

		read_shape(call, &args->ptr[i], "", &shape);
		if (!shape.pointer)
			continue;
		at = place(layout, shape.len);
		len = shape.len;
		if (shape.cut && ret < (int64_t)len)
			len = ret > 0 ? (size_t)ret : 0;
		if (shape.out)
			pack_bin(&call->pk, at, len);
	}
}

/* The bytes that the calls point to come after the calls themselves. */
static struct layout layout_begin(struct arena *arena, uint32_t count)
{
	return (struct layout){ arena, sizeof(*arena) + count * sizeof(struct slot) };
}

int layout_calls(struct call *call, struct arena *arena, const msgpack_object_array *list)
{
	struct layout layout = layout_begin(arena, list->size);
	int err = 0;

	if (layout.used > ARENA_SIZE)
		return no_room(call, "calls");
	arena->count = list->size;
	arena->done = 0;
	for (uint32_t i = 0; i < list->size && !err; i++)
		err = lay_call(call, &layout, &list->ptr[i], i);
	return err;
}

void layout_pack(struct call *call, struct arena *arena, const msgpack_object_array *list)
{
	struct layout layout = layout_begin(arena, list->size);

	msgpack_pack_array(&call->pk, list->size);
	for (uint32_t i = 0; i < list->size; i++)
		pack_call(call, &layout, &list->ptr[i], i);
}
