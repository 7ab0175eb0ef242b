// SPDX-License-Identifier: BSD-2-Clause
/* Programs on functions of the kernel, on tracepoints, and on functions of other programs. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "attach.h"

#define FUNCTIONS_MAX 1024u

static int attach_kprobe(struct call *call, const struct handle *prog, struct attached *attached)
{
	LIBBPF_OPTS(bpf_kprobe_opts, opts);
	char function[ATTACH_NAME_ROOM];
	uint64_t offset = 0, cookie = 0;
	bool retprobe = false;
	int err = arg_str(call, "function", function, sizeof(function)) ?:
		  arg_u64_opt(call, "offset", &offset) ?: arg_u64_opt(call, "cookie", &cookie) ?:
		  arg_bool_opt(call, "retprobe", &retprobe);

	if (err)
		return err;
	opts.offset = offset;
	opts.bpf_cookie = cookie;
	opts.retprobe = retprobe;
	return attach_take(call, attached, bpf_program__attach_kprobe_opts(prog->program, function, &opts),
			   "function %s", function);
}

static int attach_ksyscall(struct call *call, const struct handle *prog, struct attached *attached)
{
	LIBBPF_OPTS(bpf_ksyscall_opts, opts);
	char name[ATTACH_NAME_ROOM];
	uint64_t cookie = 0;
	bool retprobe = false;
	int err = arg_str(call, "name", name, sizeof(name)) ?: arg_u64_opt(call, "cookie", &cookie) ?:
		  arg_bool_opt(call, "retprobe", &retprobe);

	if (err)
		return err;
	opts.bpf_cookie = cookie;
	opts.retprobe = retprobe;
	return attach_take(call, attached, bpf_program__attach_ksyscall(prog->program, name, &opts),
			   "system call %s", name);
}

void attach_free_names(const struct attach_names *names)
{
	free(names->texts);
	free(names->list);
}

int attach_read_names(struct call *call, const char *arg, struct attach_names *names)
{
	const msgpack_object_array *list;
	int err = arg_list(call, arg, &list);

	*names = (struct attach_names){};
	if (err)
		return err;
	if (!list->size || list->size > FUNCTIONS_MAX)
		return fail(call, EINVAL, "%s: not 1 to %u names (%u)", arg, FUNCTIONS_MAX, list->size);
	names->list = calloc(list->size, sizeof(*names->list));
	names->texts = calloc(list->size, ATTACH_NAME_ROOM);
	if (!names->list || !names->texts)
		err = fail(call, ENOMEM, "%s: no memory for %u names", arg, list->size);
	for (; !err && names->len < list->size; names->len++) {
		char *text = names->texts + (size_t)names->len * ATTACH_NAME_ROOM;

		err = value_str(call, &list->ptr[names->len], arg, text, ATTACH_NAME_ROOM);
		names->list[names->len] = text;
	}
	if (err)
		attach_free_names(names);
	return err;
}

static int attach_kprobe_multi(struct call *call, const struct handle *prog, struct attached *attached)
{
	LIBBPF_OPTS(bpf_kprobe_multi_opts, opts);
	struct attach_names names = {};
	char pattern[ATTACH_NAME_ROOM];
	bool one = arg_find(call, "pattern"), retprobe = false, session = false;
	int err = arg_bool_opt(call, "retprobe", &retprobe) ?: arg_bool_opt(call, "session", &session);

	if (!err)
		err = one ? arg_str(call, "pattern", pattern, sizeof(pattern))
			  : attach_read_names(call, "functions", &names);
	if (err)
		return err;
	opts.retprobe = retprobe;
	opts.session = session;
	opts.syms = names.list;
	opts.cnt = names.len;
	err = attach_take(call, attached,
			  bpf_program__attach_kprobe_multi_opts(prog->program, one ? pattern : NULL, &opts),
			  "functions %s%s", one ? pattern : names.list[0], names.len > 1 ? " and others" : "");
	attach_free_names(&names);
	return err;
}

static int attach_tracepoint(struct call *call, const struct handle *prog, struct attached *attached)
{
	LIBBPF_OPTS(bpf_tracepoint_opts, opts);
	char category[ATTACH_NAME_ROOM], name[ATTACH_NAME_ROOM];
	uint64_t cookie = 0;
	int err = arg_str(call, "category", category, sizeof(category)) ?:
		  arg_str(call, "name", name, sizeof(name)) ?: arg_u64_opt(call, "cookie", &cookie);

	if (err)
		return err;
	opts.bpf_cookie = cookie;
	return attach_take(call, attached,
			   bpf_program__attach_tracepoint_opts(prog->program, category, name, &opts),
			   "tracepoint %s/%s", category, name);
}

static int attach_raw_tracepoint(struct call *call, const struct handle *prog, struct attached *attached)
{
	LIBBPF_OPTS(bpf_raw_tracepoint_opts, opts);
	char name[ATTACH_NAME_ROOM];
	uint64_t cookie = 0;
	int err = arg_str(call, "name", name, sizeof(name)) ?: arg_u64_opt(call, "cookie", &cookie);

	if (err)
		return err;
	opts.cookie = cookie;
	return attach_take(call, attached,
			   bpf_program__attach_raw_tracepoint_opts(prog->program, name, &opts),
			   "raw tracepoint %s", name);
}

/* What was loaded for one place: fentry, fexit, fmod_ret, tp_btf, lsm. */
static int attach_trace(struct call *call, const struct handle *prog, struct attached *attached)
{
	LIBBPF_OPTS(bpf_trace_opts, opts);
	uint64_t cookie = 0;
	int err = arg_u64_opt(call, "cookie", &cookie);

	if (err)
		return err;
	opts.cookie = cookie;
	return attach_take(call, attached, bpf_program__attach_trace_opts(prog->program, &opts),
			   "the place that it was loaded for");
}

static int attach_freplace(struct call *call, const struct handle *prog, struct attached *attached)
{
	struct handle *target;
	char function[ATTACH_NAME_ROOM];
	int err;

	if (!arg_find(call, "target"))
		return attach_take(call, attached, bpf_program__attach_freplace(prog->program, 0, NULL),
				   "the function that it was loaded for");
	err = arg_handle(call, "target", HANDLE_PROG, &target) ?:
	      arg_str(call, "function", function, sizeof(function));
	if (err)
		return err;
	return attach_take(call, attached,
			   bpf_program__attach_freplace(prog->program, target->fd, function),
			   "function %s of the target", function);
}

const struct attach_row attach_trace_rows[] = {
	{ "kprobe", true, attach_kprobe },
	{ "kprobe_multi", true, attach_kprobe_multi },
	{ "ksyscall", true, attach_ksyscall },
	{ "tracepoint", true, attach_tracepoint },
	{ "raw_tracepoint", true, attach_raw_tracepoint },
	{ "trace", true, attach_trace },
	{ "freplace", true, attach_freplace },
	{},
};
