// SPDX-License-Identifier: BSD-2-Clause
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "command.h"
#include "deadline.h"
#include "init.h"
#include "worker.h"

/* The descriptor that a child says its failure through is out of the way of those a test looks at. */
#define READY_FD 900
/* An execve may wait for what is slow, or for ever; so may entering a cgroup. */
#define LAUNCH_MS 10000
/* How long a killed process may take to end before nobody waits for it any more. */
#define END_MS 2000

static struct process *processes;
static bool launched;	/* there may be children, and children of theirs */

struct failure {
	int err;
	enum stage stage;
};

/* Statuses of children that the host knows are kept for it. The others are orphans that PID 1 is given, or
 * children that were given up.
 */
void process_reap(void)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG | __WALL)) > 0) {
		for (struct process *each = processes; each; each = each->next) {
			if (each->pid != pid || each->ended)
				continue;
			each->ended = true;
			each->status = status;
		}
	}
}

int process_signal(const struct process *process, int signal)
{
	return kill(-process->pid, signal) ? errno : 0;
}

/* A command that says too much is killed, and then only: a pipe without a reader would end it otherwise. */
static void drain(const struct process *process)
{
	if (!process->command || !command_drain(process->command))
		return;
	process_signal(process, SIGKILL);
	command_close(process->command);
}

void process_tend(void)
{
	if (!launched)
		return;
	process_reap();
	for (struct process *each = processes; each; each = each->next)
		drain(each);
}

bool process_wait_end(struct process *process, uint32_t timeout_ms)
{
	uint64_t deadline = deadline_in(timeout_ms);

	for (;;) {
		const struct command *command = process->command;
		struct pollfd fds[3] = {
			{ .fd = process->pidfd, .events = POLLIN },
			{ .fd = command ? command->streams[0].fd : -1, .events = POLLIN },
			{ .fd = command ? command->streams[1].fd : -1, .events = POLLIN },
		};
		uint64_t now;

		process_reap();
		/* After its end: what it said last is in the pipe by then. */
		drain(process);
		now = clock_ms();
		if (process->ended || now >= deadline)
			return process->ended;
		poll(fds, 3, (int)(deadline - now));
	}
}

/* Descriptors 0 to 2 are those of the launch, `ready` stays open, all others are the agent's own. */
static int arrange_descriptors(const struct launch *launch, int *ready)
{
	int moved = fcntl(*ready, F_DUPFD_CLOEXEC, READY_FD);

	if (moved < 0)
		return errno;
	*ready = moved;
	for (int i = 0; i < 3; i++) {
		int from = launch->stdio[i];

		if (from < 0)
			from = open("/dev/null", O_RDWR | O_CLOEXEC);
		if (from < 0)
			return errno;
		/* None of the sources is below 3: the agent's own 0 to 2 are always open. */
		if (dup2(from, i) < 0)
			return errno;
	}
	if (syscall(SYS_close_range, 3, moved - 1, 0) || syscall(SYS_close_range, moved + 1, ~0U, 0))
		return errno;
	return 0;
}

static int become(const struct launch *launch, int *ready, enum stage *stage)
{
	/* The kernel's struct sigaction: SIG_DFL, no flags, no restorer, no mask. */
	static const uint64_t by_default[4] = {};
	sigset_t none;
	int err;

	*stage = STAGE_SESSION;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* By the system call: libc keeps its own two signals to itself, and they may have come ignored. */
	for (int number = 1; number < NSIG; number++)
		syscall(SYS_rt_sigaction, number, by_default, NULL, sizeof(uint64_t));
	/* An emulator translates code anew for every address it is run at, and drags what it has translated along:
	 * commands at random addresses take twice as long, and longer with each one. Not everybody is let.
	 */
	personality(ADDR_NO_RANDOMIZE);
	if (setsid() < 0)
		return errno;
	*stage = STAGE_DESCRIPTORS;
	err = arrange_descriptors(launch, ready);
	if (err)
		return err;
	init_lower_limits(); /* once the agent's own, which may be more, are closed */
	err = identity_assume(launch->identity, stage);
	if (err)
		return err;
	/* A change of user forgets it, so it comes after: an agent that is gone leaves nothing behind. */
	*stage = STAGE_SESSION;
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0))
		return errno;
	*stage = STAGE_CWD;
	return launch->cwd && chdir(launch->cwd) ? errno : 0;
}

static void __attribute__((noreturn)) child_main(const struct launch *launch, int ready)
{
	struct failure failure = {};

	for (const struct process *other = processes; other; other = other->next) {
		if (other->worker)
			worker_forget(other->worker);
	}
	failure.err = become(launch, &ready, &failure.stage);
	if (!failure.err)
		failure.err = launch->body(launch->context, ready, &failure.stage);
	if (write(ready, &failure, sizeof(failure)) != sizeof(failure))
		_exit(126);
	_exit(127);
}

