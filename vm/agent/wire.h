/* SPDX-License-Identifier: BSD-2-Clause */
/* What an operation sees of a message: its arguments, its answer, its failure. */
#ifndef AGENT_WIRE_H
#define AGENT_WIRE_H

#include <msgpack.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buffer.h"

#define WHAT_MAX 512

/* One call of a request. The operation packs its value into `pk`, or says why not with fail(). */
struct call {
	const msgpack_object_map *args;
	struct buffer *out;
	msgpack_packer pk;
	struct {
		char what[WHAT_MAX];
		int64_t index;		/* update: which key; -1: not told */
		bool has_log;		/* load, assemble: the log goes with the failure */
		bool has_names;		/* load: so do the names of the program and the map at fault */
	} failure;
};

/* Bytes inside the request; data is NULL only for nil. */
struct bin {
	const void *data;
	size_t len;
};

typedef const msgpack_object *arg_t;

/* Say what failed and return -err. The host adds the operation and the text of the errno. */
int fail(struct call *call, int err, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* An argument by name; NULL where it is missing or nil. */
arg_t arg_find(const struct call *call, const char *name);

/* Required arguments: 0, or the value of fail() when missing or mistyped. */
int arg_u32(struct call *call, const char *name, uint32_t *value);
int arg_bin(struct call *call, const char *name, struct bin *value);
int arg_str(struct call *call, const char *name, char *value, size_t size);
int arg_list(struct call *call, const char *name, const msgpack_object_array **value);

/* Optional arguments: *value keeps what it has where the argument is missing or nil. */
int arg_u32_opt(struct call *call, const char *name, uint32_t *value);
int arg_u64_opt(struct call *call, const char *name, uint64_t *value);
int arg_u31_opt(struct call *call, const char *name, uint32_t *value); /* what the kernel takes as an int */
int arg_bool_opt(struct call *call, const char *name, bool *value);
int arg_str_opt(struct call *call, const char *name, char *value, size_t size);
int arg_bin_opt(struct call *call, const char *name, struct bin *value);
int arg_list_opt(struct call *call, const char *name, const msgpack_object_array **value);
int arg_map_opt(struct call *call, const char *name, const msgpack_object_map **value);

/* A value that is none of the arguments but lies in one; `where` names it in the failure. */
int value_u32(struct call *call, arg_t arg, const char *where, uint32_t *value);
int value_bool(struct call *call, arg_t arg, const char *where, bool *value);
int value_bin(struct call *call, arg_t arg, const char *where, struct bin *value);
int value_str(struct call *call, arg_t arg, const char *where, char *value, size_t size);
int value_map(struct call *call, arg_t arg, const char *where, const msgpack_object_map **value);
int value_list(struct call *call, arg_t arg, const char *where, const msgpack_object_array **value);

/* Element `index` of a list: bin, and nil too if `nil_ok`. */
int list_bin(struct call *call, const char *name, const msgpack_object_array *list, uint32_t index,
	     bool nil_ok, struct bin *value);

/* Find a key in a map of the request; NULL where it is missing or nil. */
arg_t map_find(const msgpack_object_map *map, const char *name);

void pack_text(msgpack_packer *pk, const char *text, size_t len);
void pack_str(msgpack_packer *pk, const char *text);
void pack_bool(msgpack_packer *pk, bool value);
void pack_bin(msgpack_packer *pk, const void *data, size_t len);
void pack_key_u64(msgpack_packer *pk, const char *key, uint64_t value);
void pack_key_str(msgpack_packer *pk, const char *key, const char *value);

/* Answer with nil; 0. */
int answer_nil(struct call *call);

/* A list whose length is known only when it has been packed. */
size_t list_open(struct call *call);
void list_close(struct call *call, size_t at, uint32_t count);

#endif
