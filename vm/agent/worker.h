/* SPDX-License-Identifier: BSD-2-Clause */
/* A child that carries out system calls for the host. Agent and worker share an arena, mapped at the same
 * address in both: the agent lays calls and the bytes they point to out in it, the worker carries them out in
 * place. Whose turn it is is a word there that both wait for with futex(2), so that the worker makes no other
 * system calls that a test might see. Nothing that the worker writes there is trusted.
 */
#ifndef AGENT_WORKER_H
#define AGENT_WORKER_H

#include <stddef.h>
#include <stdint.h>

#include "identity.h"

#define ARENA_SIZE ((size_t)16 << 20)
#define ARENA_ALIGN 16u
#define SLOT_ARGS 6u
#define COMM_ROOM 16u

enum turn {
	TURN_AGENT,
	TURN_WORKER,
};

enum task {
	TASK_CALLS,
	TASK_RECEIVE,		/* a descriptor, over the socket */
};

/* One system call. */
struct slot {
	uint64_t number;
	uint64_t args[SLOT_ARGS];
	int64_t ret;
	uint64_t refs;		/* bit i: argument i is the result of the call that args[i] numbers */
};

struct arena {
	uint32_t turn;
	uint32_t task;
	uint32_t count;		/* of calls */
	uint32_t done;		/* so many of them are over */
	struct slot slots[];
};

struct worker {
	struct arena *arena;
	int socket;		/* descriptors are given through it */
};

/* Make the agent's side of the first worker now, not when it is wanted. It has no process yet. */
void worker_prepare(void);

/* Make the agent's side; NULL with errno. *theirs is the worker's end of the socket. */
struct worker *worker_new(int *theirs);

/* In a child that is not its process: do without its arena. */
void worker_forget(const struct worker *worker);

void worker_free(struct worker *worker);

/* What the child of a launch runs: the context is a struct worker_start. */
struct worker_start {
	struct arena *arena;
	char comm[COMM_ROOM];
};
int worker_body(void *context, int ready, enum stage *stage);

/* Sleep while it is the turn of `turn`, at most so long. */
void turn_wait(const struct arena *arena, enum turn turn, uint32_t timeout_ms);
void turn_give(struct arena *arena, enum turn turn);
enum turn turn_now(const struct arena *arena);

#endif
