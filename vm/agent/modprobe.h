/* SPDX-License-Identifier: BSD-2-Clause */
/* Kernel modules: inserted by path, or looked up by the names that the kernel and people use. */
#ifndef AGENT_MODPROBE_H
#define AGENT_MODPROBE_H

#include <stdbool.h>

/* Insert the module in this file; 0 or an errno. One that is there already is none. */
int module_insert(const char *path);

/*
 * Insert the module of this name, or those that it is an alias of, each after what it depends on; 0 or an errno.
 * *found says whether there are any.
 */
int module_probe(const char *name, bool *found);

/* What the kernel calls when it wants a module: modprobe [-q] [--] NAME... */
bool called_as_modprobe(const char *argv0);
int modprobe_main(int argc, char **argv);

#endif
