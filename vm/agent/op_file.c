// SPDX-License-Identifier: BSD-2-Clause
/* read_file, write_file: files, pipes and devices among them, none of which is waited for without end. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "deadline.h"
#include "ops.h"

#define FILE_LIMIT ((uint32_t)1 << 20)
#define FILE_MAX ((uint32_t)32 << 20)
#define PATH_ROOM 4096
/* For a pipe or a device to take what is written. */
#define WRITE_MS 10000u

/* Append a file's contents up to the buffer's limit, or to where we would have to wait for more; 0 or an errno. */
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
		if (got < 0 && errno == EAGAIN)
			break;
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
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
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

int make_parents(char *path)
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

/* Wait until there is room in a file: 0, or EAGAIN once the time is over. */
static int wait_room(int fd, uint64_t deadline)
{
	struct pollfd room = { .fd = fd, .events = POLLOUT };
	uint64_t now = clock_ms();

	if (now >= deadline)
		return EAGAIN;
	poll(&room, 1, (int)(deadline - now));
	return 0;
}

/* A sysctl takes its value in one write, so all is offered at once: 0 or an errno. */
static int write_all(int fd, const struct bin *data)
{
	uint64_t deadline = deadline_in(WRITE_MS);
	size_t done = 0;

	while (done < data->len) {
		ssize_t put = write(fd, (const char *)data->data + done, data->len - done);
		int err = 0;

		if (put > 0)
			done += (size_t)put;
		else if (put == 0)
			err = EIO;
		else if (errno == EAGAIN)
			err = wait_room(fd, deadline);
		else if (errno != EINTR)
			err = errno;
		if (err)
			return err;
	}
	return 0;
}

/* Open a file to write it without waiting for a pipe's reader: a descriptor, or -1 with errno. What is no pipe and no
 * device is written as usual: a limit of a cgroup reclaims nothing for those who do not wait (kernel commit
 * c8e6002bd611, "memcg: introduce non-blocking limit setting option").
 */
static int open_to_write(const char *path, int flags)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NONBLOCK | flags, 0644);
	struct stat status;

	if (fd >= 0 && !fstat(fd, &status) && S_ISREG(status.st_mode))
		fcntl(fd, F_SETFL, flags & O_APPEND);
	return fd;
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
	fd = open_to_write(path, writing->append ? O_APPEND : O_TRUNC);
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
