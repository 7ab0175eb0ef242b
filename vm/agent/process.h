/* SPDX-License-Identifier: BSD-2-Clause */
/* Children of the agent: how they begin, and how their end is learnt of. */
#ifndef AGENT_PROCESS_H
#define AGENT_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "handles.h"
#include "identity.h"
#include "wire.h"

/* One child that the host has a handle of. */
struct process {
	struct process *next;
	pid_t pid;		/* also the number of its session and process group */
	int pidfd;
	bool ended;
	int status;		/* once it has ended, as wait(2) gives it */
	struct worker *worker;		/* a worker; else NULL */
	struct command *command;	/* a command; else NULL */
};

/* What a child is to be. */
struct launch {
	const struct identity *identity;
	const char *cwd;	/* NULL: the agent's */
	const char *exec;	/* what `body` executes, for saying so; NULL where it executes nothing */
	int stdio[3];		/* become its descriptors 0, 1, 2; -1: /dev/null */
	/* Runs in the child, at the end; comes back with an errno and its step, or not at all. `ready` is
	 * closed by an execve, or by the body, when nothing can go wrong any more.
	 */
	int (*body)(void *context, int ready, enum stage *stage);
	void *context;
};

/* Fork, and wait until the child is ready: 0, or the value of fail(). The process has no handle yet. */
int process_launch(struct call *call, const struct launch *launch, struct process **made);

/* Give it a handle, and answer with that: 0, or the value of fail(), and then it is ended. */
int process_answer(struct call *call, struct process *process);

/* The process that argument `process` numbers. */
int arg_process(struct call *call, struct handle **handle, struct process **process);

/* Learn of every child that has ended, those that nobody asks for included. */
void process_reap(void);

/* What there is to do between calls: learn of ends, take what commands have said. */
void process_tend(void);

/* Send a signal to its process group: 0 or an errno. */
int process_signal(const struct process *process, int signal);

/* Wait until it has ended, at most `timeout_ms`, and take what a command says in the meantime; whether it has. */
bool process_wait_end(struct process *process, uint32_t timeout_ms);

/* Kill it and all its group, and forget it. */
void process_end(struct process *process);

#endif
