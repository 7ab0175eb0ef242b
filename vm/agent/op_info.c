// SPDX-License-Identifier: BSD-2-Clause
/* hello, klog and files: what the machine is and says. */
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "ops.h"

#define KLOG_MAX ((size_t)1 << 20)
/* CONSOLE_EXT_LOG_MAX, PRINTK_MESSAGE_MAX: no record of /dev/kmsg is longer. */
#define KLOG_RECORD 8192
#define FILE_LIMIT ((uint32_t)1 << 20)
#define FILE_MAX ((uint32_t)32 << 20)
#define PATH_ROOM 4096

int op_hello(struct call *call)
{
	struct utsname name;

	if (uname(&name))
		return fail(call, errno, "uname");
	msgpack_pack_map(&call->pk, 5);
	pack_key_u64(&call->pk, "protocol", PROTOCOL_VERSION);
	pack_key_str(&call->pk, "agent", AGENT_VERSION);
	pack_key_str(&call->pk, "libbpf", libbpf_version_string());
	pack_key_str(&call->pk, "release", name.release);
	pack_key_str(&call->pk, "machine", name.machine);
	return 0;
}

/* Read records from where the last call stopped into `text`, the first line of each: what follows are
 * dictionary lines. 0 or an errno.
 */
static int read_klog(int fd, struct buffer *text)
{
	char record[KLOG_RECORD + 1];

	while (text->limit - text->len > KLOG_RECORD) {
		ssize_t len = read(fd, record, KLOG_RECORD);
		const char *end;

		if (len < 0 && errno == EAGAIN)
			return 0;
		/* EPIPE: records were overwritten before we came; the next read goes on with the oldest. */
		if (len < 0 && (errno == EPIPE || errno == EINTR))
			continue;
		if (len < 0)
			return errno;
		record[len] = '\n';
		end = memchr(record, '\n', (size_t)len + 1);
		buffer_write(text, record, (size_t)(end - record) + 1);
	}
	return 0;
}

int op_klog(struct call *call)
{
	static int fd = -1;
	struct buffer text = { .limit = KLOG_MAX };
	bool clear = false;
	int err = arg_bool_opt(call, "clear", &clear);

	if (err)
		return err;
	if (fd < 0)
		fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return fail(call, errno, "/dev/kmsg");
	if (clear && lseek(fd, 0, SEEK_END) < 0)
		return fail(call, errno, "/dev/kmsg");
	err = read_klog(fd, &text);
	if (!err && text.failed)
		err = ENOMEM;
	if (err)
		err = fail(call, err, "/dev/kmsg");
	else
		pack_text(&call->pk, text.len ? text.data : "", text.len);
	buffer_reset(&text, 0);
	return err;
}

/* Append a file's contents up to the buffer's limit; 0 or an errno. */
static int read_all(int fd, struct buffer *data)
{
	while (data->len < data->limit) {
		size_t want = data->limit - data->len < 65536 ? data->limit - data->len : 65536;
		ssize_t got;

		if (!buffer_reserve(data, want))
			return ENOMEM;
		got = read(fd, data->data + data->len, want);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return errno;
		if (got == 0)
			break;
		data->len += (size_t)got;
	}
	return 0;
}

int op_read_file(struct call *call)
{
	struct buffer data = {};
	uint32_t limit = FILE_LIMIT;
	char path[PATH_ROOM];
	int fd, err;

	err = arg_str(call, "path", path, sizeof(path)) ?: arg_u32_opt(call, "limit", &limit);
	if (err)
		return err;
	if (limit > FILE_MAX)
		return fail(call, EINVAL, "limit: more than %u (%u)", FILE_MAX, limit);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return fail(call, errno, "%s", path);
	data.limit = limit;
	err = read_all(fd, &data);
	if (err)
		err = fail(call, err, "%s", path);
	else
		pack_bin(&call->pk, data.data, data.len);
	close(fd);
	buffer_reset(&data, 0);
	return err;
}

/* Make the directories above a file, those that are missing: 0 or an errno. */
static int make_parents(char *path)
{
	if (!path[0])
		return ENOENT;
	for (char *at = strchr(path + 1, '/'); at; at = strchr(at + 1, '/')) {
		*at = '\0';
		if (mkdir(path, 0755) && errno != EEXIST)
			return errno;
		*at = '/';
	}
	return 0;
}

/* A sysctl takes its value in one write, so all is offered at once: 0 or an errno. */
static int write_all(int fd, const struct bin *data)
{
	size_t done = 0;

	while (done < data->len) {
		ssize_t put = write(fd, (const char *)data->data + done, data->len - done);

		if (put >= 0)
			done += (size_t)put;
		else if (errno != EINTR)
			return errno;
	}
	return 0;
}

/* A symbolic link: 0 or an errno. */
static int write_link(const char *path, const struct bin *target)
{
	char text[PATH_ROOM];

	if (target->len >= sizeof(text) || memchr(target->data, '\0', target->len))
		return EINVAL;
	memcpy(text, target->data, target->len);
	text[target->len] = '\0';
	return symlink(text, path) ? errno : 0;
}

/* How a file is written. */
struct writing {
	uint32_t mode;
	bool has_mode;
	bool parents;
	bool append;
	bool replace;
	bool link;
};

/* 0 or an errno. */
static int write_file(char *path, const struct bin *data, const struct writing *writing)
{
	int fd, err = writing->parents ? make_parents(path) : 0;

	if (err)
		return err;
	/* What runs from the file that was there goes on with it. */
	if ((writing->replace || writing->link) && unlink(path) && errno != ENOENT)
		return errno;
	if (writing->link)
		return write_link(path, data);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | (writing->append ? O_APPEND : O_TRUNC), 0644);
	if (fd < 0)
		return errno;
	err = write_all(fd, data);
	if (!err && writing->has_mode && fchmod(fd, writing->mode))
		err = errno;
	if (close(fd) && !err)
		err = errno;
	return err;
}

int op_write_file(struct call *call)
{
	struct writing writing = { .has_mode = arg_find(call, "mode") };
	char path[PATH_ROOM];
	struct bin data;
	int err;

	err = arg_str(call, "path", path, sizeof(path)) ?: arg_bin(call, "data", &data) ?:
	      arg_u32_opt(call, "mode", &writing.mode) ?: arg_bool_opt(call, "parents", &writing.parents) ?:
	      arg_bool_opt(call, "append", &writing.append) ?:
	      arg_bool_opt(call, "replace", &writing.replace) ?: arg_bool_opt(call, "link", &writing.link);
	if (err)
		return err;
	if (writing.mode > 07777)
		return fail(call, EINVAL, "mode: more than 07777 (0%o)", writing.mode);
	err = write_file(path, &data, &writing);
	return err ? fail(call, err, "%s", path) : answer_nil(call);
}
