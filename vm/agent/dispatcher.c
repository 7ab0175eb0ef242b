// SPDX-License-Identifier: BSD-2-Clause
/* XDP programs are called through a dispatcher, machine code that the kernel rewrites when a program is attached
 * for the first time and when it is detached for the last (kernel/bpf/dispatcher.c). Old kernels do both around
 * every test run (bpf_prog_change_xdp in net/bpf/test_run.c), which takes ten times as long as the run. A program
 * that is attached to a device is in the dispatcher already. So the one that is run again and again is attached
 * to the loopback device of a network namespace in which nothing ever happens.
 */
#include "dispatcher.h"

#include <bpf/bpf.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "netns.h"

#define NOTHING (-1)

/* Runs in a row. Attaching and detaching take about as long as four. */
#define WORTHWHILE 8

/* The first device of every network namespace (LOOPBACK_IFINDEX in include/net/flow.h). */
#define LOOPBACK 1

/* The program that was run last, how often in a row, whether it was tried to attach it, and how that went. */
static struct {
	int prog_fd;
	uint32_t runs;
	bool tried;
	int link;
} last = { .prog_fd = NOTHING, .link = NOTHING };

/* So does 5.10; 5.18 and later rewrite for repeated runs only. A wrong guess costs time, nothing else. */
static bool rewrites_for_each_run(void)
{
	static int known = NOTHING;
	unsigned long major = 0, minor = 0;
	struct utsname name;
	char *rest;

	if (known < 0 && !uname(&name)) {
		major = strtoul(name.release, &rest, 10);
		minor = *rest == '.' ? strtoul(rest + 1, NULL, 10) : 0;
		known = major < 5 || (major == 5 && minor < 18);
	}
	return known > 0;
}

/* Go to the quiet namespace, made the first time; where we were, or NOTHING. */
static int enter_quiet(void)
{
	static int quiet = NOTHING;
	int before = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);

	if (before < 0)
		return NOTHING;
	if (quiet >= 0 ? setns(quiet, CLONE_NEWNET) : unshare(CLONE_NEWNET)) {
		close(before);
		return NOTHING;
	}
	if (quiet < 0)
		quiet = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	return before;
}

/* What cannot be attached (a program for a devmap) is slow, that is all. */
static int attach(int prog_fd)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = XDP_FLAGS_SKB_MODE);
	int before = enter_quiet(), link;

	if (before < 0)
		return NOTHING;
	link = bpf_link_create(prog_fd, LOOPBACK, BPF_XDP, &opts);
	netns_leave(before);
	return link;
}

void dispatcher_expect(int prog_fd, uint32_t count)
{
	if (!rewrites_for_each_run())
		return;
	if (last.prog_fd != prog_fd) {
		dispatcher_forget(last.prog_fd);
		last.prog_fd = prog_fd;
	}
	last.runs = count < WORTHWHILE ? last.runs + count : WORTHWHILE;
	if (last.runs >= WORTHWHILE && !last.tried) {
		last.link = attach(prog_fd);
		last.tried = true;
	}
}

void dispatcher_forget(int prog_fd)
{
	if (last.prog_fd != prog_fd)
		return;
	if (last.link >= 0)
		close(last.link);
	last.prog_fd = last.link = NOTHING;
	last.runs = 0;
	last.tried = false;
}
