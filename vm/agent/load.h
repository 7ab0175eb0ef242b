/* SPDX-License-Identifier: BSD-2-Clause */
/* Settings made on an object between open and load. */
#ifndef AGENT_LOAD_H
#define AGENT_LOAD_H

#include <bpf/libbpf.h>
#include <stdint.h>

#include "handles.h"
#include "wire.h"

#define NAME_ROOM 128
#define PATH_ROOM 4096
#define PERF_PAGES_MAX 4096u
#define PLACE_ROOM (NAME_ROOM + 64)

/* A part of the arguments: its own name, and its dotted path for messages. */
struct place {
	char name[NAME_ROOM];
	char where[PLACE_ROOM];
};

/* An outer map with the shape of its inner maps, known before the load only: libbpf then forgets it. */
struct outer {
	const struct bpf_map *map;
	struct map_shape inner;
	int inner_fd;		/* a map of that shape, if we made one for the load; else -1 */
};

/* The buffers that a perf_event_array gets on each CPU. */
struct perf_pages {
	const struct bpf_map *map;
	uint32_t pages;		/* 0: none */
};

struct load {
	char *elf;			/* the file, for as long as libbpf may look at it */
	struct bpf_object *object;
	uint32_t log_level;
	struct outer *outers;
	uint32_t outers_len;
	struct perf_pages *perfs;
	uint32_t perfs_len;
};

/* Apply an argument of `load`; 0 or the value of fail(). */
int load_set_programs(struct call *call, struct load *load);
int load_set_maps(struct call *call, struct load *load);
int load_set_data(struct call *call, struct load *load);

void load_free(struct load *load);

/* The member of `arg` that a key names. */
int load_member(struct call *call, const char *arg, const msgpack_object_kv *member, struct place *place);

/* One setting of such a member, NULL where it is not given; fills in its place either way. */
arg_t load_setting(const msgpack_object_map *settings, const char *key, const struct place *of,
		   struct place *place);

/* 0, or fail() for the -errno that libbpf gave for a setting. */
int load_refused(struct call *call, const struct place *place, int err);

/* A map by its name or, for global data, by its section's; NULL where there is none. */
struct bpf_map *load_find_map(const struct load *load, const char *name);

/* Note every outer map, and what its declaration says of the inner ones; before the load. */
int load_note_outers(struct call *call, struct load *load);

/* NULL where the map is no outer map. */
struct outer *load_find_outer(const struct load *load, const struct bpf_map *map);

/* Note every perf_event_array, to get buffers of the usual size; before the load. */
int load_note_perfs(struct call *call, struct load *load);

/* NULL where the map is no perf_event_array. */
struct perf_pages *load_find_perf(const struct load *load, const struct bpf_map *map);

/* A map's name as in its source: global data without the prefix libbpf makes of the object's name. */
const char *load_map_name(const struct bpf_map *map);

struct map_shape load_map_shape(const struct bpf_map *map);

/* The shape of an outer map's inner maps; type 0 for all other maps. After the load. */
struct map_shape load_inner_shape(const struct load *load, const struct bpf_map *map);

/* Create a map; its descriptor, or -errno. */
int map_create(const struct map_shape *shape, const char *name);

#endif
