// SPDX-License-Identifier: BSD-2-Clause
#include "command.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

/* A command that is not waited for can say so much before it blocks: pipe-max-size is 1 MiB by default. */
#define PIPE_SIZE (1 << 20)
#define DRAIN_CHUNK ((size_t)64 << 10)

/* The larger pipe is a favour that a kernel need not grant. */
int output_open(struct call *call, struct output *output, int *theirs)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC))
		return fail(call, errno, "pipe");
	fcntl(ends[0], F_SETPIPE_SZ, PIPE_SIZE);
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	output->fd = ends[0];
	*theirs = ends[1];
	return 0;
}

struct command *command_new(uint32_t limit)
{
	struct command *command = calloc(1, sizeof(*command));

	if (!command)
		return NULL;
	command->limit = limit;
	for (int i = 0; i < 2; i++) {
		command->streams[i].fd = -1;
		command->streams[i].text.limit = limit + 1ul; /* a byte more is asked for than may be */
	}
	return command;
}

static void output_close(struct output *output)
{
	if (output->fd >= 0)
		close(output->fd);
	output->fd = -1;
}

void command_close(struct command *command)
{
	for (int i = 0; i < 2; i++)
		output_close(&command->streams[i]);
}

void command_free(struct command *command)
{
	if (!command)
		return;
	command_close(command);
	for (int i = 0; i < 2; i++)
		buffer_reset(&command->streams[i].text, 0);
	free(command);
}

/* Take what one stream has, until it is empty or the limit is passed. */
static void drain_stream(struct command *command, struct output *output)
{
	while (output->fd >= 0 && !command->flooded) {
		size_t left = command->limit - command->said;
		/* One byte more than may be tells that there is more. */
		size_t want = left < DRAIN_CHUNK ? left + 1 : DRAIN_CHUNK;
		ssize_t got;

		if (!buffer_reserve(&output->text, want)) {
			command->flooded = true;
			break;
		}
		got = read(output->fd, output->text.data + output->text.len, want);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && errno == EAGAIN)
			break;
		if (got <= 0) {
			output_close(output);
			break;
		}
		if ((size_t)got > left) {
			command->flooded = true;
			got = (ssize_t)left;
		}
		output->text.len += (size_t)got;
		command->said += (uint64_t)got;
	}
}

bool command_drain(struct command *command)
{
	if (command->flooded)
		return false;
	for (int i = 0; i < 2; i++)
		drain_stream(command, &command->streams[i]);
	return command->flooded;
}
