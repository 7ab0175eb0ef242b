// SPDX-License-Identifier: BSD-2-Clause
/* Programs on functions and probes of user space: by the path of a binary, for one process or for all. */
#include <errno.h>
#include <sys/stat.h>

#include "attach.h"

#define BINARY_ROOM 4096
#define ALL_PROCESSES (-1)

struct user_place {
	char binary[BINARY_ROOM];
	int pid;
	uint64_t cookie;
};

static int read_place(struct call *call, struct user_place *place)
{
	struct stat status;
	uint32_t pid = 0;
	int err = arg_str(call, "binary", place->binary, sizeof(place->binary)) ?:
		  arg_u31_opt(call, "pid", &pid) ?: arg_u64_opt(call, "cookie", &place->cookie);

	if (err)
		return err;
	/* libbpf opens it, and would wait for the writer of a pipe. What is not there it may find on the PATH. */
	if (!stat(place->binary, &status) && !S_ISREG(status.st_mode))
		return fail(call, EINVAL, "binary: not a regular file (%s)", place->binary);
	place->pid = arg_find(call, "pid") ? (int)pid : ALL_PROCESSES;
	return 0;
}

static int attach_uprobe(struct call *call, const struct handle *prog, struct attached *attached)
{
	LIBBPF_OPTS(bpf_uprobe_opts, opts);
	struct user_place place = {};
	char function[ATTACH_NAME_ROOM] = "";
	uint64_t offset = 0;
	bool retprobe = false;
	int err = read_place(call, &place) ?: arg_u64_opt(call, "offset", &offset) ?:
		  arg_bool_opt(call, "retprobe", &retprobe) ?:
		  arg_str_opt(call, "function", function, sizeof(function));

	if (err)
		return err;
	opts.func_name = function[0] ? function : NULL;
	opts.bpf_cookie = place.cookie;
	opts.retprobe = retprobe;
	return attach_take(call, attached,
			   bpf_program__attach_uprobe_opts(prog->program, place.pid, place.binary, offset, &opts),
			   "%s+%#llx of %s", function, (unsigned long long)offset, place.binary);
}

static int attach_uprobe_multi(struct call *call, const struct handle *prog, struct attached *attached)
{
	LIBBPF_OPTS(bpf_uprobe_multi_opts, opts);
	struct user_place place = {};
	struct attach_functions functions;
	int err = read_place(call, &place) ?: attach_read_functions(call, &functions);

	if (err)
		return err;
	opts.retprobe = functions.retprobe;
	opts.session = functions.session;
	opts.syms = functions.names;
	opts.cnt = functions.len;
	err = attach_take(call, attached,
			  bpf_program__attach_uprobe_multi(prog->program, place.pid, place.binary, functions.pattern,
							   &opts),
			  "functions %s%s of %s", functions.first, functions.len > 1 ? " and others" : "", place.binary);
	attach_free_functions(&functions);
	return err;
}

static int attach_usdt(struct call *call, const struct handle *prog, struct attached *attached)
{
	LIBBPF_OPTS(bpf_usdt_opts, opts);
	struct user_place place = {};
	char provider[ATTACH_NAME_ROOM], name[ATTACH_NAME_ROOM];
	int err = read_place(call, &place) ?: arg_str(call, "provider", provider, sizeof(provider)) ?:
		  arg_str(call, "name", name, sizeof(name));

	if (err)
		return err;
	opts.usdt_cookie = place.cookie;
	return attach_take(call, attached,
			   bpf_program__attach_usdt(prog->program, place.pid, place.binary, provider, name, &opts),
			   "probe %s:%s of %s", provider, name, place.binary);
}

const struct attach_row attach_user_rows[] = {
	{ "uprobe", true, attach_uprobe },
	{ "uprobe_multi", true, attach_uprobe_multi },
	{ "usdt", true, attach_usdt },
	{},
};
