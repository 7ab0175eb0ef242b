// SPDX-License-Identifier: BSD-2-Clause
/* The guest's own devices: lo, and a NIC at the end of each wire. */
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "deadline.h"
#include "init_net.h"
#include "sysfile.h"

#define MAX_WIRES 4
#define LINK_WAIT_MS 3000
#define POLL_MS 2

static void bring_up(const char *name)
{
	struct ifreq request = { .ifr_flags = IFF_UP };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request))
		complain(name, errno);
	if (fd >= 0)
		close(fd);
}

/* What is on a wire shall be what a test puts there: no address of its own, and no questions about one. */
static void set_quiet(const char *name)
{
	static const struct {
		const char *setting;
		const char *value;
	} quiet[] = {
		{ "addr_gen_mode", "1" }, /* IN6_ADDR_GEN_MODE_NONE */
		{ "accept_ra", "0" },
		{ "router_solicitations", "0" },
		{ "dad_transmits", "0" },
	};
	char path[128];

	for (size_t i = 0; i < sizeof(quiet) / sizeof(quiet[0]); i++) {
		snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/%s", name, quiet[i].setting);
		sysfile_set(path, quiet[i].value);
	}
}

/* The kernel looks at carriers once a second (linkwatch_schedule_work); until then IPv6 takes no address. */
static void wait_for_link(const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/class/net/%s/operstate", name);
	for (int waited = 0; waited < LINK_WAIT_MS && !sysfile_says(path, "up\n"); waited += POLL_MS)
		sleep_ms(POLL_MS);
}

static void bring_wires_up(void)
{
	char name[IF_NAMESIZE];
	int count = 0;

	for (int i = 0; i < MAX_WIRES; i++) {
		snprintf(name, sizeof(name), "eth%d", i);
		if (!if_nametoindex(name))
			break;
		set_quiet(name);
		bring_up(name);
		count++;
	}
	while (count-- > 0) {
		snprintf(name, sizeof(name), "eth%d", count);
		wait_for_link(name);
	}
}

void init_network(void)
{
	bring_up("lo");
	bring_wires_up();
}
