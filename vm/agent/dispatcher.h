/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef AGENT_DISPATCHER_H
#define AGENT_DISPATCHER_H

#include <stdint.h>

/* `count` test runs of an XDP program follow. */
void dispatcher_expect(int prog_fd, uint32_t count);

/* The descriptor of a program is about to be closed. */
void dispatcher_forget(int prog_fd);

#endif
