/* SPDX-License-Identifier: BSD-2-Clause */
/* Whom a process runs as, and where: user, groups, capabilities, cgroup, network namespace. */
#ifndef AGENT_IDENTITY_H
#define AGENT_IDENTITY_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "wire.h"

#define GROUPS_MAX 64u

struct identity {
	bool has_uid;
	bool has_gid;
	bool has_groups;
	bool has_caps;
	uint32_t uid;
	uint32_t gid;
	uint32_t groups[GROUPS_MAX];
	uint32_t group_count;
	uint64_t caps;			/* a mask of the capabilities that are kept */
	char cgroup[PATH_MAX];		/* a directory of cgroup2; empty: where the agent is */
	char netns[PATH_MAX];		/* likewise */
};

/* Steps of becoming a process, for saying which of them failed. */
enum stage {
	STAGE_NONE,
	STAGE_SESSION,
	STAGE_DESCRIPTORS,
	STAGE_CGROUP,
	STAGE_NETNS,
	STAGE_CAPS,
	STAGE_GROUPS,
	STAGE_GID,
	STAGE_UID,
	STAGE_CWD,
	STAGE_EXEC,
};

/* Read uid, gid, groups, caps, cgroup and netns of a call: 0, or the value of fail(). */
int arg_identity(struct call *call, struct identity *identity);

/* Have the calling process, a child, take it on: 0, or an errno with the step that failed. */
int identity_assume(const struct identity *identity, enum stage *stage);

#endif
