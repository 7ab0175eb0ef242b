// SPDX-License-Identifier: BSD-2-Clause
#include "load.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NAME_ROOM 128
#define WHERE_ROOM (NAME_ROOM + 32)

const char *load_map_name(const struct bpf_map *map)
{
	static const char *const sections[] = { ".data", ".rodata", ".bss", ".kconfig" };
	const char *name = bpf_map__name(map);
	const char *dot = strchr(name, '.');

	if (!dot || !bpf_map__is_internal(map))
		return name;
	for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++) {
		size_t len = strlen(name), tail = strlen(sections[i]);

		if (len > tail && strcmp(name + len - tail, sections[i]) == 0)
			return name + len - tail;
	}
	return name;
}

struct map_shape load_map_shape(const struct bpf_map *map)
{
	return (struct map_shape){
		.type = bpf_map__type(map),
		.key_size = bpf_map__key_size(map),
		.value_size = bpf_map__value_size(map),
		.max_entries = bpf_map__max_entries(map),
		.flags = bpf_map__map_flags(map),
	};
}

int map_create(const struct map_shape *shape, const char *name)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = shape->flags);

	return bpf_map_create(shape->type, name, shape->key_size, shape->value_size, shape->max_entries, &opts);
}

/* The member of the object that a key of `programs`, `maps` or `data` names. */
static int member_name(struct call *call, const char *arg, const msgpack_object *key, char *name, char *where)
{
	int err = value_str(call, key, arg, name, NAME_ROOM);

	if (!err)
		snprintf(where, WHERE_ROOM, "%s.%s", arg, name);
	return err;
}

static int refused(struct call *call, const char *where, const char *what, int err)
{
	return fail(call, -err, "%s: %s: libbpf refuses it (%s)", where, what, error_text(-err));
}

static int set_type(struct call *call, struct bpf_program *prog, const msgpack_object_map *settings,
		    const char *where)
{
	const msgpack_object *arg = map_find(settings, "type");
	uint32_t number;
	int err;

	if (arg) {
		err = value_u32(call, arg, where, &number);
		if (err)
			return err;
		err = bpf_program__set_type(prog, number);
		if (err)
			return refused(call, where, "type", err);
	}
	arg = map_find(settings, "attach_type");
	if (arg) {
		err = value_u32(call, arg, where, &number);
		if (err)
			return err;
		err = bpf_program__set_expected_attach_type(prog, number);
		if (err)
			return refused(call, where, "attach_type", err);
	}
	return 0;
}

static int set_program(struct call *call, struct bpf_program *prog, const msgpack_object_map *settings,
		       const char *where)
{
	const msgpack_object *arg = map_find(settings, "autoload");
	char target[NAME_ROOM];
	bool autoload;
	int err;

	if (arg) {
		err = value_bool(call, arg, where, &autoload);
		if (err)
			return err;
		err = bpf_program__set_autoload(prog, autoload);
		if (err)
			return refused(call, where, "autoload", err);
	}
	err = set_type(call, prog, settings, where);
	if (err)
		return err;
	arg = map_find(settings, "target");
	if (arg) {
		err = value_str(call, arg, where, target, sizeof(target));
		if (err)
			return err;
		err = bpf_program__set_attach_target(prog, 0, target);
		if (err)
			return refused(call, where, "target", err);
	}
	return 0;
}

int load_set_programs(struct call *call, struct load *load)
{
	const msgpack_object_map *programs = NULL, *settings;
	char name[NAME_ROOM], where[WHERE_ROOM];
	int err = arg_map_opt(call, "programs", &programs);

	for (uint32_t i = 0; !err && programs && i < programs->size; i++) {
		struct bpf_program *prog;

		err = member_name(call, "programs", &programs->ptr[i].key, name, where) ?:
		      value_map(call, &programs->ptr[i].val, where, &settings);
		if (err)
			break;
		prog = bpf_object__find_program_by_name(load->object, name);
		if (!prog)
			return fail(call, ENOENT, "%s: the object has no such program", where);
		err = set_program(call, prog, settings, where);
	}
	return err;
}

static struct bpf_map *find_map(const struct load *load, const char *name)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, load->object) {
		if (strcmp(bpf_map__name(map), name) == 0 || strcmp(load_map_name(map), name) == 0)
			return map;
	}
	return NULL;
}

