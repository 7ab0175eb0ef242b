// SPDX-License-Identifier: BSD-2-Clause
/* exec: how a command begins. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "command.h"
#include "ops.h"
#include "process.h"

#define OUTPUT_LIMIT ((uint32_t)1 << 20)
#define OUTPUT_MAX ((uint32_t)16 << 20)
#define WORDS_MAX 4096u

/* Words with a NUL after each, and pointers to them, as execve takes them. */
struct words {
	struct buffer text;
	char **list;
};

struct program {
	char path[PATH_MAX];
	struct words argv;
	struct words env;
};

static void words_free(struct words *words)
{
	free(words->list);
	buffer_reset(&words->text, 0);
}

static int words_room(struct call *call, struct words *words, const char *name, uint32_t count)
{
	if (count > WORDS_MAX)
		return fail(call, E2BIG, "%s: more than %u (%u)", name, WORDS_MAX, count);
	words->text.limit = (size_t)4 << 20;
	words->list = calloc(count + 1, sizeof(*words->list));
	return words->list ? 0 : fail(call, ENOMEM, "%s: no memory", name);
}

/* Append a str without the NUL that ends it. */
static int words_append(struct call *call, struct words *words, const char *name, arg_t arg)
{
	const msgpack_object_str *text = &arg->via.str;

	if (arg->type != MSGPACK_OBJECT_STR)
		return fail(call, EINVAL, "%s: not made of str alone", name);
	if (memchr(text->ptr, '\0', text->size))
		return fail(call, EINVAL, "%s: has a NUL byte", name);
	if (buffer_write(&words->text, text->ptr, text->size))
		return fail(call, E2BIG, "%s: too long", name);
	return 0;
}

static int words_end(struct call *call, struct words *words, const char *name)
{
	return buffer_write(&words->text, "", 1) ? fail(call, E2BIG, "%s: too long", name) : 0;
}

/* The buffer has found its place: make the list of its `count` words. */
static void words_point(struct words *words, uint32_t count)
{
	char *at = words->text.data;

	for (uint32_t i = 0; i < count; i++) {
		words->list[i] = at;
		at += strlen(at) + 1;
	}
}

static int read_argv(struct call *call, struct words *argv)
{
	const msgpack_object_array *list;
	int err = arg_list(call, "argv", &list);

	if (err)
		return err;
	if (!list->size)
		return fail(call, EINVAL, "argv: empty");
	err = words_room(call, argv, "argv", list->size);
	for (uint32_t i = 0; i < list->size && !err; i++)
		err = words_append(call, argv, "argv", &list->ptr[i]) ?: words_end(call, argv, "argv");
	if (!err)
		words_point(argv, list->size);
	return err;
}

static int read_env(struct call *call, struct words *env)
{
	const msgpack_object_map *map = NULL;
	uint32_t count;
	int err = arg_map_opt(call, "env", &map);

	if (err)
		return err;
	count = map ? map->size : 0;
	err = words_room(call, env, "env", count);
	for (uint32_t i = 0; i < count && !err; i++) {
		err = words_append(call, env, "env", &map->ptr[i].key) ?:
		      (buffer_write(&env->text, "=", 1) ? fail(call, E2BIG, "env: too long") : 0) ?:
		      words_append(call, env, "env", &map->ptr[i].val) ?: words_end(call, env, "env");
	}
	if (!err)
		words_point(env, count);
	return err;
}

static int read_program(struct call *call, struct program *program)
{
	int err = read_argv(call, &program->argv) ?: read_env(call, &program->env);

	if (err)
		return err;
	if (arg_find(call, "path"))
		return arg_str(call, "path", program->path, sizeof(program->path));
	if (strlen(program->argv.list[0]) >= sizeof(program->path))
		return fail(call, ENAMETOOLONG, "argv: %.64s...", program->argv.list[0]);
	strcpy(program->path, program->argv.list[0]);
	return 0;
}

static int execute(void *context, int ready, enum stage *stage)
{
	const struct program *program = context;

	(void)ready; /* closed by the execve */
	*stage = STAGE_EXEC;
	execve(program->path, program->argv.list, program->env.list);
	return errno;
}

/* Input as a file: nobody needs to feed it, and its end is where it ends. -1 where none is given. */
static int make_input(struct call *call, int *fd)
{
	struct bin data = {};
	size_t done = 0;
	int err = arg_bin_opt(call, "stdin", &data);

	if (err || !data.data)
		return err;
	*fd = memfd_create("stdin", MFD_CLOEXEC);
	if (*fd < 0)
		return fail(call, errno, "stdin");
	while (done < data.len) {
		ssize_t put = write(*fd, (const char *)data.data + done, data.len - done);

		if (put <= 0)
			return fail(call, put ? errno : EIO, "stdin");
		done += (size_t)put;
	}
	return lseek(*fd, 0, SEEK_SET) < 0 ? fail(call, errno, "stdin") : 0;
}

static int read_limit(struct call *call, uint32_t *limit)
{
	int err = arg_u32_opt(call, "output_limit", limit);

	if (!err && *limit > OUTPUT_MAX)
		return fail(call, EINVAL, "output_limit: more than %u (%u)", OUTPUT_MAX, *limit);
	return err;
}

/* Start what `launch` tells of, with pipes for its output. */
static int start_command(struct call *call, struct launch *launch, uint32_t limit)
{
	struct command *command = command_new(limit);
	struct process *process;
	int err;

	if (!command)
		return fail(call, ENOMEM, "no memory for a command");
	err = make_input(call, &launch->stdio[0]) ?: output_open(call, &command->streams[0], &launch->stdio[1]) ?:
	      output_open(call, &command->streams[1], &launch->stdio[2]) ?:
	      process_launch(call, launch, &process);
	for (int i = 0; i < 3; i++) {
		if (launch->stdio[i] >= 0)
			close(launch->stdio[i]);
	}
	if (err) {
		command_free(command);
		return err;
	}
	process->command = command;
	return process_answer(call, process);
}

int op_exec(struct call *call)
{
	struct program program = {};
	struct identity identity;
	char cwd[PATH_MAX] = "";
	struct launch launch = {
		.identity = &identity,
		.exec = program.path,
		.stdio = { -1, -1, -1 },
		.body = execute,
		.context = &program,
	};
	uint32_t limit = OUTPUT_LIMIT;
	int err = read_program(call, &program) ?: arg_str_opt(call, "cwd", cwd, sizeof(cwd)) ?:
		  read_limit(call, &limit) ?: arg_identity(call, &identity);

	launch.cwd = cwd[0] ? cwd : NULL;
	err = err ?: start_command(call, &launch, limit);
	words_free(&program.argv);
	words_free(&program.env);
	return err;
}
