// SPDX-License-Identifier: BSD-2-Clause
#include "sysfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void complain(const char *what, int err)
{
	printf("pytest-ebpf: %s: %s\n", what, strerror(err));
}

void sysfile_set(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, value, strlen(value)) < 0)
		complain(path, errno);
	if (fd >= 0)
		close(fd);
}

bool sysfile_says(const char *path, const char *line)
{
	FILE *file = fopen(path, "re");
	char text[64] = "";
	bool same;

	if (!file)
		return false;
	same = fgets(text, sizeof(text), file) && strcmp(text, line) == 0;
	fclose(file);
	return same;
}
