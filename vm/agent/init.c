// SPDX-License-Identifier: BSD-2-Clause
#include "init.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "deadline.h"
#include "init_net.h"
#include "modprobe.h"
#include "sysfile.h"

#define PORT_NAME "pytest-ebpf.0"
#define PORT_DIR "/sys/class/virtio-ports"
#define MODULES_LIST "/modules.list"
#define WAIT_MS 10000
#define POLL_MS 2
#define FILES_MAX 65536

static struct rlimit files_given;	/* before they were raised; zeros where we are not init */

static void mount_all(void)
{
	static const struct {
		const char *type;
		const char *dir;
	} mounts[] = {
		{ "devtmpfs", "/dev" },
		{ "proc", "/proc" },
		{ "sysfs", "/sys" },
		{ "bpf", "/sys/fs/bpf" },
		{ "debugfs", "/sys/kernel/debug" },
		{ "tracefs", "/sys/kernel/debug/tracing" },
		{ "tracefs", "/sys/kernel/tracing" },
	};

	for (size_t i = 0; i < sizeof(mounts) / sizeof(mounts[0]); i++) {
		/* Fails where it is there already, and inside sysfs, where the kernel makes it. */
		mkdir(mounts[i].dir, 0755);
		/* EBUSY: debugfs mounts tracefs by itself, a kernel may mount devtmpfs. */
		if (mount(mounts[i].type, mounts[i].dir, mounts[i].type, 0, NULL) && errno != EBUSY)
			complain(mounts[i].dir, errno);
	}
}

/* An initramfs without /dev/console leaves PID 1 with no descriptors at all. */
static void open_console(void)
{
	int fd;

	if (fcntl(STDOUT_FILENO, F_GETFD) >= 0)
		return;
	fd = open("/dev/console", O_RDWR);
	while (fd >= 0 && fd < STDERR_FILENO)
		fd = dup(fd);
}

static void load_modules(void)
{
	FILE *list = fopen(MODULES_LIST, "re");
	char path[256];

	if (!list) {
		if (errno != ENOENT)
			complain(MODULES_LIST, errno);
		return;
	}
	while (fgets(path, sizeof(path), list)) {
		int err;

		path[strcspn(path, "\n")] = '\0';
		err = path[0] ? module_insert(path) : 0;
		if (err)
			complain(path, err);
	}
	fclose(list);
}

/* Before 5.11 BPF memory counts as locked memory (kernel commit 97306be45fbe and those around it). The kernel gives
 * init 1024 descriptors (INR_OPEN_CUR); each program, map and link that a test has is one of them.
 */
static void raise_limits(void)
{
	const struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY }, many = { FILES_MAX, FILES_MAX };

	if (setrlimit(RLIMIT_MEMLOCK, &unlimited))
		complain("RLIMIT_MEMLOCK", errno);
	if (getrlimit(RLIMIT_NOFILE, &files_given) || setrlimit(RLIMIT_NOFILE, &many))
		complain("RLIMIT_NOFILE", errno);
}

void init_lower_limits(void)
{
	if (files_given.rlim_max)
		setrlimit(RLIMIT_NOFILE, &files_given);
}

void init_system(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	mount_all();
	open_console();
	load_modules();
	raise_limits();
	init_network();
	sysfile_set("/proc/sys/kernel/bpf_stats_enabled", "1");
	/* Taking a program off a tracepoint waits for a quiet moment of all CPUs: 30 to 40 ms without this. */
	sysfile_set("/sys/kernel/rcu_expedited", "1");
}

static bool port_is_ours(const char *port)
{
	char path[300];

	snprintf(path, sizeof(path), PORT_DIR "/%s/name", port);
	return sysfile_says(path, PORT_NAME "\n");
}

/* Its device, open, or -1: ports and their names come in messages of the host, some time after the driver. */
static int find_port(void)
{
	DIR *dir = opendir(PORT_DIR);
	const struct dirent *entry;
	char path[300];
	int fd = -1;

	if (!dir)
		return -1;
	while (fd < 0 && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.' || !port_is_ours(entry->d_name))
			continue;
		snprintf(path, sizeof(path), "/dev/%s", entry->d_name);
		fd = open(path, O_RDWR | O_CLOEXEC);
	}
	closedir(dir);
	return fd;
}

int init_open_port(void)
{
	for (int waited = 0; waited < WAIT_MS; waited += POLL_MS) {
		int fd = find_port();

		if (fd >= 0)
			return fd;
		sleep_ms(POLL_MS);
	}
	return -1;
}

bool init_wait_host(int port)
{
	for (int waited = 0; waited < WAIT_MS; waited += POLL_MS) {
		struct pollfd state = { .fd = port, .events = POLLIN };

		/* The port polls as hung up as long as the host's end is closed (port_fops_poll). */
		if (poll(&state, 1, 0) >= 0 && !(state.revents & POLLHUP))
			return true;
		sleep_ms(POLL_MS);
	}
	return false;
}

void init_power_off(void)
{
	sync();
	reboot(RB_POWER_OFF);
	/* Without ACPI that does nothing; a reset ends a machine started with -no-reboot. */
	reboot(RB_AUTOBOOT);
	for (;;)
		pause();
}
