// SPDX-License-Identifier: BSD-2-Clause
/* spawn, wait, kill: how processes begin and end. */
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "command.h"
#include "deadline.h"
#include "ops.h"
#include "process.h"
#include "worker.h"

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
	return process_answer(call, process);
}

static void pack_text_taken(struct call *call, const char *key, struct process *process, int stream)
{
	struct buffer *text = process->command ? &process->command->streams[stream].text : NULL;

	pack_str(&call->pk, key);
	pack_bin(&call->pk, text && text->len ? text->data : "", text ? text->len : 0);
	if (text)
		buffer_reset(text, 0);
}

static void pack_end(struct call *call, struct process *process)
{
	int status = process->ended ? process->status : 0;

	msgpack_pack_map(&call->pk, 6);
	pack_str(&call->pk, "running");
	pack_bool(&call->pk, !process->ended);
	pack_key_u64(&call->pk, "status", WIFEXITED(status) ? (uint64_t)WEXITSTATUS(status) : 0);
	pack_key_u64(&call->pk, "signal", WIFSIGNALED(status) ? (uint64_t)WTERMSIG(status) : 0);
	pack_text_taken(call, "stdout", process, 0);
	pack_text_taken(call, "stderr", process, 1);
	pack_str(&call->pk, "flooded");
	pack_bool(&call->pk, process->command && process->command->flooded);
}

int op_wait(struct call *call)
{
	uint32_t timeout_ms = 0;
	struct process *process;
	struct handle *handle;
	int err = arg_process(call, &handle, &process) ?: arg_u31_opt(call, "timeout_ms", &timeout_ms);

	if (err)
		return err;
	process_wait_end(process, timeout_ms);
	pack_end(call, process);
	if (process->ended)
		handle_drop(handle->number);
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
