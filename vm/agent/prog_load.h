/* SPDX-License-Identifier: BSD-2-Clause */
/* How libbpf has the kernel load the programs of an object: see prog_load.c. */
#ifndef AGENT_PROG_LOAD_H
#define AGENT_PROG_LOAD_H

/* From here on programs are loaded our way; forgets what was told of those before. */
void prog_load_start(void);

/* Leave them to libbpf again. */
void prog_load_stop(void);

#endif
