// SPDX-License-Identifier: BSD-2-Clause
/* The arguments `maps` and `data` of load. */
#include <errno.h>

#include "load.h"

static int set_max_entries(struct call *call, const struct load *load, struct bpf_map *map, arg_t arg,
			   const struct place *place)
{
	uint32_t number;

	(void)load;
	return value_u32(call, arg, place->where, &number) ?:
	       load_refused(call, place, bpf_map__set_max_entries(map, number));
}

static int set_value_size(struct call *call, const struct load *load, struct bpf_map *map, arg_t arg,
			  const struct place *place)
{
	uint32_t number;

	(void)load;
	return value_u32(call, arg, place->where, &number) ?:
	       load_refused(call, place, bpf_map__set_value_size(map, number));
}

/* Give an outer map the shape of another map of the object for its inner maps. */
static int set_inner(struct call *call, const struct load *load, struct bpf_map *map, arg_t arg,
		     const struct place *place)
{
	struct outer *outer = load_find_outer(load, map);
	const struct bpf_map *like;
	char name[NAME_ROOM];
	int fd, err;

	err = value_str(call, arg, place->where, name, sizeof(name));
	if (err)
		return err;
	like = load_find_map(load, name);
	if (!like)
		return fail(call, ENOENT, "%s: the object has no such map (%s)", place->where, name);
	if (!outer)
		return fail(call, EINVAL, "%s: this is no map of maps (type %u)", place->where,
			    (uint32_t)bpf_map__type(map));
	if (outer->inner_fd >= 0)
		return fail(call, EINVAL, "%s: given twice", place->where);
	outer->inner = load_map_shape(like);
	fd = map_create(&outer->inner, NULL);
	if (fd < 0)
		return fail(call, -fd, "%s: the kernel creates no such map", place->where);
	/* libbpf uses the descriptor when it creates the outer map, and leaves it to us. */
	outer->inner_fd = fd;
	return load_refused(call, place, bpf_map__set_inner_map_fd(map, fd));
}

/* What must agree for a map to stand in for another; no number of entries is for libbpf to choose. */
static bool same_shape(const struct map_shape *one, const struct map_shape *other)
{
	return one->type == other->type && one->key_size == other->key_size &&
	       one->value_size == other->value_size &&
	       (!one->max_entries || one->max_entries == other->max_entries);
}

/* Use a map of another object instead of a new one. */
static int set_reuse(struct call *call, const struct load *load, struct bpf_map *map, arg_t arg,
		     const struct place *place)
{
	struct perf_pages *perf = load_find_perf(load, map);
	struct map_shape shape = load_map_shape(map);
	struct handle *given;
	int err = value_handle(call, arg, place->where, HANDLE_MAP, &given);

	if (err)
		return err;
	if (!same_shape(&shape, &given->shape))
		return fail(call, EINVAL,
			    "%s: not of the same shape (type %u, key %u, value %u, entries %u; wanted %u, %u, %u, %u)",
			    place->where, given->shape.type, given->shape.key_size, given->shape.value_size,
			    given->shape.max_entries, shape.type, shape.key_size, shape.value_size,
			    shape.max_entries);
	/* Its buffers are those of the other object, which reads them. */
	if (perf)
		perf->pages = 0;
	return load_refused(call, place, bpf_map__reuse_fd(map, given->fd));
}

/* Pin it when it is created, or use what is pinned there. */
static int set_pin(struct call *call, const struct load *load, struct bpf_map *map, arg_t arg,
		   const struct place *place)
{
	char path[PATH_ROOM];

	(void)load;
	return value_str(call, arg, place->where, path, sizeof(path)) ?:
	       load_refused(call, place, bpf_map__set_pin_path(map, path));
}

/* Pages of the buffer that a perf_event_array gets on each CPU; 0: none. */
static int set_perf_pages(struct call *call, const struct load *load, struct bpf_map *map, arg_t arg,
			  const struct place *place)
{
	struct perf_pages *pages = load_find_perf(load, map);
	uint32_t number;
	int err = value_u32(call, arg, place->where, &number);

	if (err)
		return err;
	if (!pages)
		return fail(call, EINVAL, "%s: this is no perf_event_array (type %u)", place->where,
			    (uint32_t)bpf_map__type(map));
	if (number & (number - 1) || number > PERF_PAGES_MAX)
		return fail(call, EINVAL, "%s: not a power of two up to %u (%u)", place->where, PERF_PAGES_MAX, number);
	pages->pages = number;
	return 0;
}

static const struct {
	const char *key;
	int (*apply)(struct call *call, const struct load *load, struct bpf_map *map, arg_t arg,
		     const struct place *place);
} settings_known[] = {
	{ "max_entries", set_max_entries },
	{ "value_size", set_value_size },
	{ "inner", set_inner },
	{ "reuse", set_reuse },
	{ "pin", set_pin },
	{ "perf_pages", set_perf_pages },
};

static int set_map(struct call *call, const struct load *load, const msgpack_object_map *settings,
		   const struct place *of)
{
	struct bpf_map *map = load_find_map(load, of->name);

	if (!map)
		return fail(call, ENOENT, "%s: the object has no such map", of->where);
	for (size_t i = 0; i < sizeof(settings_known) / sizeof(settings_known[0]); i++) {
		struct place place;
		arg_t arg = load_setting(settings, settings_known[i].key, of, &place);
		int err = arg ? settings_known[i].apply(call, load, map, arg, &place) : 0;

		if (err)
			return err;
	}
	return 0;
}

int load_set_maps(struct call *call, struct load *load)
{
	const msgpack_object_map *maps = NULL, *settings;
	struct place place;
	struct bpf_map *map;
	int err;

	/* What LIBBPF_PIN_BY_NAME asks for: objects would share maps that nobody told to. */
	bpf_object__for_each_map(map, load->object) {
		if (bpf_map__pin_path(map))
			bpf_map__set_pin_path(map, NULL);
	}
	err = load_note_outers(call, load) ?: load_note_perfs(call, load) ?: arg_map_opt(call, "maps", &maps);

	for (uint32_t i = 0; !err && maps && i < maps->size; i++) {
		err = load_member(call, "maps", &maps->ptr[i], &place) ?:
		      value_map(call, &maps->ptr[i].val, place.where, &settings) ?:
		      set_map(call, load, settings, &place);
	}
	return err;
}

static int set_contents(struct call *call, const struct load *load, const struct bin *contents,
			const struct place *place)
{
	struct bpf_map *map = load_find_map(load, place->name);

	if (!map || !bpf_map__is_internal(map))
		return fail(call, ENOENT, "%s: the object has no such global data", place->where);
	if (contents->len != bpf_map__value_size(map))
		return fail(call, EINVAL, "%s: %zu bytes for a section of %u", place->where, contents->len,
			    bpf_map__value_size(map));
	return load_refused(call, place, bpf_map__set_initial_value(map, contents->data, contents->len));
}

int load_set_data(struct call *call, struct load *load)
{
	const msgpack_object_map *data = NULL;
	struct place place;
	struct bin contents;
	int err = arg_map_opt(call, "data", &data);

	for (uint32_t i = 0; !err && data && i < data->size; i++) {
		err = load_member(call, "data", &data->ptr[i], &place) ?:
		      value_bin(call, &data->ptr[i].val, place.where, &contents) ?:
		      set_contents(call, load, &contents, &place);
	}
	return err;
}
