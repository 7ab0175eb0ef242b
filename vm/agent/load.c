// SPDX-License-Identifier: BSD-2-Clause
/* What a load keeps of an object beside what libbpf does: names, shapes, inner maps. */
#include "load.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* 256 KiB on each CPU. */
#define PERF_PAGES 64u

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

	if (shape->btf_key || shape->btf_value) {
		opts.btf_fd = (uint32_t)shape->btf_fd;
		opts.btf_key_type_id = shape->btf_key;
		opts.btf_value_type_id = shape->btf_value;
	}
	return bpf_map_create(shape->type, name, shape->key_size, shape->value_size, shape->max_entries, &opts);
}

struct bpf_map *load_find_map(const struct load *load, const char *name)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, load->object) {
		if (strcmp(bpf_map__name(map), name) == 0 || strcmp(load_map_name(map), name) == 0)
			return map;
	}
	return NULL;
}

int load_member(struct call *call, const char *arg, const msgpack_object_kv *member, struct place *place)
{
	int err = value_str(call, &member->key, arg, place->name, sizeof(place->name));

	if (!err)
		snprintf(place->where, sizeof(place->where), "%s.%s", arg, place->name);
	return err;
}

arg_t load_setting(const msgpack_object_map *settings, const char *key, const struct place *of,
		   struct place *place)
{
	snprintf(place->name, sizeof(place->name), "%s", key);
	snprintf(place->where, sizeof(place->where), "%.*s.%s", PLACE_ROOM - 32, of->where, key);
	return map_find(settings, key);
}

int load_refused(struct call *call, const struct place *place, int err)
{
	return err ? fail(call, -err, "%s: libbpf refuses it", place->where) : 0;
}

struct outer *load_find_outer(const struct load *load, const struct bpf_map *map)
{
	for (uint32_t i = 0; i < load->outers_len; i++) {
		if (load->outers[i].map == map)
			return &load->outers[i];
	}
	return NULL;
}

struct map_shape load_inner_shape(const struct load *load, const struct bpf_map *map)
{
	const struct outer *outer = load_find_outer(load, map);
	struct map_shape shape = outer ? outer->inner : (struct map_shape){};

	shape.btf_fd = bpf_object__btf_fd(load->object);
	if (shape.btf_fd < 0)
		shape.btf_key = shape.btf_value = 0;
	return shape;
}

int load_note_outers(struct call *call, struct load *load)
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
		if (!inner)
			continue;
		outer->inner = load_map_shape(inner);
		/* Linux 6.1 takes an inner map only if it has BTF just as the first one had. */
		outer->inner.btf_key = bpf_map__btf_key_type_id(inner);
		outer->inner.btf_value = bpf_map__btf_value_type_id(inner);
	}
	return 0;
}

struct perf_pages *load_find_perf(const struct load *load, const struct bpf_map *map)
{
	for (uint32_t i = 0; i < load->perfs_len; i++) {
		if (load->perfs[i].map == map)
			return &load->perfs[i];
	}
	return NULL;
}

int load_note_perfs(struct call *call, struct load *load)
{
	struct bpf_map *map;
	uint32_t count = 0;

	bpf_object__for_each_map(map, load->object)
		count += bpf_map__type(map) == BPF_MAP_TYPE_PERF_EVENT_ARRAY;
	load->perfs = calloc(count ? count : 1, sizeof(*load->perfs));
	if (!load->perfs)
		return fail(call, ENOMEM, "no memory for %u perf_event_arrays", count);
	bpf_object__for_each_map(map, load->object) {
		if (bpf_map__type(map) == BPF_MAP_TYPE_PERF_EVENT_ARRAY)
			load->perfs[load->perfs_len++] = (struct perf_pages){ map, PERF_PAGES };
	}
	return 0;
}

void load_free(struct load *load)
{
	bpf_object__close(load->object);
	for (uint32_t i = 0; i < load->outers_len; i++) {
		if (load->outers[i].inner_fd >= 0)
			close(load->outers[i].inner_fd);
	}
	free(load->outers);
	free(load->perfs);
	free(load->elf);
}
