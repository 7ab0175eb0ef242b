// SPDX-License-Identifier: BSD-2-Clause
/* XDP programs are called through a dispatcher, machine code that the kernel rewrites when a program is attached
 * for the first time and when it is detached for the last (kernel/bpf/dispatcher.c). Old kernels do both around
 * every test run (bpf_prog_change_xdp in net/bpf/test_run.c), which takes ten times as long as the run. A program
 * that is attached to a device is in the dispatcher already. So for the length of a list it is attached to the
 * loopback device of a network namespace in which nothing ever happens.
 */
#include "dispatcher.h"

#include <bpf/bpf.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/utsname.h>
#include <unistd.h>

#define NOTHING (-1)

/* Attaching and detaching take about as long as four runs. */
#define WORTHWHILE 8

/* The first device of every network namespace (LOOPBACK_IFINDEX in include/net/flow.h). */
#define LOOPBACK 1

/* In 5.10 and still in 5.15; 5.18 rewrites for repeated runs only. */
static bool rewrites_for_each_run(void)
{
	struct utsname name;
	int major, minor;

	if (uname(&name) || sscanf(name.release, "%d.%d", &major, &minor) != 2)
		return false;
	return major < 5 || (major == 5 && minor < 18);
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

int dispatcher_hold(int prog_fd, uint32_t count)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = XDP_FLAGS_SKB_MODE);
	int before, link;

	if (count < WORTHWHILE || !rewrites_for_each_run())
		return NOTHING;
	before = enter_quiet();
	if (before < 0)
		return NOTHING;
	/* What cannot be attached (a program for a devmap) is slow, that is all. */
	link = bpf_link_create(prog_fd, LOOPBACK, BPF_XDP, &opts);
	setns(before, CLONE_NEWNET);
	close(before);
	return link;
}

void dispatcher_release(int held)
{
	if (held >= 0)
		close(held);
}
