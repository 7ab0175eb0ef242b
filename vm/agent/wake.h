/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef AGENT_WAKE_H
#define AGENT_WAKE_H

/* The random device, opened once and kept: before a machine is saved, so that waking need not. -1 with errno. */
int wake_open_random(void);

#endif
