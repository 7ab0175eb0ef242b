// SPDX-License-Identifier: BSD-2-Clause
#include "handles.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "dispatcher.h"

static struct handle **table;	/* NULL where a handle is gone */
static uint32_t table_len;
static uint32_t table_cap;

static bool grow(void)
{
	uint32_t cap = table_cap ? table_cap * 2 : 64;
	struct handle **grown;

	if (table_len < table_cap)
		return true;
	grown = realloc(table, cap * sizeof(*table));
	if (!grown)
		return false;
	table = grown;
	table_cap = cap;
	return true;
}

int handle_add(struct call *call, const struct handle *handle, uint32_t *number)
{
	struct handle *copy = malloc(sizeof(*copy));

	if (!copy || !grow()) {
		free(copy);
		return fail(call, ENOMEM, "no memory for a handle");
	}
	*copy = *handle;
	copy->number = table_len;
	*number = table_len;
	table[table_len++] = copy;
	return 0;
}

static const char *kind_name(enum handle_kind kind)
{
	static const char *const names[] = { "an object", "a program", "a map", "a link", "a process" };

	return names[kind];
}

static int find_handle(struct call *call, uint32_t number, const char *where, enum handle_kind kind,
		       struct handle **handle)
{
	if (number >= table_len || !table[number])
		return fail(call, ENOENT, "%s: no such handle (%u)", where, number);
	if (table[number]->kind != kind)
		return fail(call, EINVAL, "%s: not %s (%u is %s)", where, kind_name(kind), number,
			    kind_name(table[number]->kind));
	*handle = table[number];
	return 0;
}

int arg_handle(struct call *call, const char *name, enum handle_kind kind, struct handle **handle)
{
	uint32_t number;
	int err = arg_u32(call, name, &number);

	return err ?: find_handle(call, number, name, kind, handle);
}

int value_handle(struct call *call, arg_t arg, const char *where, enum handle_kind kind,
		 struct handle **handle)
{
	uint32_t number;
	int err = value_u32(call, arg, where, &number);

	return err ?: find_handle(call, number, where, kind, handle);
}

void handle_drop(uint32_t number)
{
	struct handle *handle = table[number];

	if (handle->end)
		handle->end(handle);
	if (handle->kind == HANDLE_PROG)
		dispatcher_forget(handle->fd);
	if (handle->owns_fd)
		close(handle->fd);
	if (handle->kind == HANDLE_OBJECT)
		bpf_object__close(handle->object);
	free(handle);
	table[number] = NULL;
}

static void drop_owned(uint32_t owner, bool links)
{
	for (uint32_t i = 0; i < table_len; i++) {
		if (table[i] && table[i]->kind != HANDLE_OBJECT && table[i]->owner == owner &&
		    (table[i]->kind == HANDLE_LINK) == links)
			handle_drop(i);
	}
}

void handle_drop_object(uint32_t number)
{
	drop_owned(number, true);
	drop_owned(number, false);
	handle_drop(number);
}

uint32_t map_cpus(uint32_t type)
{
	int cpus;

	switch (type) {
	case BPF_MAP_TYPE_PERCPU_HASH:
	case BPF_MAP_TYPE_PERCPU_ARRAY:
	case BPF_MAP_TYPE_LRU_PERCPU_HASH:
	case BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE:
		cpus = libbpf_num_possible_cpus();
		return cpus > 0 ? (uint32_t)cpus : 1;
	default:
		return 0;
	}
}

size_t map_value_room(const struct map_shape *shape)
{
	size_t value = shape->value_size;
	uint32_t cpus = map_cpus(shape->type);

	return cpus ? (value + 7) / 8 * 8 * cpus : value;
}

bool map_is_outer(uint32_t type)
{
	return type == BPF_MAP_TYPE_ARRAY_OF_MAPS || type == BPF_MAP_TYPE_HASH_OF_MAPS;
}
