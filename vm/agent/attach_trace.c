// SPDX-License-Identifier: BSD-2-Clause
/* Programs on functions of the kernel, on tracepoints, and on functions of other programs. */
#include "attach.h"
#include "events.h"

static int attach_kprobe(struct call *call, const struct handle *prog, struct attached *attached)
{
	LIBBPF_OPTS(bpf_kprobe_opts, opts);
	char function[ATTACH_NAME_ROOM];
	uint64_t offset = 0, cookie = 0;
	struct bpf_link *link;
	bool retprobe = false;
	int err = arg_str(call, "function", function, sizeof(function)) ?:
		  arg_u64_opt(call, "offset", &offset) ?: arg_u64_opt(call, "cookie", &cookie) ?:
		  arg_bool_opt(call, "retprobe", &retprobe);

	if (err)
		return err;
	opts.offset = offset;
	opts.bpf_cookie = cookie;
	opts.retprobe = retprobe;
	link = events_attach_kprobe(prog->program, function, &opts);
	if (!link)
		link = bpf_program__attach_kprobe_opts(prog->program, function, &opts);
	return attach_take(call, attached, link, "function %s", function);
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

static int attach_kprobe_multi(struct call *call, const struct handle *prog, struct attached *attached)
{
	LIBBPF_OPTS(bpf_kprobe_multi_opts, opts);
	struct attach_functions functions;
	int err = attach_read_functions(call, &functions);

	if (err)
		return err;
	opts.retprobe = functions.retprobe;
	opts.session = functions.session;
	opts.syms = functions.names;
	opts.cnt = functions.len;
	err = attach_take(call, attached,
			  bpf_program__attach_kprobe_multi_opts(prog->program, functions.pattern, &opts),
			  "functions %s%s", functions.first, functions.len > 1 ? " and others" : "");
	attach_free_functions(&functions);
	return err;
}

static int attach_tracepoint(struct call *call, const struct handle *prog, struct attached *attached)
{
	LIBBPF_OPTS(bpf_tracepoint_opts, opts);
	char category[ATTACH_NAME_ROOM], name[ATTACH_NAME_ROOM];
	struct bpf_link *link;
	uint64_t cookie = 0;
	int err = arg_str(call, "category", category, sizeof(category)) ?:
		  arg_str(call, "name", name, sizeof(name)) ?: arg_u64_opt(call, "cookie", &cookie);

	if (err)
		return err;
	opts.bpf_cookie = cookie;
	link = events_attach(prog->program, category, name, cookie);
	if (!link)
		link = bpf_program__attach_tracepoint_opts(prog->program, category, name, &opts);
	return attach_take(call, attached, link, "tracepoint %s/%s", category, name);
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
