/* SPDX-License-Identifier: BSD-2-Clause */
/* What the verifier had to do for the programs of an object, in its own words. */
#ifndef AGENT_STATS_H
#define AGENT_STATS_H

/* Keep the lines about the program with this descriptor. Without memory for them there are none, that is all. */
void stats_keep(int fd, const char *text);

/* The lines about it; "" where there are none. */
const char *stats_of(int fd);

/* Free what is kept. */
void stats_drop(void);

#endif
