// SPDX-License-Identifier: BSD-2-Clause
#include "netns.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

#define PATH_ROOM 4096

int netns_enter(struct call *call, int *saved)
{
	char path[PATH_ROOM];
	int fd, err;

	*saved = -1;
	if (!arg_find(call, "netns"))
		return 0;
	err = arg_str(call, "netns", path, sizeof(path));
	if (err)
		return err;
	/* O_NONBLOCK: a pipe without a writer would not open. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return fail(call, errno, "netns: %s", path);
	*saved = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (*saved < 0 || setns(fd, CLONE_NEWNET))
		err = fail(call, errno, "netns: %s", path);
	close(fd);
	if (err && *saved >= 0) {
		close(*saved);
		*saved = -1;
	}
	return err;
}

void netns_leave(int saved)
{
	if (saved < 0)
		return;
	/* It was ours before: the kernel has no reason to refuse. */
	if (setns(saved, CLONE_NEWNET))
		abort();
	close(saved);
}
