/* SPDX-License-Identifier: BSD-2-Clause */
/* The kernel's files of one line, in /proc and /sys. */
#ifndef AGENT_SYSFILE_H
#define AGENT_SYSFILE_H

#include <stdbool.h>

/* Write to one; a failure is a console line. */
void sysfile_set(const char *path, const char *value);

/* Whether this is its first line. */
bool sysfile_says(const char *path, const char *line);

/* The console line of what failed. */
void complain(const char *what, int err);

#endif
