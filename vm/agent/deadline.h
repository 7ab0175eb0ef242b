/* SPDX-License-Identifier: BSD-2-Clause */
/* Points in time, and waiting for records until one. */
#ifndef AGENT_DEADLINE_H
#define AGENT_DEADLINE_H

#include <stdbool.h>
#include <stdint.h>

/* Now, in milliseconds of CLOCK_MONOTONIC. */
uint64_t clock_ms(void);

/* The point in time that is `ms` from now. */
uint64_t deadline_in(uint32_t ms);

/* Sleep, at least so long. */
void sleep_ms(long ms);

/* Wait for an event, at most a moment: records that programs send without a wakeup make no event. False when the
 * deadline is over.
 */
bool deadline_wait(uint64_t deadline, int epoll_fd);

#endif
