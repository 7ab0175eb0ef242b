/* SPDX-License-Identifier: BSD-2-Clause */
/* The kernel's own tracepoints by the numbers that perf_event_open(2) takes. */
#ifndef AGENT_EVENTS_H
#define AGENT_EVENTS_H

#include <bpf/libbpf.h>
#include <stdint.h>

/* Read the numbers of all there are, once: tracefs looks up three names and prints a number for each. */
void events_read(void);

/* Attach to a tracepoint whose number is known, as libbpf does; NULL where it is not, or the kernel refuses. */
struct bpf_link *events_attach(const struct bpf_program *prog, const char *category, const char *name,
			       uint64_t cookie);

#endif
