// SPDX-License-Identifier: BSD-2-Clause
/* spawn, sys, give, kill: processes that do what the host tells them. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ops.h"
#include "process.h"
#include "source.h"
#include "worker.h"

#define SYS_TIMEOUT_MS 10000u
/* An ending worker is noticed after so long. */
#define SLICE_MS 5u
#define GONE_MS 1000u
/* From the close of its descriptors to its end. */
#define LEAVE_MS 100u
#define WHERE_MAX 64

int op_spawn(struct call *call)
{
	struct identity identity;
	struct worker_start start = { .comm = "test" };
	struct launch launch = {
		.identity = &identity,
		.stdio = { -1, -1, -1 },
		.body = worker_body,
		.context = &start,
	};
	struct process *process;
	struct worker *worker;
	uint32_t number;
	int err = arg_str_opt(call, "name", start.comm, sizeof(start.comm)) ?: arg_identity(call, &identity);

	if (err)
		return err;
	worker = worker_new(&launch.stdio[0]);
	if (!worker)
		return fail(call, errno, "no room for a worker");
	start.arena = worker->arena;
	err = process_launch(call, &launch, &process);
	close(launch.stdio[0]);
	if (err) {
		worker_free(worker);
		return err;
	}
	process->worker = worker;
	err = worker_keep(worker);
	if (err) {
		process_end(process);
		return fail(call, err, "no room for a worker");
	}
	err = process_handle(call, process, &number);
	if (err)
		return err;
	msgpack_pack_map(&call->pk, 2);
	pack_key_u64(&call->pk, "process", number);
	pack_key_u64(&call->pk, "pid", (uint64_t)process->pid);
	return 0;
}

static int arg_worker(struct call *call, struct process **process)
{
	struct handle *handle;
	int err = arg_process(call, &handle, process);

	if (!err && !(*process)->worker)
		return fail(call, EINVAL, "process: a command, which takes no calls");
	return err;
}

static int say_gone(struct call *call, struct process *process)
{
	int status = process->status;

	if (!process->ended)
		return fail(call, ESRCH, "process: %d no longer takes calls", process->pid);
	if (WIFSIGNALED(status))
		return fail(call, ESRCH, "process: %d was ended by signal %d", process->pid, WTERMSIG(status));
	return fail(call, ESRCH, "process: %d has ended with status %d", process->pid, WEXITSTATUS(status));
}

/* It is killed; the handle stays, for `wait` to tell of its end. */
static int say_late(struct call *call, struct process *process, uint32_t timeout_ms)
{
	uint32_t done = __atomic_load_n(&process->worker->arena->done, __ATOMIC_RELAXED);

	process_signal(process, SIGKILL);
	process_wait_end(process, GONE_MS);
	call->failure.index = done;
	return fail(call, ETIMEDOUT, "calls[%u]: not over within %u ms; the process was killed", done, timeout_ms);
}

/* It closed its end of the socket: it ends, or runs another program, as execve(2) has it. */
static bool has_left(struct process *process)
{
	struct pollfd state = { .fd = process->worker->socket };

	if (poll(&state, 1, 0) <= 0 || !(state.revents & POLLHUP))
		return false;
	process_wait_end(process, LEAVE_MS);
	return true;
}

/* Hand the arena over, and wait for it to come back. */
static int take_turns(struct call *call, struct process *process, enum task task, uint32_t timeout_ms)
{
	struct arena *arena = process->worker->arena;
	uint64_t deadline = clock_ms() + timeout_ms;

	if (process->ended || turn_now(arena) != TURN_AGENT)
		return say_gone(call, process);
	arena->task = task;
	turn_give(arena, TURN_WORKER);
	for (;;) {
		uint64_t now;

		turn_wait(arena, TURN_WORKER, SLICE_MS);
		if (turn_now(arena) == TURN_AGENT)
			return 0;
		process_reap();
		if (process->ended || has_left(process))
			return say_gone(call, process);
		now = clock_ms();
		if (now >= deadline)
			return say_late(call, process, timeout_ms);
	}
}

/* Where the next bytes go in the arena. */
struct layout {
	struct arena *arena;
	size_t used;
};

/* Room for `len` bytes; NULL where there is none. */
static char *place(struct layout *layout, size_t len)
{
	size_t at = (layout->used + ARENA_ALIGN - 1) / ARENA_ALIGN * ARENA_ALIGN;

	if (at > ARENA_SIZE || len > ARENA_SIZE - at)
		return NULL;
	layout->used = at + len;
	return (char *)layout->arena + at;
}

