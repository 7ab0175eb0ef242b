/* SPDX-License-Identifier: BSD-2-Clause */
/* A command that runs, and what it says. */
#ifndef AGENT_COMMAND_H
#define AGENT_COMMAND_H

#include <stdbool.h>
#include <stdint.h>

#include "buffer.h"
#include "wire.h"

struct output {
	int fd;			/* read end of its pipe; -1 where it is closed */
	struct buffer text;	/* what nobody has asked for yet */
};

struct command {
	struct output streams[2];	/* standard output, standard error */
	uint64_t said;			/* bytes of both, ever */
	uint32_t limit;			/* of those */
	bool flooded;			/* it said more, and was killed */
};

/* NULL without memory. */
struct command *command_new(uint32_t limit);

/* Make the pipe of one stream; *theirs is the command's end. 0, or the value of fail(). */
int output_open(struct call *call, struct output *output, int *theirs);

/* Take what it has said by now; whether that is more than it may say, which is told once. */
bool command_drain(struct command *command);

/* Listen no more: what it says from now on finds no reader. */
void command_close(struct command *command);

void command_free(struct command *command);

#endif
