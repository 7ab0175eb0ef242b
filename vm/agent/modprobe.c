// SPDX-License-Identifier: BSD-2-Clause
/*
 * A small modprobe. The host writes its index (pytest_ebpf/machine/initramfs.py) in words that are separated by
 * blanks: in MODULES_DEP a module and all that is to be inserted for it, itself the last; in MODULES_ALIAS a
 * pattern and a module that goes by it. Dashes are underscores in both, except between brackets.
 */
#include "modprobe.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MODULES_DEP "/modules.dep"
#define MODULES_ALIAS "/modules.alias"
#define MODULE_PATH "/modules/%s.ko"
/* The kernel asks for no name as long as MODULE_NAME_LEN, 56 bytes (request_module). */
#define NAME_ROOM 128

struct line {
	char *text;
	size_t room;
	char *rest;		/* what next_word() has not given yet */
};

static char *next_word(struct line *line)
{
	char *word;

	do
		word = strsep(&line->rest, " \n");
	while (word && !*word);
	return word;
}

/* The first word of the next line; NULL at the end. */
static char *next_line(FILE *file, struct line *line)
{
	if (getline(&line->text, &line->room, file) < 0)
		return NULL;
	line->rest = line->text;
	return next_word(line);
}

int module_insert(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int err = 0;

	if (fd < 0)
		return errno;
	if (syscall(SYS_finit_module, fd, "", 0) && errno != EEXIST)
		err = errno;
	close(fd);
	return err;
}

static int insert_all(struct line *names)
{
	char path[NAME_ROOM + sizeof(MODULE_PATH)];
	const char *name;
	int err = 0;

	while (!err && (name = next_word(names))) {
		int len = snprintf(path, sizeof(path), MODULE_PATH, name);

		err = len < (int)sizeof(path) ? module_insert(path) : ENAMETOOLONG;
	}
	return err;
}

/* Insert the module of just this name. */
static int probe_name(const char *name, bool *found)
{
	FILE *file = fopen(MODULES_DEP, "re");
	struct line line = {};
	const char *word;
	int err = 0;

	if (!file)
		return errno == ENOENT ? 0 : errno;
	while ((word = next_line(file, &line))) {
		if (strcmp(word, name) == 0) {
			*found = true;
			err = insert_all(&line);
			break;
		}
	}
	free(line.text);
	fclose(file);
	return err;
}

static int probe_aliases(const char *name, bool *found)
{
	FILE *file = fopen(MODULES_ALIAS, "re");
	struct line line = {};
	const char *pattern;
	int err = 0;

	if (!file)
		return errno == ENOENT ? 0 : errno;
	while (!err && (pattern = next_line(file, &line))) {
		const char *module = next_word(&line);

		if (module && fnmatch(pattern, name, 0) == 0)
			err = probe_name(module, found);
	}
	free(line.text);
	fclose(file);
	return err;
}

int module_probe(const char *name, bool *found)
{
	char plain[NAME_ROOM];
	int err;

	*found = false;
	if (strlen(name) >= sizeof(plain))
		return 0;
	strcpy(plain, name);
	for (char *dash = plain; (dash = strchr(dash, '-'));)
		*dash = '_';
	err = probe_name(plain, found);
	return err || *found ? err : probe_aliases(plain, found);
}

bool called_as_modprobe(const char *argv0)
{
	const char *slash = argv0 ? strrchr(argv0, '/') : NULL;

	return argv0 && strcmp(slash ? slash + 1 : argv0, "modprobe") == 0;
}

int modprobe_main(int argc, char **argv)
{
	bool quiet = false;
	int at = 1, status = EXIT_SUCCESS;

	for (; at < argc && argv[at][0] == '-'; at++) {
		if (strcmp(argv[at], "--") == 0) {
			at++;
			break;
		}
		quiet |= strcmp(argv[at], "-q") == 0;
	}
	for (; at < argc; at++) {
		bool found;
		int err = module_probe(argv[at], &found);

		if (!err && found)
			continue;
		status = EXIT_FAILURE;
		if (!quiet)
			fprintf(stderr, "modprobe: %s: %s\n", argv[at], err ? strerror(err) : "no such module");
	}
	return status;
}
