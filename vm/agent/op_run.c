// SPDX-License-Identifier: BSD-2-Clause
/* run: BPF_PROG_TEST_RUN over a list of inputs. */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dispatcher.h"
#include "handles.h"
#include "ops.h"
#include "redirect.h"

/* Room beside the input that the default output buffer has: what a program may push in front or behind. */
#define ROOM_SPARE 512u
#define ROOM_MAX (1u << 24)
#define ROOM_UNSET UINT32_MAX

struct run {
	struct handle *prog;
	const msgpack_object_array *data;
	const msgpack_object_array *ctx;	/* NULL: no contexts */
	uint32_t repeat, flags, cpu, batch_size;
	uint32_t data_room, ctx_room;
	char *data_out;				/* buffers for the largest input, used again for each */
	char *ctx_out;
	bool redirects;				/* tell where packets were sent */
	struct redirect redirect;
};

static uint32_t longest(const msgpack_object_array *list)
{
	uint32_t max = 0;

	for (uint32_t i = 0; list && i < list->size; i++) {
		if (list->ptr[i].type == MSGPACK_OBJECT_BIN && list->ptr[i].via.bin.size > max)
			max = list->ptr[i].via.bin.size;
	}
	return max;
}

static int read_args(struct call *call, struct run *run)
{
	int err = arg_handle(call, "prog", HANDLE_PROG, &run->prog) ?: arg_list(call, "data", &run->data) ?:
		  arg_list_opt(call, "ctx", &run->ctx) ?: arg_u32_opt(call, "repeat", &run->repeat) ?:
		  arg_u32_opt(call, "flags", &run->flags) ?: arg_u32_opt(call, "cpu", &run->cpu) ?:
		  arg_u32_opt(call, "batch_size", &run->batch_size) ?:
		  arg_u32_opt(call, "data_room", &run->data_room) ?:
		  arg_u32_opt(call, "ctx_room", &run->ctx_room) ?:
		  arg_bool_opt(call, "redirect", &run->redirects);

	if (err)
		return err;
	if (run->ctx && run->ctx->size != run->data->size)
		return fail(call, EINVAL, "ctx: %u elements for %u of data", run->ctx->size, run->data->size);
	if (run->data_room != ROOM_UNSET && run->data_room > ROOM_MAX)
		return fail(call, EINVAL, "data_room: more than %u (%u)", ROOM_MAX, run->data_room);
	if (run->ctx_room != ROOM_UNSET && run->ctx_room > ROOM_MAX)
		return fail(call, EINVAL, "ctx_room: more than %u (%u)", ROOM_MAX, run->ctx_room);
	return 0;
}

static int make_buffers(struct call *call, struct run *run)
{
	uint32_t data = run->data_room, ctx = longest(run->ctx);

	if (data == ROOM_UNSET)
		data = longest(run->data) + ROOM_SPARE;
	/* A syscall program's context is changed in place, whatever room was asked for. */
	if (run->ctx_room != ROOM_UNSET && run->ctx_room > ctx)
		ctx = run->ctx_room;
	/* Zeros, for types that take a buffer and write nothing to it (tracing). */
	run->data_out = calloc(1, data ? data : 1);
	run->ctx_out = calloc(1, ctx ? ctx : 1);
	if (!run->data_out || !run->ctx_out)
		return fail(call, ENOMEM, "no memory for the outputs");
	return 0;
}

static void pack_out(msgpack_packer *pk, const void *data, uint32_t size, uint32_t room)
{
	if (data)
		pack_bin(pk, data, size < room ? size : room);
	else
		msgpack_pack_nil(pk);
}

