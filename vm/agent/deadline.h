/* SPDX-License-Identifier: BSD-2-Clause */
/* Waiting for records until a point in time. */
#ifndef AGENT_DEADLINE_H
#define AGENT_DEADLINE_H

#include <stdbool.h>
#include <stdint.h>

#include "wire.h"

/* The point in time, in milliseconds of CLOCK_MONOTONIC, that is `ms` from now. */
uint64_t deadline_in(uint32_t ms);

/* Wait for an event, at most a moment: records that programs send without a wakeup make no event. False when the
 * deadline is over.
 */
bool deadline_wait(uint64_t deadline, int epoll_fd);

/* The argument `timeout_ms`: 0, or the value of fail(). */
int arg_timeout_opt(struct call *call, uint32_t *ms);

#endif
