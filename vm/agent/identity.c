// SPDX-License-Identifier: BSD-2-Clause
#include "identity.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static int read_groups(struct call *call, struct identity *identity)
{
	const msgpack_object_array *list = NULL;
	int err = arg_list_opt(call, "groups", &list);

	if (err || !list)
		return err;
	if (list->size > GROUPS_MAX)
		return fail(call, EINVAL, "groups: more than %u (%u)", GROUPS_MAX, list->size);
	for (uint32_t i = 0; i < list->size; i++) {
		char where[32];

		snprintf(where, sizeof(where), "groups[%u]", i);
		err = value_u32(call, &list->ptr[i], where, &identity->groups[i]);
		if (err)
			return err;
	}
	identity->has_groups = true;
	identity->group_count = list->size;
	return 0;
}

/* Another user than root has no group of root's, and a group of its own number, unless told otherwise. */
int arg_identity(struct call *call, struct identity *identity)
{
	int err;

	*identity = (struct identity){};
	err = arg_u32_opt(call, "uid", &identity->uid);
	if (err)
		return err;
	identity->has_uid = arg_find(call, "uid");
	identity->gid = identity->uid;
	err = arg_u32_opt(call, "gid", &identity->gid) ?: arg_u64_opt(call, "caps", &identity->caps) ?:
	      arg_str_opt(call, "cgroup", identity->cgroup, sizeof(identity->cgroup)) ?:
	      arg_str_opt(call, "netns", identity->netns, sizeof(identity->netns));
	if (err)
		return err;
	identity->has_gid = identity->has_uid || arg_find(call, "gid");
	identity->has_caps = arg_find(call, "caps");
	identity->has_groups = identity->has_uid;
	return read_groups(call, identity);
}

static int enter_cgroup(const char *directory)
{
	char path[PATH_MAX + 16];
	int fd, err = 0;

	snprintf(path, sizeof(path), "%s/cgroup.procs", directory);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return errno;
	/* 0 is the process that writes (Documentation/admin-guide/cgroup-v2.rst). */
	if (write(fd, "0", 1) != 1)
		err = errno;
	close(fd);
	return err;
}

static int enter_netns(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	int err = 0;

	if (fd < 0)
		return errno;
	if (setns(fd, CLONE_NEWNET))
		err = errno;
	close(fd);
	return err;
}

/* What is not in the bounding set does not come back with an execve, not even to root (capabilities(7)). */
static int bound_caps(uint64_t caps)
{
	for (unsigned long cap = 0; cap < 64 && prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++) {
		if (!(caps >> cap & 1) && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0))
			return errno;
	}
	return 0;
}

static int set_caps(uint64_t caps, bool ambient)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	for (unsigned int i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
		uint32_t part = (uint32_t)(caps >> 32 * i);

		data[i] = (struct __user_cap_data_struct){ part, part, part };
	}
	if (syscall(SYS_capset, &head, data))
		return errno;
	/* A user other than root has its capabilities beyond an execve only by the ambient set. */
	for (unsigned long cap = 0; ambient && cap < 64; cap++) {
		if (caps >> cap & 1 && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0))
			return errno;
	}
	return 0;
}

/* The capabilities that this kernel knows. */
static uint64_t known_caps(void)
{
	uint64_t known = 0;

	for (unsigned long cap = 0; cap < 64 && prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
		known |= 1ULL << cap;
	return known;
}

static int assume_user(const struct identity *identity, enum stage *stage)
{
	*stage = STAGE_GROUPS;
	if (identity->has_groups && setgroups(identity->group_count, identity->groups))
		return errno;
	*stage = STAGE_GID;
	if (identity->has_gid && setresgid(identity->gid, identity->gid, identity->gid))
		return errno;
	*stage = STAGE_UID;
	if (identity->has_uid && setresuid(identity->uid, identity->uid, identity->uid))
		return errno;
	return 0;
}

int identity_assume(const struct identity *identity, enum stage *stage)
{
	uint64_t caps = identity->caps & known_caps();
	int err;

	*stage = STAGE_CGROUP;
	err = identity->cgroup[0] ? enter_cgroup(identity->cgroup) : 0;
	if (err)
		return err;
	*stage = STAGE_NETNS;
	err = identity->netns[0] ? enter_netns(identity->netns) : 0;
	if (err)
		return err;
	*stage = STAGE_CAPS;
	err = identity->has_caps ? bound_caps(caps) : 0;
	if (err)
		return err;
	/* Forgotten at the next execve; without it a change from root to another user drops them all. */
	if (identity->has_caps && prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0))
		return errno;
	err = assume_user(identity, stage);
	if (err)
		return err;
	*stage = STAGE_CAPS;
	return identity->has_caps ? set_caps(caps, identity->has_uid && identity->uid) : 0;
}
