// SPDX-License-Identifier: BSD-2-Clause
/* sys, give: what a worker is told to do. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "deadline.h"
#include "layout.h"
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
	uint64_t deadline = deadline_in(timeout_ms);

	process_reap();
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

int op_sys(struct call *call)
{
	uint32_t timeout_ms = SYS_TIMEOUT_MS;
	const msgpack_object_array *list;
	struct process *process;
	int err = arg_worker(call, &process) ?: arg_list(call, "calls", &list) ?:
		  arg_u31_opt(call, "timeout_ms", &timeout_ms);

	if (err)
		return err;
	err = layout_calls(call, process->worker->arena, list) ?:
	      take_turns(call, process, TASK_CALLS, timeout_ms);
	if (err)
		return err;
	layout_pack(call, process->worker->arena, list);
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
