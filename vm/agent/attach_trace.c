// SPDX-License-Identifier: BSD-2-Clause
/* Programs on functions of the kernel and of user space, on tracepoints, perf events and iterators. */
#include <errno.h>

#include "attach.h"

#define NAME_MAX_ROOM 256

static int attach_auto(struct call *call, const struct handle *prog, struct attached *attached)
{
	return attach_take(call, attached, bpf_program__attach(prog->program), "by its section alone");
}

static int attach_tracepoint(struct call *call, const struct handle *prog, struct attached *attached)
{
	LIBBPF_OPTS(bpf_tracepoint_opts, opts);
	char category[NAME_MAX_ROOM], name[NAME_MAX_ROOM];
	uint64_t cookie = 0;
	int err = arg_str(call, "category", category, sizeof(category)) ?:
		  arg_str(call, "name", name, sizeof(name)) ?: arg_u64_opt(call, "cookie", &cookie);

	if (err)
		return err;
	opts.bpf_cookie = cookie;
	return attach_take(call, attached, bpf_program__attach_tracepoint_opts(prog->program, category, name, &opts),
			   "tracepoint %s/%s", category, name);
}

const struct attach_row attach_trace_rows[] = {
	{ "auto", true, attach_auto },
	{ "tracepoint", true, attach_tracepoint },
	{},
};