/* [errno, retval, data_out, data_size_out, ctx_out, duration_ns], and the redirect if it was asked for. */
static void pack_result(struct call *call, const struct run *run, int err, const struct bpf_test_run_opts *opts,
			uint32_t data_room, uint32_t ctx_room)
{
	msgpack_packer *pk = &call->pk;
	/* ENOSPC: the output did not fit, all else holds. */
	bool holds = !err || err == ENOSPC;

	msgpack_pack_array(pk, run->redirects ? 7 : 6);
	msgpack_pack_int(pk, err);
	msgpack_pack_uint32(pk, holds ? opts->retval : 0);
	pack_out(pk, holds ? opts->data_out : NULL, opts->data_size_out, data_room);
	msgpack_pack_uint32(pk, holds ? opts->data_size_out : 0);
	pack_out(pk, err ? NULL : opts->ctx_out, opts->ctx_size_out, ctx_room);
	msgpack_pack_uint32(pk, holds ? opts->duration : 0);
	if (run->redirects)
		redirect_pack(call, &run->redirect);
}

static void run_one(struct call *call, const struct run *run, const struct bin *data, const struct bin *ctx)
{
	bool in_place = run->prog->prog_type == BPF_PROG_TYPE_SYSCALL;
	uint32_t data_room = run->data_room, ctx_room = run->ctx_room;
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = data->data, .data_size_in = (uint32_t)data->len,
		    .ctx_in = ctx->data, .ctx_size_in = (uint32_t)ctx->len, .repeat = (int)run->repeat,
		    .flags = run->flags, .cpu = run->cpu, .batch_size = run->batch_size);
	int err;

	if (data_room == ROOM_UNSET)
		data_room = data->data ? (uint32_t)data->len + ROOM_SPARE : 0;
	if (ctx_room == ROOM_UNSET)
		ctx_room = (uint32_t)ctx->len;
	/* A size of 0 with a buffer means "of any size" to the kernel, which then writes past its end. */
	if (data_room) {
		opts.data_out = run->data_out;
		opts.data_size_out = data_room;
	}
	if (ctx_room && !in_place) {
		opts.ctx_out = run->ctx_out;
		opts.ctx_size_out = ctx_room;
	}
	if (in_place && ctx->data) {
		memcpy(run->ctx_out, ctx->data, ctx->len);
		opts.ctx_in = run->ctx_out;
	}
	err = -bpf_prog_test_run_opts(run->prog->fd, &opts);
	if (in_place && ctx->data) {
		opts.ctx_out = run->ctx_out;
		opts.ctx_size_out = (uint32_t)ctx->len;
		ctx_room = (uint32_t)ctx->len;
	}
	pack_result(call, run, err, &opts, data_room, ctx_room);
}

/* The input at `index`; nil elements and a missing ctx give no data. */
static int read_input(struct call *call, const struct run *run, uint32_t index, struct bin *data, struct bin *ctx)
{
	int err = list_bin(call, "data", run->data, index, true, data);

	*ctx = (struct bin){};
	if (!err && run->ctx)
		err = list_bin(call, "ctx", run->ctx, index, true, ctx);
	return err;
}

static int run_all(struct call *call, struct run *run)
{
	struct bin data, ctx;

	/* Nothing runs unless all inputs are well-formed: a run changes maps. */
	for (uint32_t i = 0; i < run->data->size; i++) {
		int err = read_input(call, run, i, &data, &ctx);

		if (err)
			return err;
	}
	if (run->redirects) {
		int err = redirect_watch(call, run->prog, &run->redirect);

		if (err)
			return err;
	}
	if (run->prog->prog_type == BPF_PROG_TYPE_XDP)
		dispatcher_expect(run->prog->fd, run->data->size);
	msgpack_pack_array(&call->pk, run->data->size);
	for (uint32_t i = 0; i < run->data->size; i++) {
		read_input(call, run, i, &data, &ctx);
		run_one(call, run, &data, &ctx);
	}
	return 0;
}

int op_run(struct call *call)
{
	struct run run = { .data_room = ROOM_UNSET, .ctx_room = ROOM_UNSET, .redirect = { -1, -1, -1 } };
	int err;

	err = read_args(call, &run) ?: make_buffers(call, &run) ?: run_all(call, &run);
	redirect_end(&run.redirect);
	free(run.data_out);
	free(run.ctx_out);
	return err;
}
