/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef AGENT_DISPATCHER_H
#define AGENT_DISPATCHER_H

#include <stdint.h>

/* Before `count` test runs of an XDP program: something to hand to dispatcher_release() after them. */
int dispatcher_hold(int prog_fd, uint32_t count);
void dispatcher_release(int held);

#endif
