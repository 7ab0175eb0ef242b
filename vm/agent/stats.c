// SPDX-License-Identifier: BSD-2-Clause
#include "stats.h"

#include <stdlib.h>
#include <string.h>

struct said {
	int fd;
	char *text;
};

static struct {
	struct said *list;
	size_t len;
} kept;

/* The last one: libbpf closes descriptors of probes, and their numbers come back. */
const char *stats_of(int fd)
{
	for (size_t i = kept.len; i > 0; i--) {
		if (kept.list[i - 1].fd == fd)
			return kept.list[i - 1].text;
	}
	return "";
}

void stats_keep(int fd, const char *text)
{
	struct said *list = realloc(kept.list, (kept.len + 1) * sizeof(*list));
	char *copy;

	if (!list)
		return;
	kept.list = list;
	copy = strdup(text);
	if (!copy)
		return;
	list[kept.len].fd = fd;
	list[kept.len].text = copy;
	kept.len++;
}

void stats_drop(void)
{
	for (size_t i = 0; i < kept.len; i++)
		free(kept.list[i].text);
	free(kept.list);
	kept.list = NULL;
	kept.len = 0;
}
