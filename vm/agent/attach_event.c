// SPDX-License-Identifier: BSD-2-Clause
/* Programs on perf events, and iterators. */
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "attach.h"

#define CGROUP_ROOM 4096
/* Of enum bpf_cgroup_iter_order: a cgroup, then those below it. */
#define DESCENDANTS_PRE 2

/* One event and link for each CPU. */
struct perf_links {
	uint32_t len;
	struct bpf_link *links[];
};

static int end_perf(void *state)
{
	struct perf_links *perf = state;
	int err = 0;

	for (uint32_t i = 0; i < perf->len; i++) {
		int one = -bpf_link__destroy(perf->links[i]);

		err = err ?: one;
	}
	free(perf);
	return err;
}

static int read_event(struct call *call, struct perf_event_attr *attr)
{
	uint64_t config = 0, period = 0, frequency = 0;
	int err = arg_u32(call, "type", &attr->type) ?: arg_u64_opt(call, "config", &config) ?:
		  arg_u64_opt(call, "period", &period) ?: arg_u64_opt(call, "frequency", &frequency);

	if (err)
		return err;
	if (!period == !frequency)
		return fail(call, EINVAL, "period, frequency: not just one of them is given");
	attr->size = sizeof(*attr);
	attr->config = config;
	attr->freq = frequency != 0;
	attr->sample_period = period ?: frequency;
	return 0;
}

/* Open the event on one CPU, or, with -1, on all that a process is on, and link the program to it. */
static int open_one(struct call *call, const struct handle *prog, struct perf_event_attr *attr, int pid, int cpu,
		    struct perf_links *perf)
{
	LIBBPF_OPTS(bpf_perf_event_opts, opts);
	uint64_t cookie = 0;
	int fd, err = arg_u64_opt(call, "cookie", &cookie);

	if (err)
		return err;
	fd = (int)syscall(SYS_perf_event_open, attr, pid, cpu, -1, PERF_FLAG_FD_CLOEXEC);
	if (fd < 0)
		return fail(call, errno, "perf event %u:%llu", attr->type, (unsigned long long)attr->config);
	opts.bpf_cookie = cookie;
	perf->links[perf->len] = bpf_program__attach_perf_event_opts(prog->program, fd, &opts);
	if (perf->links[perf->len]) {
		perf->len++;
		return 0;
	}
	err = errno;
	close(fd);
	return fail(call, err, "perf event %u:%llu", attr->type, (unsigned long long)attr->config);
}

static int attach_perf_event(struct call *call, const struct handle *prog, struct attached *attached)
{
	struct perf_event_attr attr = {};
	bool one_process = arg_find(call, "pid"), one_cpu = arg_find(call, "cpu");
	uint32_t pid = 0, cpu = 0;
	int cpus = one_process || one_cpu ? 1 : libbpf_num_possible_cpus();
	struct perf_links *perf;
	int err = read_event(call, &attr) ?: arg_u31_opt(call, "pid", &pid) ?: arg_u31_opt(call, "cpu", &cpu);

	if (err)
		return err;
	if (cpus < 1)
		return fail(call, -cpus, "the number of CPUs is not known");
	perf = calloc(1, sizeof(*perf) + (size_t)cpus * sizeof(struct bpf_link *));
	if (!perf)
		return fail(call, ENOMEM, "no memory for %d links", cpus);
	for (int i = 0; !err && i < cpus; i++) {
		int on = one_cpu ? (int)cpu : one_process ? -1 : i;

		err = open_one(call, prog, &attr, one_process ? (int)pid : -1, on, perf);
		/* A CPU that is possible but not there, and that nobody named. */
		if (err == -ENODEV && i > 0)
			err = 0;
	}
	if (err) {
		end_perf(perf);
		return err;
	}
	attached->state = perf;
	attached->detach = end_perf;
	if (perf->len == 1)
		attached->fd = bpf_link__fd(perf->links[0]);
	return 0;
}

static int read_iter_cgroup(struct call *call, union bpf_iter_link_info *info, int *fd)
{
	char path[CGROUP_ROOM];
	int err = arg_str(call, "cgroup", path, sizeof(path));

	if (err)
		return err;
	*fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*fd < 0)
		return fail(call, errno, "cgroup: %s", path);
	info->cgroup.cgroup_fd = (uint32_t)*fd;
	info->cgroup.order = DESCENDANTS_PRE;
	return 0;
}

/* What the iterator goes over; *fd is to be closed when it is attached. */
static int read_iter(struct call *call, union bpf_iter_link_info *info, int *fd)
{
	struct handle *map;
	int err;

	if (!!arg_find(call, "map") + !!arg_find(call, "cgroup") + !!arg_find(call, "tid") +
	    !!arg_find(call, "pid") > 1)
		return fail(call, EINVAL, "map, cgroup, tid, pid: more than one of them is given");
	if (arg_find(call, "cgroup"))
		return read_iter_cgroup(call, info, fd);
	if (!arg_find(call, "map"))
		return arg_u31_opt(call, "tid", &info->task.tid) ?: arg_u31_opt(call, "pid", &info->task.pid);
	err = arg_handle(call, "map", HANDLE_MAP, &map);
	if (!err)
		info->map.map_fd = (uint32_t)map->fd;
	return err;
}

/* Before Linux 6.1 (commit f0d74c4da1f0) an iterator over tasks takes no notice of what is asked of it. */
static bool goes_over_one_task(const struct bpf_link *link, const union bpf_iter_link_info *asked)
{
	struct bpf_link_info info = {};
	uint32_t len = sizeof(info);

	return bpf_link_get_info_by_fd(bpf_link__fd(link), &info, &len) == 0 &&
	       info.iter.task.tid == asked->task.tid && info.iter.task.pid == asked->task.pid;
}

static int attach_iter(struct call *call, const struct handle *prog, struct attached *attached)
{
	LIBBPF_OPTS(bpf_iter_attach_opts, opts);
	union bpf_iter_link_info info = {};
	struct bpf_link *link;
	bool one_task = arg_find(call, "tid") || arg_find(call, "pid");
	int fd = -1, err = read_iter(call, &info, &fd);

	if (err)
		return err;
	opts.link_info = &info;
	opts.link_info_len = sizeof(info);
	link = bpf_program__attach_iter(prog->program, &opts);
	err = errno;
	if (fd >= 0)
		close(fd);
	if (link && one_task && !goes_over_one_task(link, &info)) {
		bpf_link__destroy(link);
		link = NULL;
		err = E2BIG;
	}
	/* What is asked is longer than this kernel knows. */
	if (!link && err == E2BIG)
		return fail(call, EOPNOTSUPP, "this kernel goes over all there is");
	errno = err;
	return attach_take(call, attached, link, "the iterator");
}

const struct attach_row attach_event_rows[] = {
	{ "perf_event", true, attach_perf_event },
	{ "iter", true, attach_iter },
	{},
};
