/* SPDX-License-Identifier: BSD-2-Clause */
/* What the host knows by number. Numbers are never used again. */
#ifndef AGENT_HANDLES_H
#define AGENT_HANDLES_H

#include <bpf/libbpf.h>
#include <stdbool.h>
#include <stdint.h>

#include "wire.h"

#define NO_OWNER UINT32_MAX

enum handle_kind {
	HANDLE_OBJECT,
	HANDLE_PROG,
	HANDLE_MAP,
	HANDLE_LINK,
	HANDLE_PROCESS,
};

/* What it takes to create a map. */
struct map_shape {
	uint32_t type;
	uint32_t key_size;
	uint32_t value_size;
	uint32_t max_entries;
	uint32_t flags;
	int btf_fd;		/* with the types of key and value, if any of the two is not 0 */
	uint32_t btf_key;
	uint32_t btf_value;
};

struct handle {
	enum handle_kind kind;
	uint32_t number;
	uint32_t owner;			/* the object it goes with, or NO_OWNER */
	int fd;				/* progs and maps */
	bool owns_fd;			/* libbpf closes the others with their object */
	struct bpf_object *object;	/* objects */
	uint32_t prog_type;		/* progs */
	struct bpf_program *program;	/* progs of an object; else NULL */
	const struct bpf_map *map;	/* maps of an object; else NULL */
	struct map_shape shape;		/* maps */
	struct map_shape inner;		/* outer maps: what their inner maps are; else type 0 */
	void *state;			/* links, processes: what `end` needs */
	void (*end)(struct handle *handle);	/* called before the handle goes; NULL where there is nothing to do */
};

/* Add a copy; the number, or the value of fail(). */
int handle_add(struct call *call, const struct handle *handle, uint32_t *number);

/* The handle that argument `name` numbers: 0, or fail() with ENOENT, or EINVAL where it is of another kind. */
int arg_handle(struct call *call, const char *name, enum handle_kind kind, struct handle **handle);

/* The same of a value that lies in an argument; `where` names it in the failure. */
int value_handle(struct call *call, arg_t arg, const char *where, enum handle_kind kind,
		 struct handle **handle);

/* Close an object and all that goes with it, links first. */
void handle_drop_object(uint32_t number);

/* Close one handle that is no object. */
void handle_drop(uint32_t number);

/* Number of values a key has: the possible CPUs for per-CPU kinds, else 0. */
uint32_t map_cpus(uint32_t type);

/* Bytes of one lookup: each CPU's value takes a multiple of 8. */
size_t map_value_room(const struct map_shape *shape);

bool map_is_outer(uint32_t type);

#endif
