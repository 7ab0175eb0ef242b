// SPDX-License-Identifier: BSD-2-Clause
/* Classifiers of tc, on the clsact qdisc, which is made for the first and removed with the last of them. */
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "attach_net.h"
#include "netns.h"

#define POINT_ROOM 16

/* One that we made, in the namespace with that inode. */
struct qdisc {
	struct qdisc *next;
	ino_t netns;
	int ifindex;
	uint32_t users;
};

struct classifier {
	int netns;		/* a descriptor */
	struct qdisc *qdisc;	/* NULL where it was there before */
	int ifindex;
	enum bpf_tc_attach_point point;
	uint32_t handle;
	uint32_t priority;
};

static struct qdisc *qdiscs;

static int arg_point(struct call *call, enum bpf_tc_attach_point *point)
{
	char name[POINT_ROOM];
	int err = arg_str(call, "point", name, sizeof(name));

	if (err)
		return err;
	if (strcmp(name, "ingress") == 0)
		*point = BPF_TC_INGRESS;
	else if (strcmp(name, "egress") == 0)
		*point = BPF_TC_EGRESS;
	else
		return fail(call, EINVAL, "point: no such point (%s)", name);
	return 0;
}

static int make_clsact(int ifindex)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = BPF_TC_INGRESS);

	return bpf_tc_hook_create(&hook);
}

static void remove_clsact(int ifindex)
{
	/* Both points: the qdisc itself. */
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);

	bpf_tc_hook_destroy(&hook);
}

/* See to it that the device has the qdisc: 0, or fail(). */
static int take_qdisc(struct call *call, const struct classifier *where, ino_t netns, struct qdisc **taken)
{
	struct qdisc *qdisc;
	int err = -make_clsact(where->ifindex);

	*taken = NULL;
	if (err == EEXIST) {
		for (qdisc = qdiscs; qdisc; qdisc = qdisc->next) {
			if (qdisc->netns == netns && qdisc->ifindex == where->ifindex) {
				qdisc->users++;
				*taken = qdisc;
			}
		}
		return 0;
	}
	if (err)
		return fail(call, err, "the clsact qdisc of device %d", where->ifindex);
	qdisc = calloc(1, sizeof(*qdisc));
	if (!qdisc) {
		remove_clsact(where->ifindex);
		return fail(call, ENOMEM, "no memory for a qdisc");
	}
	*qdisc = (struct qdisc){ .next = qdiscs, .netns = netns, .ifindex = where->ifindex, .users = 1 };
	qdiscs = qdisc;
	*taken = qdisc;
	return 0;
}

static void drop_qdisc(struct qdisc *qdisc)
{
	struct qdisc **at = &qdiscs;

	if (!qdisc || --qdisc->users)
		return;
	remove_clsact(qdisc->ifindex);
	while (*at != qdisc)
		at = &(*at)->next;
	*at = qdisc->next;
	free(qdisc);
}

static int take_off(const struct classifier *from)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = from->ifindex, .attach_point = from->point);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = from->handle, .priority = from->priority);
	int err = -bpf_tc_detach(&hook, &opts);

	/* The device may be gone, or somebody removed the qdisc. */
	return err == ENODEV || err == ENOENT || err == EINVAL ? 0 : err;
}

static void free_classifier(struct classifier *classifier)
{
	close(classifier->netns);
	free(classifier);
}

static int detach_tc(void *state)
{
	struct classifier *classifier = state;
	int saved = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	int err = saved < 0 || setns(classifier->netns, CLONE_NEWNET) ? errno : 0;

	if (!err) {
		err = take_off(classifier);
		drop_qdisc(classifier->qdisc);
		netns_leave(saved);
	} else if (saved >= 0) {
		close(saved);
	}
	free_classifier(classifier);
	return err;
}

static int put_on(struct call *call, const struct handle *prog, struct classifier *on, ino_t netns)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = on->ifindex, .attach_point = on->point);
	LIBBPF_OPTS(bpf_tc_opts, opts, .prog_fd = prog->fd, .handle = on->handle, .priority = on->priority);
	int err = take_qdisc(call, on, netns, &on->qdisc);

	if (err)
		return err;
	err = -bpf_tc_attach(&hook, &opts);
	if (err) {
		drop_qdisc(on->qdisc);
		return fail(call, err, "tc of device %d, handle %u, priority %u", on->ifindex, on->handle,
			    on->priority);
	}
	on->handle = opts.handle;
	on->priority = opts.priority;
	return 0;
}

int attach_tc(struct call *call, const struct handle *prog, struct attached *attached)
{
	struct classifier classifier = { .netns = -1 }, *copy;
	struct stat netns;
	int err = arg_interface(call, &classifier.ifindex) ?: arg_point(call, &classifier.point) ?:
		  arg_u32_opt(call, "handle", &classifier.handle) ?:
		  arg_u32_opt(call, "priority", &classifier.priority);

	if (err)
		return err;
	copy = malloc(sizeof(*copy));
	classifier.netns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (!copy || classifier.netns < 0 || fstat(classifier.netns, &netns))
		err = fail(call, copy ? errno : ENOMEM, "/proc/self/ns/net");
	else
		err = put_on(call, prog, &classifier, netns.st_ino);
	if (err) {
		if (classifier.netns >= 0)
			close(classifier.netns);
		free(copy);
		return err;
	}
	*copy = classifier;
	attached->state = copy;
	attached->detach = detach_tc;
	return 0;
}