static int say_failure(struct call *call, const struct launch *launch, const struct failure *failure)
{
	static const char *const names[] = {
		[STAGE_NONE] = "process",	[STAGE_SESSION] = "session",
		[STAGE_DESCRIPTORS] = "descriptors",	[STAGE_CGROUP] = "cgroup",
		[STAGE_NETNS] = "netns",	[STAGE_CAPS] = "caps",
		[STAGE_GROUPS] = "groups",	[STAGE_GID] = "gid",
		[STAGE_UID] = "uid",		[STAGE_CWD] = "cwd",
		[STAGE_EXEC] = "argv",
	};
	const char *value = "the kernel refuses it";

	if (failure->stage == STAGE_CGROUP)
		value = launch->identity->cgroup;
	else if (failure->stage == STAGE_NETNS)
		value = launch->identity->netns;
	else if (failure->stage == STAGE_CWD)
		value = launch->cwd;
	else if (failure->stage == STAGE_EXEC)
		value = launch->exec;
	return fail(call, failure->err, "%s: %s", names[failure->stage], value);
}

/* What the child says before its end of the pipe is closed: nothing where all went well. */
static int hear_failure(int ready, struct failure *failure)
{
	struct pollfd state = { .fd = ready, .events = POLLIN };
	uint64_t deadline = deadline_in(LAUNCH_MS);

	for (;;) {
		uint64_t now = clock_ms();
		ssize_t got;

		if (now >= deadline)
			return ETIMEDOUT;
		if (poll(&state, 1, (int)(deadline - now)) <= 0)
			continue;
		got = read(ready, failure, sizeof(*failure));
		if (got < 0 && errno != EINTR)
			return errno;
		if (got == 0)
			return 0;
		if (got == sizeof(*failure))
			return failure->err;
	}
}

static int adopt(struct call *call, pid_t pid, struct process **made)
{
	struct process *process = calloc(1, sizeof(*process));

	if (!process)
		return fail(call, ENOMEM, "no memory for a process");
	process->pid = pid;
	process->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (process->pidfd < 0) {
		int err = errno;

		free(process);
		return fail(call, err, "pidfd_open");
	}
	process->next = processes;
	processes = process;
	*made = process;
	return 0;
}

static int wait_ready(struct call *call, const struct launch *launch, int ready, struct process *process)
{
	struct failure failure = {};
	int err = hear_failure(ready, &failure);

	if (!err)
		return 0;
	process_end(process);
	if (failure.err)
		return say_failure(call, launch, &failure);
	return fail(call, err, "the process was not ready within %d ms", LAUNCH_MS);
}

int process_launch(struct call *call, const struct launch *launch, struct process **made)
{
	int ready[2], err;
	pid_t pid;

	if (pipe2(ready, O_CLOEXEC))
		return fail(call, errno, "pipe");
	launched = true;
	pid = fork();
	if (pid == 0)
		child_main(launch, ready[1]);
	err = pid < 0 ? errno : 0;
	close(ready[1]);
	if (err) {
		err = fail(call, err, "fork");
	} else {
		err = adopt(call, pid, made);
		if (err)
			kill(pid, SIGKILL);
		else
			err = wait_ready(call, launch, ready[0], *made);
	}
	close(ready[0]);
	return err;
}

static void end_handle(struct handle *handle)
{
	process_end(handle->state);
}

int process_answer(struct call *call, struct process *process)
{
	const struct handle handle = {
		.kind = HANDLE_PROCESS,
		.owner = NO_OWNER,
		.fd = process->pidfd,
		.owns_fd = false,
		.state = process,
		.end = end_handle,
	};
	uint32_t number;
	int err = handle_add(call, &handle, &number);

	if (err) {
		process_end(process);
		return err;
	}
	msgpack_pack_map(&call->pk, 2);
	pack_key_u64(&call->pk, "process", number);
	pack_key_u64(&call->pk, "pid", (uint64_t)process->pid);
	return 0;
}

int arg_process(struct call *call, struct handle **handle, struct process **process)
{
	int err = arg_handle(call, "process", HANDLE_PROCESS, handle);

	if (!err)
		*process = (*handle)->state;
	return err;
}

/* One that does not end although it was killed (it waits inside the kernel) is reaped whenever it does.
 * In a machine, what a command that ended has left behind is let be: it may be a daemon which has not come to
 * setsid() yet. Nobody else ends it on a host.
 */
void process_end(struct process *process)
{
	struct process **link = &processes;

	if (!process->ended || getpid() != 1)
		process_signal(process, SIGKILL);
	process_wait_end(process, END_MS);
	while (*link != process)
		link = &(*link)->next;
	*link = process->next;
	worker_free(process->worker);
	command_free(process->command);
	close(process->pidfd);
	free(process);
}
