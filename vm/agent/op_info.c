// SPDX-License-Identifier: BSD-2-Clause
/* hello, klog: what the machine is and says. */
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "ops.h"
#include "wake.h"

#define KLOG_MAX ((size_t)1 << 20)
/* CONSOLE_EXT_LOG_MAX, PRINTK_MESSAGE_MAX: no record of /dev/kmsg is longer. */
#define KLOG_RECORD 8192

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

int wake_open_log(void)
{
	static int fd = -1;

	if (fd < 0)
		fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	return fd;
}

int op_klog(struct call *call)
{
	struct buffer text = { .limit = KLOG_MAX };
	bool clear = false;
	int fd, err = arg_bool_opt(call, "clear", &clear);

	if (err)
		return err;
	fd = wake_open_log();
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
