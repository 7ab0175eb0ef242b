// SPDX-License-Identifier: BSD-2-Clause
#include "deadline.h"

#include <sys/epoll.h>
#include <time.h>

#define MOMENT_MS 10

uint64_t clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

uint64_t deadline_in(uint32_t ms)
{
	return clock_ms() + ms;
}

void sleep_ms(long ms)
{
	const struct timespec pause = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

	nanosleep(&pause, NULL);
}

bool deadline_wait(uint64_t deadline, int epoll_fd)
{
	struct epoll_event event;
	uint64_t now = clock_ms();

	if (now >= deadline)
		return false;
	epoll_wait(epoll_fd, &event, 1, deadline - now < MOMENT_MS ? (int)(deadline - now) : MOMENT_MS);
	return true;
}
