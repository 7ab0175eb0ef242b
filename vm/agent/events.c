// SPDX-License-Identifier: BSD-2-Clause
/* Which number a tracepoint has, libbpf asks of tracefs each time one is attached to: half of what that costs in
 * a machine just restored, whose emulator translates all the code for it anew. Built-in tracepoints keep their
 * numbers for as long as the kernel runs, so they are read before a machine is saved.
 */
#include "events.h"

#include <fcntl.h>
#include <glob.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define EVENTS "/sys/kernel/tracing/events/"
/* A module that has tracepoints takes their numbers with it when it goes, and others may be given them. */
#define OF_MODULES "/sys/module/*/sections/__tracepoints"
#define ID "/id"
#define NUMBER_ROOM 24

struct event {
	char *name;		/* "category/name" */
	uint32_t id;
};

static struct event *events;
static size_t events_len;

static uint32_t read_id(const char *path)
{
	char text[NUMBER_ROOM] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return 0;
	if (read(fd, text, sizeof(text) - 1) < 0)
		text[0] = '\0';
	close(fd);
	return (uint32_t)strtoul(text, NULL, 10);
}

static bool modules_have_any(void)
{
	glob_t found = {};
	bool any = glob(OF_MODULES, GLOB_NOSORT, NULL, &found) != GLOB_NOMATCH;

	globfree(&found);
	return any;
}

static int by_name(const void *one, const void *other)
{
	return strcmp(((const struct event *)one)->name, ((const struct event *)other)->name);
}

static void keep(const glob_t *found)
{
	events = calloc(found->gl_pathc, sizeof(*events));
	for (size_t i = 0; events && i < found->gl_pathc; i++) {
		const char *path = found->gl_pathv[i];
		uint32_t id = read_id(path);
		char *name = id ? strdup(path + strlen(EVENTS)) : NULL;

		if (!name)
			continue;
		name[strlen(name) - strlen(ID)] = '\0';
		events[events_len++] = (struct event){ .name = name, .id = id };
	}
	if (events)
		qsort(events, events_len, sizeof(*events), by_name);
}

void events_read(void)
{
	glob_t found = {};

	if (events || modules_have_any())
		return;
	if (glob(EVENTS "*/*" ID, GLOB_NOSORT, NULL, &found) == 0)
		keep(&found);
	globfree(&found);
}

struct wanted {
	const char *category;
	size_t len;		/* of the category */
	const char *name;
};

static int by_parts(const void *key, const void *element)
{
	const struct wanted *wanted = key;
	const char *name = ((const struct event *)element)->name;
	int order = strncmp(wanted->category, name, wanted->len);

	if (order == 0)
		order = '/' - (unsigned char)name[wanted->len];
	return order ?: strcmp(wanted->name, name + wanted->len + 1);
}

struct bpf_link *events_attach(const struct bpf_program *prog, const char *category, const char *name,
			       uint64_t cookie)
{
	const struct wanted wanted = { .category = category, .len = strlen(category), .name = name };
	struct perf_event_attr attr = { .type = PERF_TYPE_TRACEPOINT, .size = sizeof(attr) };
	LIBBPF_OPTS(bpf_perf_event_opts, opts, .bpf_cookie = cookie);
	const struct event *event =
		events ? bsearch(&wanted, events, events_len, sizeof(*events), by_parts) : NULL;
	struct bpf_link *link;
	int fd;

	if (!event)
		return NULL;
	attr.config = event->id;
	fd = (int)syscall(SYS_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
	if (fd < 0)
		return NULL;
	link = bpf_program__attach_perf_event_opts(prog, fd, &opts);
	if (!link)
		close(fd);
	return link;
}
