// SPDX-License-Identifier: BSD-2-Clause
/* From a request to its answer: every call in turn, whatever became of the one before it. */
#include "ops.h"

#include <errno.h>
#include <string.h>

#include "log.h"
#include "process.h"

/* Kept free in every answer, so that a value too long can still be answered by its failure. */
#define ANSWER_SLACK (1u << 20)
/* What is answered with less than this (a handle, or nil) is not done where there is no room to tell of it. */
#define ANSWER_SMALL (4u << 10)

static const struct op {
	const char *name;
	int (*run)(struct call *call);
} ops[] = {
	{ "hello", op_hello },
	{ "load", op_load },
	{ "unload", op_unload },
	{ "assemble", op_assemble },
	{ "run", op_run },
	{ "lookup", op_lookup },
	{ "update", op_update },
	{ "delete", op_delete },
	{ "dump", op_dump },
	{ "push", op_push },
	{ "pop", op_pop },
	{ "peek", op_peek },
	{ "set_fd", op_set_fd },
	{ "create", op_create },
	{ "ring", op_ring },
	{ "perf", op_perf },
	{ "user_ring", op_user_ring },
	{ "printk", op_printk },
	{ "freeze", op_freeze },
	{ "map_info", op_map_info },
	{ "pin", op_pin },
	{ "unpin", op_unpin },
	{ "arena", op_arena },
	{ "data", op_data },
	{ "lookup_by", op_lookup_by },
	{ "update_by", op_update_by },
	{ "delete_by", op_delete_by },
	{ "prog_info", op_prog_info },
	{ "probe", op_probe },
	{ "klog", op_klog },
	{ "read_file", op_read_file },
	{ "write_file", op_write_file },
	{ "wake", op_wake },
	{ "warm", op_warm },
	{ "spawn", op_spawn },
	{ "sys", op_sys },
	{ "give", op_give },
	{ "exec", op_exec },
	{ "wait", op_wait },
	{ "kill", op_kill },
	{ "modules", op_modules },
	{ "attach", op_attach },
	{ "attach_map", op_attach_map },
	{ "detach", op_detach },
	{ "link_info", op_link_info },
	{ "link_update", op_link_update },
	{ "iter", op_iter },
};

static const struct op *find_op(const char *name)
{
	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		if (strcmp(ops[i].name, name) == 0)
			return &ops[i];
	}
	return NULL;
}

/* Read [op, args] and carry it out. */
static int carry_out(struct call *call, const msgpack_object *item, char *name, size_t size)
{
	const msgpack_object_array *pair = &item->via.array;
	const struct op *op;
	int err;

	if (item->type != MSGPACK_OBJECT_ARRAY || pair->size != 2)
		return fail(call, EINVAL, "not a list of op and args");
	err = value_str(call, &pair->ptr[0], "op", name, size);
	if (err)
		return err;
	err = value_map(call, &pair->ptr[1], "args", &call->args);
	if (err)
		return err;
	op = find_op(name);
	if (!op)
		return fail(call, ENOSYS, "no such operation");
	return op->run(call);
}

/* An empty name is nil. */
static void pack_name(msgpack_packer *pk, const char *key, const char *name)
{
	pack_str(pk, key);
	if (name[0])
		pack_str(pk, name);
	else
		msgpack_pack_nil(pk);
}

static void pack_failure(struct call *call, int err)
{
	msgpack_packer *pk = &call->pk;
	uint32_t keys = 1u + (call->failure.index >= 0) + call->failure.has_log + 2u * call->failure.has_names;

	msgpack_pack_array(pk, 2);
	msgpack_pack_int(pk, err);
	msgpack_pack_map(pk, keys);
	pack_key_str(pk, "what", call->failure.what);
	if (call->failure.index >= 0)
		pack_key_u64(pk, "index", (uint64_t)call->failure.index);
	if (call->failure.has_names) {
		pack_name(pk, "program", log_program());
		pack_name(pk, "map", log_map());
	}
	if (call->failure.has_log) {
		pack_str(pk, "log");
		log_pack(pk);
	}
}

/* Answer with a value, if there is room for one: 0, or the value of fail(). */
static int answer_value(struct call *call, const msgpack_object *item)
{
	struct buffer *out = call->out;
	char name[32];
	int err;

	if (out->len + ANSWER_SMALL > out->limit)
		return fail(call, EMSGSIZE, "not done: the answers before it take %zu bytes", out->len);
	msgpack_pack_array(&call->pk, 2);
	msgpack_pack_int(&call->pk, 0);
	err = carry_out(call, item, name, sizeof(name));
	if (err || !out->failed)
		return err;
	call->failure.has_log = false;
	return fail(call, EMSGSIZE, "the answer is longer than %zu bytes", out->limit);
}

static void answer_call(const msgpack_object *item, struct buffer *out)
{
	struct call call = { .out = out, .failure.index = -1 };
	size_t start = out->len, limit = out->limit;
	int err;

	msgpack_packer_init(&call.pk, out, buffer_write);
	out->limit = limit - ANSWER_SLACK;
	if (start > out->limit)
		out->limit = start;
	err = answer_value(&call, item);
	if (err) {
		buffer_truncate(out, start);
		pack_failure(&call, -err);
	}
	if (out->failed) {
		/* The log did not fit beside the other answers: leave it out. */
		buffer_truncate(out, start);
		out->limit = limit;
		call.failure.has_log = false;
		pack_failure(&call, -err);
	}
	out->limit = limit;
	log_stop();
}

bool serve_request(const msgpack_object *request, struct buffer *out)
{
	const msgpack_object_array *pair = &request->via.array;
	const msgpack_object_array *calls;
	msgpack_packer pk;

	if (request->type != MSGPACK_OBJECT_ARRAY || pair->size != 2 ||
	    pair->ptr[0].type != MSGPACK_OBJECT_POSITIVE_INTEGER || pair->ptr[0].via.u64 > UINT32_MAX ||
	    pair->ptr[1].type != MSGPACK_OBJECT_ARRAY)
		return false;
	calls = &pair->ptr[1].via.array;
	process_tend();
	msgpack_packer_init(&pk, out, buffer_write);
	msgpack_pack_array(&pk, 2);
	msgpack_pack_uint64(&pk, pair->ptr[0].via.u64);
	msgpack_pack_array(&pk, calls->size);
	for (uint32_t i = 0; i < calls->size; i++)
		answer_call(&calls->ptr[i], out);
	return !out->failed;
}
