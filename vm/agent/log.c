// SPDX-License-Identifier: BSD-2-Clause
#include "log.h"

#include <bpf/libbpf.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buffer.h"
#include "wire.h"

/* libbpf begins every warning about a program, and that about a map it cannot create, this way; the name is
 * then the first argument.
 */
#define PROG_FORMAT "libbpf: prog '%s': "
#define MAP_FORMAT "libbpf: map '%s': failed to create: "

static struct {
	struct buffer text;
	char program[128];
	char map[128];
	bool active;
	bool debug;
	bool cut;
} kept = { .text.limit = 3 * LOG_KEEP };

void log_append(const char *text, size_t len)
{
	if (len > LOG_KEEP) {
		kept.cut = true;
		text += len - LOG_KEEP;
		len = LOG_KEEP;
	}
	if (kept.text.len + len > 2 * LOG_KEEP) {
		kept.cut = true;
		memmove(kept.text.data, kept.text.data + kept.text.len - LOG_KEEP, LOG_KEEP);
		kept.text.len = LOG_KEEP;
	}
	buffer_write(&kept.text, text, len);
	/* Without memory for this message, the next, shorter one may still fit. */
	kept.text.failed = false;
}

/* The first argument of a message, if its format begins with `prefix`. */
static void note_name(char *name, size_t size, const char *prefix, const char *format, va_list args)
{
	va_list copy;

	if (strncmp(format, prefix, strlen(prefix)) != 0)
		return;
	va_copy(copy, args);
	snprintf(name, size, "%s", va_arg(copy, const char *));
	va_end(copy);
}

/* Called by libbpf for each message; returns the number of bytes "printed". */
__attribute__((format(printf, 2, 0)))
static int keep_message(enum libbpf_print_level level, const char *format, va_list args)
{
	char line[1024], *text = line;
	va_list copy;
	int len;

	if (!kept.active || (level == LIBBPF_DEBUG && !kept.debug))
		return 0;
	if (level == LIBBPF_WARN) {
		note_name(kept.program, sizeof(kept.program), PROG_FORMAT, format, args);
		note_name(kept.map, sizeof(kept.map), MAP_FORMAT, format, args);
	}
	va_copy(copy, args);
	len = vsnprintf(line, sizeof(line), format, args);
	/* A verifier log is one message of up to megabytes. */
	if (len >= (int)sizeof(line)) {
		text = malloc((size_t)len + 1);
		if (text)
			vsnprintf(text, (size_t)len + 1, format, copy);
	}
	va_end(copy);
	if (len > 0 && text)
		log_append(text, (size_t)len);
	if (text != line)
		free(text);
	return len;
}

void log_init(void)
{
	libbpf_set_print(keep_message);
}

void log_start(bool debug)
{
	log_stop();
	kept.active = true;
	kept.debug = debug;
}

void log_cut(void)
{
	kept.cut = true;
}

void log_pack(msgpack_packer *pk)
{
	static const char note[] = "(there was more of this log: only its end is kept)\n";
	size_t len = kept.text.len;

	if (kept.cut || len > LOG_KEEP) {
		len = (len < LOG_KEEP ? len : LOG_KEEP) + sizeof(note) - 1;
		log_append(note, sizeof(note) - 1);
	}
	if (len > kept.text.len) /* there was no memory for the note */
		len = kept.text.len;
	pack_text(pk, len ? kept.text.data + kept.text.len - len : "", len);
}

const char *log_program(void)
{
	return kept.program;
}

const char *log_map(void)
{
	return kept.map;
}

void log_stop(void)
{
	buffer_reset(&kept.text, 64 << 10);
	kept.active = false;
	kept.cut = false;
	kept.program[0] = '\0';
	kept.map[0] = '\0';
}
