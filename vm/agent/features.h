/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef AGENT_FEATURES_H
#define AGENT_FEATURES_H

/* Have libbpf find out now all that it asks of a kernel sooner or later. */
void features_try(void);

#endif
