/* SPDX-License-Identifier: BSD-2-Clause */
/* What libbpf prints while an operation runs, the verifier's log included. */
#ifndef AGENT_LOG_H
#define AGENT_LOG_H

#include <msgpack.h>
#include <stdbool.h>
#include <stddef.h>

/* The most that is kept of a log, in bytes. */
#define LOG_KEEP ((size_t)4 << 20)

/* Take over libbpf's printing, once. */
void log_init(void);

/* Begin to keep what libbpf prints, debug messages only if `debug`; forgets what was kept before. */
void log_start(bool debug);

/* Add text of our own. */
void log_append(const char *text, size_t len);

/* Say that there was more of it than was given to us. */
void log_cut(void);

/* Pack the last 4 MiB of what was kept, and a line that says so where there was more. */
void log_pack(msgpack_packer *pk);

/* The program that libbpf's last warning was about, the map it could not create; empty where there is none. */
const char *log_program(void);
const char *log_map(void);

/* Stop keeping, and free what is kept. */
void log_stop(void);

#endif