static int no_room(struct call *call, const char *where)
{
	return fail(call, E2BIG, "%s: the calls need more than %zu bytes", where, ARENA_SIZE);
}

/* What an argument is: a pointer to bytes that go in, come out, or both; or a number. */
struct shape {
	const void *data;	/* NULL: zeros */
	size_t len;
	bool pointer;
	bool out;
	bool cut;		/* what comes out is as long as the call's result says */
};

static int read_out_shape(struct call *call, const msgpack_object_array *list, const char *where,
			  struct shape *shape)
{
	struct bin data;
	uint32_t size;
	int err = 0;

	shape->out = true;
	if (list->size < 1 || list->size > 2)
		return fail(call, EINVAL, "%s: not a list of one or two", where);
	if (list->size == 2)
		err = value_bool(call, &list->ptr[1], where, &shape->cut);
	if (err)
		return err;
	if (list->ptr[0].type == MSGPACK_OBJECT_BIN) {
		err = value_bin(call, &list->ptr[0], where, &data);
		shape->data = data.data;
		shape->len = data.len;
	} else {
		err = value_u32(call, &list->ptr[0], where, &size);
		shape->len = size;
	}
	return err;
}

static int read_shape(struct call *call, arg_t arg, const char *where, struct shape *shape)
{
	struct bin data;
	int err;

	*shape = (struct shape){};
	if (arg->type == MSGPACK_OBJECT_BIN) {
		err = value_bin(call, arg, where, &data);
		*shape = (struct shape){ .data = data.data, .len = data.len, .pointer = true };
		return err;
	}
	if (arg->type == MSGPACK_OBJECT_ARRAY) {
		shape->pointer = true;
		return read_out_shape(call, &arg->via.array, where, shape);
	}
	return 0;
}

/* An argument that is not in memory: a number, nil, or the result of a call before this one. */
static int lay_number(struct call *call, arg_t arg, const char *where, uint32_t index, struct slot *slot,
		      unsigned int number)
{
	uint32_t earlier;
	arg_t ret;
	int err;

	switch (arg->type) {
	case MSGPACK_OBJECT_NIL:
		slot->args[number] = 0;
		return 0;
	case MSGPACK_OBJECT_POSITIVE_INTEGER:
		slot->args[number] = arg->via.u64;
		return 0;
	case MSGPACK_OBJECT_NEGATIVE_INTEGER:
		slot->args[number] = (uint64_t)arg->via.i64;
		return 0;
	case MSGPACK_OBJECT_MAP:
		break;
	default:
		return fail(call, EINVAL, "%s: not an integer, bin, list, nil or map", where);
	}
	ret = map_find(&arg->via.map, "ret");
	if (!ret)
		return fail(call, EINVAL, "%s.ret: missing", where);
	err = value_u32(call, ret, where, &earlier);
	if (err)
		return err;
	if (earlier >= index)
		return fail(call, EINVAL, "%s.ret: not a call before this one (%u)", where, earlier);
	slot->args[number] = earlier;
	slot->refs |= 1u << number;
	return 0;
}

static int lay_argument(struct call *call, struct layout *layout, arg_t arg, uint32_t index, unsigned int number)
{
	struct slot *slot = &layout->arena->slots[index];
	struct shape shape;
	char where[WHERE_MAX], *at;
	int err;

	snprintf(where, sizeof(where), "calls[%u][1][%u]", index, number);
	err = read_shape(call, arg, where, &shape);
	if (err)
		return err;
	if (!shape.pointer)
		return lay_number(call, arg, where, index, slot, number);
	at = place(layout, shape.len);
	if (!at)
		return no_room(call, where);
	if (shape.data)
		memcpy(at, shape.data, shape.len);
	else
		memset(at, 0, shape.len);
	slot->args[number] = (uintptr_t)at;
	return 0;
}

static int lay_call(struct call *call, struct layout *layout, arg_t item, uint32_t index)
{
	struct slot *slot = &layout->arena->slots[index];
	const msgpack_object_array *pair = &item->via.array, *args;
	char where[WHERE_MAX];
	uint32_t number;
	int err;

	snprintf(where, sizeof(where), "calls[%u]", index);
	if (item->type != MSGPACK_OBJECT_ARRAY || pair->size != 2)
		return fail(call, EINVAL, "%s: not a list of number and arguments", where);
	err = value_u32(call, &pair->ptr[0], where, &number) ?: value_list(call, &pair->ptr[1], where, &args);
	if (err)
		return err;
	if (args->size > SLOT_ARGS)
		return fail(call, EINVAL, "%s: more than %u arguments (%u)", where, SLOT_ARGS, args->size);
	*slot = (struct slot){ .number = number };
	for (uint32_t i = 0; i < args->size && !err; i++)
		err = lay_argument(call, layout, &args->ptr[i], index, i);
	return err;
}

