/* SPDX-License-Identifier: BSD-2-Clause */
/* What PID 1 does before and after serving calls. */
#ifndef AGENT_INIT_H
#define AGENT_INIT_H

#include <stdbool.h>

/* Mount, load modules, raise limits, bring lo and the NICs up. What fails is one console line each. */
void init_system(void);

/* Open the virtio-serial port of the host; -1 after 10 s without one. */
int init_open_port(void);

/* Wait until the host has its end of the port open; false after 10 s. */
bool init_wait_host(int port);

void init_power_off(void) __attribute__((noreturn));

/* In a child: the limits of open files that the kernel gave us, which we have raised for ourselves. */
void init_lower_limits(void);

#endif
