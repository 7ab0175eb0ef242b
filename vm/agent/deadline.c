// SPDX-License-Identifier: BSD-2-Clause
#include "deadline.h"

#include <errno.h>
#include <sys/epoll.h>
#include <time.h>

#define MOMENT_MS 10

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

uint64_t deadline_in(uint32_t ms)
{
	return now_ms() + ms;
}

bool deadline_wait(uint64_t deadline, int epoll_fd)
{
	struct epoll_event event;
	uint64_t now = now_ms();

	if (now >= deadline)
		return false;
	epoll_wait(epoll_fd, &event, 1, deadline - now < MOMENT_MS ? (int)(deadline - now) : MOMENT_MS);
	return true;
}

int arg_timeout_opt(struct call *call, uint32_t *ms)
{
	int err = arg_u32_opt(call, "timeout_ms", ms);

	if (!err && *ms > INT32_MAX)
		return fail(call, EINVAL, "timeout_ms: more than %d (%u)", INT32_MAX, *ms);
	return err;
}
