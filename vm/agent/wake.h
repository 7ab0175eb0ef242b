/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef AGENT_WAKE_H
#define AGENT_WAKE_H

/* What waking takes, opened once and kept: before a machine is saved. -1 with errno. */
int wake_open_random(void);
int wake_open_log(void);

#endif
