// SPDX-License-Identifier: BSD-2-Clause
#include "wire.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int fail(struct call *call, int err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(call->failure.what, WHAT_MAX, format, args);
	va_end(args);
	/* A failure of which nobody said why: 0 would be an answer, and there is none. */
	if (err <= 0)
		return -EIO;
	/* libbpf's own errors, nearly all about an object file, are no errno. */
	return err < __LIBBPF_ERRNO__START ? -err : -ENOEXEC;
}

static bool key_is(arg_t key, const char *name)
{
	size_t len = strlen(name);

	return key->type == MSGPACK_OBJECT_STR && key->via.str.size == len &&
	       memcmp(key->via.str.ptr, name, len) == 0;
}

arg_t map_find(const msgpack_object_map *map, const char *name)
{
	for (uint32_t i = 0; i < map->size; i++) {
		if (key_is(&map->ptr[i].key, name))
			return map->ptr[i].val.type == MSGPACK_OBJECT_NIL ? NULL : &map->ptr[i].val;
	}
	return NULL;
}

arg_t arg_find(const struct call *call, const char *name)
{
	return map_find(call->args, name);
}

static int missing(struct call *call, const char *name)
{
	return fail(call, EINVAL, "%s: missing", name);
}

static int value_u64(struct call *call, arg_t arg, const char *where, uint64_t *value)
{
	if (arg->type != MSGPACK_OBJECT_POSITIVE_INTEGER)
		return fail(call, EINVAL, "%s: not an unsigned integer", where);
	*value = arg->via.u64;
	return 0;
}

int value_u32(struct call *call, arg_t arg, const char *where, uint32_t *value)
{
	uint64_t wide = 0;
	int err = value_u64(call, arg, where, &wide);

	if (err)
		return err;
	if (wide > UINT32_MAX)
		return fail(call, EINVAL, "%s: more than 32 bits (%llu)", where, (unsigned long long)wide);
	*value = (uint32_t)wide;
	return 0;
}

int value_bool(struct call *call, arg_t arg, const char *where, bool *value)
{
	if (arg->type != MSGPACK_OBJECT_BOOLEAN)
		return fail(call, EINVAL, "%s: not a bool", where);
	*value = arg->via.boolean;
	return 0;
}

int value_bin(struct call *call, arg_t arg, const char *where, struct bin *value)
{
	if (arg->type != MSGPACK_OBJECT_BIN)
		return fail(call, EINVAL, "%s: not bin", where);
	/* An empty bin is not nil: give it an address, as the kernel tells the two apart. */
	value->data = arg->via.bin.size ? arg->via.bin.ptr : "";
	value->len = arg->via.bin.size;
	return 0;
}

int value_str(struct call *call, arg_t arg, const char *where, char *value, size_t size)
{
	if (arg->type != MSGPACK_OBJECT_STR)
		return fail(call, EINVAL, "%s: not a str", where);
	if (arg->via.str.size >= size)
		return fail(call, EINVAL, "%s: longer than %zu bytes (%u)", where, size - 1,
			    arg->via.str.size);
	if (memchr(arg->via.str.ptr, '\0', arg->via.str.size))
		return fail(call, EINVAL, "%s: has a NUL byte", where);
	memcpy(value, arg->via.str.ptr, arg->via.str.size);
	value[arg->via.str.size] = '\0';
	return 0;
}

int value_map(struct call *call, arg_t arg, const char *where, const msgpack_object_map **value)
{
	if (arg->type != MSGPACK_OBJECT_MAP)
		return fail(call, EINVAL, "%s: not a map", where);
	*value = &arg->via.map;
	return 0;
}

int value_list(struct call *call, arg_t arg, const char *where, const msgpack_object_array **value)
{
	if (arg->type != MSGPACK_OBJECT_ARRAY)
		return fail(call, EINVAL, "%s: not a list", where);
	*value = &arg->via.array;
	return 0;
}

int arg_u32(struct call *call, const char *name, uint32_t *value)
{
	arg_t arg = arg_find(call, name);

	return arg ? value_u32(call, arg, name, value) : missing(call, name);
}

int arg_bin(struct call *call, const char *name, struct bin *value)
{
	arg_t arg = arg_find(call, name);

	return arg ? value_bin(call, arg, name, value) : missing(call, name);
}

int arg_str(struct call *call, const char *name, char *value, size_t size)
{
	arg_t arg = arg_find(call, name);

	return arg ? value_str(call, arg, name, value, size) : missing(call, name);
}

int arg_list(struct call *call, const char *name, const msgpack_object_array **value)
{
	arg_t arg = arg_find(call, name);

	return arg ? value_list(call, arg, name, value) : missing(call, name);
}

int arg_u32_opt(struct call *call, const char *name, uint32_t *value)
{
	arg_t arg = arg_find(call, name);

	return arg ? value_u32(call, arg, name, value) : 0;
}

int arg_u64_opt(struct call *call, const char *name, uint64_t *value)
{
	arg_t arg = arg_find(call, name);

	return arg ? value_u64(call, arg, name, value) : 0;
}

int arg_u31_opt(struct call *call, const char *name, uint32_t *value)
{
	int err = arg_u32_opt(call, name, value);

	if (!err && *value > INT32_MAX)
		return fail(call, EINVAL, "%s: more than %d (%u)", name, INT32_MAX, *value);
	return err;
}

int arg_bool_opt(struct call *call, const char *name, bool *value)
{
	arg_t arg = arg_find(call, name);

	return arg ? value_bool(call, arg, name, value) : 0;
}

int arg_list_opt(struct call *call, const char *name, const msgpack_object_array **value)
{
	arg_t arg = arg_find(call, name);

	return arg ? value_list(call, arg, name, value) : 0;
}

int arg_str_opt(struct call *call, const char *name, char *value, size_t size)
{
	arg_t arg = arg_find(call, name);

	return arg ? value_str(call, arg, name, value, size) : 0;
}

int arg_bin_opt(struct call *call, const char *name, struct bin *value)
{
	arg_t arg = arg_find(call, name);

	return arg ? value_bin(call, arg, name, value) : 0;
}

int arg_map_opt(struct call *call, const char *name, const msgpack_object_map **value)
{
	arg_t arg = arg_find(call, name);

	return arg ? value_map(call, arg, name, value) : 0;
}

int list_bin(struct call *call, const char *name, const msgpack_object_array *list, uint32_t index,
	     bool nil_ok, struct bin *value)
{
	arg_t arg = &list->ptr[index];

	if (nil_ok && arg->type == MSGPACK_OBJECT_NIL) {
		*value = (struct bin){};
		return 0;
	}
	if (arg->type != MSGPACK_OBJECT_BIN)
		return fail(call, EINVAL, "%s[%u]: not bin%s", name, index, nil_ok ? " or nil" : "");
	value->data = arg->via.bin.size ? arg->via.bin.ptr : "";
	value->len = arg->via.bin.size;
	return 0;
}