/* Give an outer map the shape of another map of the object for its inner maps. */
static int set_inner(struct call *call, const struct load *load, struct outer *outer, struct bpf_map *map,
		     const msgpack_object *arg, const char *where)
{
	const struct bpf_map *like;
	char name[NAME_ROOM];
	int fd, err;

	err = value_str(call, arg, where, name, sizeof(name));
	if (err)
		return err;
	like = find_map(load, name);
	if (!like)
		return fail(call, ENOENT, "%s: inner: the object has no such map (%s)", where, name);
	if (!outer)
		return fail(call, EINVAL, "%s: inner: not a map of maps (type %u)", where,
			    (uint32_t)bpf_map__type(map));
	outer->inner = load_map_shape(like);
	fd = map_create(&outer->inner, NULL);
	if (fd < 0)
		return fail(call, -fd, "%s: inner: the kernel creates no such map (%s)", where,
			    error_text(-fd));
	/* libbpf uses the descriptor when it creates the outer map, and leaves it to us. */
	outer->inner_fd = fd;
	err = bpf_map__set_inner_map_fd(map, fd);
	return err ? refused(call, where, "inner", err) : 0;
}

static struct outer *find_outer(const struct load *load, const struct bpf_map *map)
{
	for (uint32_t i = 0; i < load->outers_len; i++) {
		if (load->outers[i].map == map)
			return &load->outers[i];
	}
	return NULL;
}

struct map_shape load_inner_shape(const struct load *load, const struct bpf_map *map)
{
	const struct outer *outer = find_outer(load, map);

	return outer ? outer->inner : (struct map_shape){};
}

/* Note every outer map, and what its declaration says of the inner ones. */
static int note_outers(struct call *call, struct load *load)
{
	struct bpf_map *map;
	uint32_t count = 0;

	bpf_object__for_each_map(map, load->object)
		count += map_is_outer(bpf_map__type(map));
	load->outers = calloc(count ? count : 1, sizeof(*load->outers));
	if (!load->outers)
		return fail(call, ENOMEM, "no memory for %u maps of maps", count);
	bpf_object__for_each_map(map, load->object) {
		const struct bpf_map *inner = bpf_map__inner_map(map);
		struct outer *outer;

		if (!map_is_outer(bpf_map__type(map)))
			continue;
		outer = &load->outers[load->outers_len++];
		outer->map = map;
		outer->inner_fd = -1;
		if (inner)
			outer->inner = load_map_shape(inner);
	}
	return 0;
}

static int set_map(struct call *call, const struct load *load, struct bpf_map *map,
		   const msgpack_object_map *settings, const char *where)
{
	const msgpack_object *arg = map_find(settings, "max_entries");
	uint32_t number;
	int err;

	if (arg) {
		err = value_u32(call, arg, where, &number);
		if (err)
			return err;
		err = bpf_map__set_max_entries(map, number);
		if (err)
			return refused(call, where, "max_entries", err);
	}
	arg = map_find(settings, "value_size");
	if (arg) {
		err = value_u32(call, arg, where, &number);
		if (err)
			return err;
		err = bpf_map__set_value_size(map, number);
		if (err)
			return refused(call, where, "value_size", err);
	}
	arg = map_find(settings, "inner");
	return arg ? set_inner(call, load, find_outer(load, map), map, arg, where) : 0;
}

int load_set_maps(struct call *call, struct load *load)
{
	const msgpack_object_map *maps = NULL, *settings;
	char name[NAME_ROOM], where[WHERE_ROOM];
	int err = note_outers(call, load) ?: arg_map_opt(call, "maps", &maps);

	for (uint32_t i = 0; !err && maps && i < maps->size; i++) {
		struct bpf_map *map;

		err = member_name(call, "maps", &maps->ptr[i].key, name, where) ?:
		      value_map(call, &maps->ptr[i].val, where, &settings);
		if (err)
			break;
		map = find_map(load, name);
		if (!map)
			return fail(call, ENOENT, "%s: the object has no such map", where);
		err = set_map(call, load, map, settings, where);
	}
	return err;
}

int load_set_data(struct call *call, struct load *load)
{
	const msgpack_object_map *data = NULL;
	char name[NAME_ROOM], where[WHERE_ROOM];
	int err = arg_map_opt(call, "data", &data);

	for (uint32_t i = 0; !err && data && i < data->size; i++) {
		struct bpf_map *map;
		struct bin initial;

		err = member_name(call, "data", &data->ptr[i].key, name, where) ?:
		      value_bin(call, &data->ptr[i].val, where, &initial);
		if (err)
			break;
		map = find_map(load, name);
		if (!map || !bpf_map__is_internal(map))
			return fail(call, ENOENT, "%s: the object has no such global data", where);
		if (initial.len != bpf_map__value_size(map))
			return fail(call, EINVAL, "%s: %zu bytes for a section of %u", where, initial.len,
				    bpf_map__value_size(map));
		err = bpf_map__set_initial_value(map, initial.data, initial.len);
		if (err)
			return refused(call, where, "initial contents", err);
	}
	return err;
}

void load_free(struct load *load)
{
	bpf_object__close(load->object);
	for (uint32_t i = 0; i < load->outers_len; i++) {
		if (load->outers[i].inner_fd >= 0)
			close(load->outers[i].inner_fd);
	}
	free(load->outers);
	free(load->elf);
}
