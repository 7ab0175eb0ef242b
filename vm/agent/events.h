/* SPDX-License-Identifier: BSD-2-Clause */
/* Tracepoints and kprobes by the numbers that perf_event_open(2) takes. */
#ifndef AGENT_EVENTS_H
#define AGENT_EVENTS_H

#include <bpf/libbpf.h>
#include <stdint.h>

/* Read the numbers of all tracepoints there are and of kprobes, once: libbpf has tracefs and sysfs look up several
 * names and print a number each time.
 */
void events_read(void);

/* Attach to a tracepoint whose number is known, as libbpf does; NULL where it is not, or the kernel refuses. */
struct bpf_link *events_attach(const struct bpf_program *prog, const char *category, const char *name,
			       uint64_t cookie);

/* The same for a function of the kernel. */
struct bpf_link *events_attach_kprobe(const struct bpf_program *prog, const char *function,
				      const struct bpf_kprobe_opts *opts);

#endif