/* The same walk again, now that the bytes are those that the calls left. */
static void pack_call(struct call *call, struct layout *layout, arg_t item, uint32_t index)
{
	const msgpack_object_array *args = &item->via.array.ptr[1].via.array;
	int64_t ret = layout->arena->slots[index].ret;
	struct shape shape;
	uint32_t outs = 0;

	for (uint32_t i = 0; i < args->size; i++)
		outs += args->ptr[i].type == MSGPACK_OBJECT_ARRAY;
	msgpack_pack_array(&call->pk, 2);
	msgpack_pack_int64(&call->pk, ret);
	msgpack_pack_array(&call->pk, outs);
	for (uint32_t i = 0; i < args->size; i++) {
		const char *at;
		size_t len;

		read_shape(call, &args->ptr[i], "", &shape);
		if (!shape.pointer)
			continue;
		at = place(layout, shape.len);
		len = shape.len;
		if (shape.cut && ret < (int64_t)len)
			len = ret > 0 ? (size_t)ret : 0;
		if (shape.out)
			pack_bin(&call->pk, at, len);
	}
}

static int lay_calls(struct call *call, struct arena *arena, const msgpack_object_array *list, size_t slots)
{
	struct layout layout = { arena, slots };
	int err = 0;

	if (slots > ARENA_SIZE)
		return no_room(call, "calls");
	arena->count = list->size;
	arena->done = 0;
	for (uint32_t i = 0; i < list->size && !err; i++)
		err = lay_call(call, &layout, &list->ptr[i], i);
	return err;
}

int op_sys(struct call *call)
{
	uint32_t timeout_ms = SYS_TIMEOUT_MS;
	const msgpack_object_array *list;
	struct process *process;
	struct layout layout;
	int err = arg_worker(call, &process) ?: arg_list(call, "calls", &list) ?:
		  arg_u32_opt(call, "timeout_ms", &timeout_ms);

	if (err)
		return err;
	process_reap();
	layout.arena = process->worker->arena;
	layout.used = sizeof(struct arena) + list->size * sizeof(struct slot);
	err = lay_calls(call, layout.arena, list, layout.used) ?:
	      take_turns(call, process, TASK_CALLS, timeout_ms);
	if (err)
		return err;
	msgpack_pack_array(&call->pk, list->size);
	for (uint32_t i = 0; i < list->size; i++)
		pack_call(call, &layout, &list->ptr[i], i);
	return 0;
}

static int send_descriptor(int socket, int fd)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {};
	char byte = 0;
	struct iovec data = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr message = {
		.msg_iov = &data,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *head = CMSG_FIRSTHDR(&message);

	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(head), &fd, sizeof(fd));
	return sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? errno : 0;
}

int op_give(struct call *call)
{
	struct process *process;
	int64_t ret;
	bool owned;
	arg_t of;
	int fd, err = arg_worker(call, &process);

	if (err)
		return err;
	of = arg_find(call, "of");
	if (!of)
		return fail(call, EINVAL, "of: missing");
	err = fd_source(call, of, "of", &fd, &owned);
	if (err)
		return err;
	process_reap();
	err = send_descriptor(process->worker->socket, fd);
	if (owned)
		close(fd);
	if (err)
		return fail(call, err, "process: %d takes no descriptor", process->pid);
	err = take_turns(call, process, TASK_RECEIVE, SYS_TIMEOUT_MS);
	if (err)
		return err;
	ret = process->worker->arena->slots[0].ret;
	if (ret < 0)
		return fail(call, ret >= -4095 ? (int)-ret : EIO, "process: %d took no descriptor", process->pid);
	msgpack_pack_map(&call->pk, 1);
	pack_key_u64(&call->pk, "fd", (uint64_t)ret);
	return 0;
}

int op_kill(struct call *call)
{
	uint32_t signal = SIGKILL;
	struct process *process;
	struct handle *handle;
	int err = arg_process(call, &handle, &process) ?: arg_u32_opt(call, "signal", &signal);

	if (err)
		return err;
	if (signal > 64)
		return fail(call, EINVAL, "signal: more than 64 (%u)", signal);
	if (process->worker && signal == SIGKILL) {
		handle_drop(handle->number);
		return answer_nil(call);
	}
	err = process_signal(process, (int)signal);
	if (err)
		return fail(call, err, "process: %d", process->pid);
	return answer_nil(call);
}
