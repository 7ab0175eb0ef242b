// SPDX-License-Identifier: BSD-2-Clause
/* Which number a tracepoint has, libbpf asks of tracefs each time one is attached to: half of what that costs in
 * a machine just restored, whose emulator translates all the code for it anew. Built-in tracepoints keep their
 * numbers for as long as the kernel runs, so they are read before a machine is saved.
 */
#include "events.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sysfile.h"

#define EVENTS "/sys/kernel/tracing/events"
#define MODULES "/sys/module"
#define KPROBE "/sys/bus/event_source/devices/kprobe/"
#define PATH_ROOM 1024
#define NUMBER_ROOM 24

struct event {
	char *name;		/* "category/name" */
	uint32_t id;
};

static struct event *events;
static size_t events_len, events_room;

/* Call `each` with every name in a folder. */
static void walk(const char *folder, void (*each)(const char *folder, const char *name))
{
	DIR *dir = opendir(folder);
	const struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		if (entry->d_name[0] != '.')
			each(folder, entry->d_name);
	}
	if (dir)
		closedir(dir);
}

/* The number in a file, or 0. */
static uint32_t read_number(const char *path)
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

static void keep(const char *name, uint32_t id)
{
	if (events_len == events_room) {
		size_t room = events_room ? 2 * events_room : 1024;
		struct event *more = realloc(events, room * sizeof(*more));

		if (!more)
			return;
		events = more;
		events_room = room;
	}
	events[events_len].id = id;
	events[events_len].name = strdup(name);
	if (events[events_len].name)
		events_len++;
}

static void keep_event(const char *category, const char *name)
{
	char path[PATH_ROOM];
	uint32_t id;

	if (snprintf(path, sizeof(path), "%s/%s/id", category, name) >= (int)sizeof(path))
		return;
	id = read_number(path);
	if (!id)
		return;
	path[strlen(path) - strlen("/id")] = '\0';
	keep(path + strlen(EVENTS "/"), id);
}

static void keep_category(const char *root, const char *name)
{
	char path[PATH_ROOM];

	if (snprintf(path, sizeof(path), "%s/%s", root, name) < (int)sizeof(path))
		walk(path, keep_event);
}

/* 0 where the kernel takes no kprobes by perf, or has another bit of `config` for the return from a function. */
static uint32_t kprobe_type;

static void read_kprobe_type(void)
{
	if (sysfile_says(KPROBE "format/retprobe", "config:0\n"))
		kprobe_type = read_number(KPROBE "type");
}

static bool module_with_events;

static void look_for_events(const char *root, const char *name)
{
	char path[PATH_ROOM];

	if (snprintf(path, sizeof(path), "%s/%s/sections/__tracepoints", root, name) < (int)sizeof(path))
		module_with_events |= access(path, F_OK) == 0;
}

static int by_name(const void *one, const void *other)
{
	return strcmp(((const struct event *)one)->name, ((const struct event *)other)->name);
}

void events_read(void)
{
	if (events)
		return;
	read_kprobe_type();
	/* A module takes the numbers of its tracepoints with it when it goes, and others may be given them. */
	walk(MODULES, look_for_events);
	if (module_with_events)
		return;
	walk(EVENTS, keep_category);
	if (events)
		qsort(events, events_len, sizeof(*events), by_name);
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

static struct bpf_link *attach(const struct bpf_program *prog, struct perf_event_attr *attr, uint64_t cookie)
{
	LIBBPF_OPTS(bpf_perf_event_opts, opts, .bpf_cookie = cookie);
	int fd = (int)syscall(SYS_perf_event_open, attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
	struct bpf_link *link = fd < 0 ? NULL : bpf_program__attach_perf_event_opts(prog, fd, &opts);

	if (fd >= 0 && !link)
		close(fd);
	return link;
}

struct bpf_link *events_attach(const struct bpf_program *prog, const char *category, const char *name,
			       uint64_t cookie)
{
	const struct wanted wanted = { .category = category, .len = strlen(category), .name = name };
	struct perf_event_attr attr = { .type = PERF_TYPE_TRACEPOINT, .size = sizeof(attr) };
	const struct event *event =
		events ? bsearch(&wanted, events, events_len, sizeof(*events), by_parts) : NULL;

	if (!event)
		return NULL;
	attr.config = event->id;
	return attach(prog, &attr, cookie);
}

struct bpf_link *events_attach_kprobe(const struct bpf_program *prog, const char *function,
				      const struct bpf_kprobe_opts *opts)
{
	struct perf_event_attr attr = { .type = kprobe_type, .size = sizeof(attr) };

	if (!kprobe_type)
		return NULL;
	attr.config = opts->retprobe;
	attr.config1 = (uintptr_t)function;
	attr.config2 = opts->offset;
	return attach(prog, &attr, opts->bpf_cookie);
}
