/* SPDX-License-Identifier: BSD-2-Clause */
/* What the verifier had to do for the programs of an object, in its own words. */
#ifndef AGENT_STATS_H
#define AGENT_STATS_H

/* From here on programs that are loaded without a log are asked for; forgets what was kept before. */
void stats_start(void);

/* The lines about the program with this descriptor; "" where there are none. */
const char *stats_of(int fd);

/* Stop asking, and free what is kept. */
void stats_stop(void);

#endif
