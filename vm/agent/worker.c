// SPDX-License-Identifier: BSD-2-Clause
#include "worker.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#ifndef __x86_64__
#error "system calls by number are written for x86-64"
#endif

/* Above READY_FD of process.c: a test sees its own descriptors from 3 on. */
#define SOCKET_FD 910
#define NO_TIMEOUT UINT32_MAX

/* One made ahead, with the worker's end of its socket. */
static struct {
	struct worker *worker;
	int theirs;
} spare;

static struct worker *make(int *theirs)
{
	struct worker *worker = calloc(1, sizeof(*worker));
	int pair[2];

	if (!worker)
		return NULL;
	worker->arena = mmap(NULL, ARENA_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (worker->arena == MAP_FAILED) {
		free(worker);
		return NULL;
	}
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair)) {
		munmap(worker->arena, ARENA_SIZE);
		free(worker);
		return NULL;
	}
	worker->socket = pair[0];
	*theirs = pair[1];
	return worker;
}

void worker_prepare(void)
{
	if (!spare.worker)
		spare.worker = make(&spare.theirs);
}

struct worker *worker_new(int *theirs)
{
	struct worker *worker = spare.worker;

	if (!worker)
		return make(theirs);
	*theirs = spare.theirs;
	spare.worker = NULL;
	return worker;
}

void worker_forget(const struct worker *worker)
{
	munmap(worker->arena, ARENA_SIZE);
}

void worker_free(struct worker *worker)
{
	if (!worker)
		return;
	munmap(worker->arena, ARENA_SIZE);
	close(worker->socket);
	free(worker);
}

enum turn turn_now(const struct arena *arena)
{
	return __atomic_load_n(&arena->turn, __ATOMIC_ACQUIRE);
}

void turn_give(struct arena *arena, enum turn turn)
{
	__atomic_store_n(&arena->turn, turn, __ATOMIC_RELEASE);
	syscall(SYS_futex, &arena->turn, FUTEX_WAKE, 1, NULL, NULL, 0);
}

void turn_wait(const struct arena *arena, enum turn turn, uint32_t timeout_ms)
{
	const struct timespec most = {
		.tv_sec = timeout_ms / 1000,
		.tv_nsec = (long)(timeout_ms % 1000) * 1000000,
	};

	syscall(SYS_futex, &arena->turn, FUTEX_WAIT, turn, timeout_ms == NO_TIMEOUT ? NULL : &most, NULL, 0);
}

/* Without a function of libc around it: the child of a vfork comes back here too, on its parent's stack. */
static inline __attribute__((always_inline)) int64_t raw_call(uint64_t number, const uint64_t *args)
{
	register uint64_t r10 __asm__("r10") = args[3];
	register uint64_t r8 __asm__("r8") = args[4];
	register uint64_t r9 __asm__("r9") = args[5];
	int64_t ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(number), "D"(args[0]), "S"(args[1]), "d"(args[2]), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return ret;
}

static bool makes_child(uint64_t number)
{
	return number == SYS_fork || number == SYS_vfork || number == SYS_clone || number == SYS_clone3;
}

static void resolve(struct arena *arena, struct slot *slot)
{
	for (unsigned int i = 0; i < SLOT_ARGS; i++) {
		if (slot->refs >> i & 1)
			slot->args[i] = (uint64_t)arena->slots[slot->args[i]].ret;
	}
}

static void carry_out_calls(struct arena *arena)
{
	const uint64_t none[SLOT_ARGS] = {};

	for (uint32_t i = 0; i < arena->count; i++) {
		struct slot *slot = &arena->slots[i];

		resolve(arena, slot);
		if (makes_child(slot->number)) {
			int64_t ret = raw_call(slot->number, slot->args);

			/* A child would go on in its parent's place: it ends at once. */
			if (ret == 0)
				raw_call(SYS_exit, none);
			slot->ret = ret;
		} else {
			slot->ret = raw_call(slot->number, slot->args);
		}
		__atomic_store_n(&arena->done, i + 1, __ATOMIC_RELAXED);
	}
}

/* Take the descriptor that waits in the socket: its number, or a negative errno. */
static int64_t take_descriptor(int socket)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	char byte;
	struct iovec data = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr message = {
		.msg_iov = &data,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	const struct cmsghdr *head;
	int fd;

	if (recvmsg(socket, &message, MSG_DONTWAIT) < 0)
		return -errno;
	head = CMSG_FIRSTHDR(&message);
	/* Without one: it could not be received, for want of room or of leave. */
	if (!head || head->cmsg_type != SCM_RIGHTS)
		return -EBADF;
	memcpy(&fd, CMSG_DATA(head), sizeof(fd));
	return fd;
}

static void __attribute__((noreturn)) serve_calls(struct arena *arena, int socket)
{
	for (;;) {
		if (turn_now(arena) != TURN_WORKER) {
			turn_wait(arena, TURN_AGENT, NO_TIMEOUT);
			continue;
		}
		if (arena->task == TASK_RECEIVE)
			arena->slots[0].ret = take_descriptor(socket);
		else
			carry_out_calls(arena);
		turn_give(arena, TURN_AGENT);
	}
}

/* The socket came as standard input; the test's own descriptors 0 to 2 are /dev/null. */
int worker_body(void *context, int ready, enum stage *stage)
{
	const struct worker_start *start = context;
	int socket = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, SOCKET_FD);

	*stage = STAGE_DESCRIPTORS;
	if (socket < 0 || dup2(STDOUT_FILENO, STDIN_FILENO) < 0)
		return errno;
	*stage = STAGE_SESSION;
	/* A change of user takes a process's files in /proc from it. */
	if (prctl(PR_SET_NAME, start->comm, 0, 0, 0) || prctl(PR_SET_DUMPABLE, 1, 0, 0, 0))
		return errno;
	/* Writing to a closed socket is EPIPE, as in Python. */
	signal(SIGPIPE, SIG_IGN);
	close(ready);
	serve_calls(start->arena, socket);
}
