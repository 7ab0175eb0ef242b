// SPDX-License-Identifier: BSD-2-Clause
/*
 * The guest agent: carries out what docs/protocol.md describes, over a virtio-serial port as PID 1 of a guest,
 * or over a pipe with --stdio. As /sbin/modprobe of a guest it inserts the modules that the kernel asks for.
 */
#include <bpf/libbpf.h>
#include <malloc.h>
#include <msgpack.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "frame.h"
#include "init.h"
#include "log.h"
#include "modprobe.h"
#include "ops.h"

#define EXIT_USAGE 1
#define EXIT_PROTOCOL 2

/* Bytes: larger blocks are given back when they are freed, and so is what the heap has beyond the second. */
#define HEAP_BLOCK (1 << 20)
#define HEAP_KEPT (4 << 20)

/* Parse one frame and answer it; false when it is not exactly one request. */
static bool answer_frame(const char *body, size_t len, struct buffer *answer)
{
	msgpack_unpacked request;
	size_t used = 0;
	bool ok;

	msgpack_unpacked_init(&request);
	frame_begin(answer);
	ok = msgpack_unpack_next(&request, body, len, &used) == MSGPACK_UNPACK_SUCCESS && used == len &&
	     serve_request(&request.data, answer);
	msgpack_unpacked_destroy(&request);
	return ok;
}

/* Serve until the stream ends or says something that is no request; *why says which. */
static enum frame_status serve(struct stream *stream, const char **why)
{
	struct buffer answer = {};
	enum frame_status status;

	for (;;) {
		const char *body;
		size_t len;

		status = frame_read(stream, &body, &len);
		if (status == FRAME_OK && !answer_frame(body, len, &answer)) {
			*why = "a frame is not a request of the protocol, or its answer is too long";
			break;
		}
		if (status == FRAME_OK)
			status = frame_send(stream, &answer);
		if (status != FRAME_OK) {
			*why = frame_text(status);
			break;
		}
	}
	buffer_reset(&answer, 0);
	return status;
}

static int serve_stdio(void)
{
	struct stream stream;
	enum frame_status status;
	const char *why = NULL;

	signal(SIGPIPE, SIG_IGN);
	stream_init(&stream, STDIN_FILENO, STDOUT_FILENO);
	status = serve(&stream, &why);
	buffer_reset(&stream.pending, 0);
	if (status == FRAME_END)
		return 0;
	fprintf(stderr, "pytest-ebpf: %s\n", why);
	return EXIT_PROTOCOL;
}

/* A host that hangs up may come back (a saved machine is restored so), and then starts a new stream. */
static void serve_port(int port)
{
	struct stream stream;
	const char *why = "the host did not open its end of the port";

	stream_init(&stream, port, port);
	while (init_wait_host(port)) {
		enum frame_status status = serve(&stream, &why);

		if (status != FRAME_END && status != FRAME_CUT)
			break;
		stream_restart(&stream);
	}
	printf("pytest-ebpf: %s\n", why);
}

static void __attribute__((noreturn)) run_as_init(void)
{
	int port;

	init_system();
	port = init_open_port();
	if (port < 0) {
		printf("pytest-ebpf: no virtio-serial port named pytest-ebpf.0 within 10 s\n");
	} else {
		printf("pytest-ebpf: agent ready\n");
		serve_port(port);
	}
	fflush(stdout);
	init_power_off();
}

/* A heap that grows and shrinks with every call has the kernel work for each of them. */
static void keep_heap(void)
{
	mallopt(M_MMAP_THRESHOLD, HEAP_BLOCK);
	mallopt(M_TRIM_THRESHOLD, HEAP_KEPT);
}

int main(int argc, char **argv)
{
	if (called_as_modprobe(argv[0]))
		return modprobe_main(argc, argv);
	keep_heap();
	log_init();
	if (argc == 2 && strcmp(argv[1], "--stdio") == 0)
		return serve_stdio();
	if (argc == 2 && strcmp(argv[1], "--version") == 0) {
		printf("agent %s, protocol %d, libbpf %s\n", AGENT_VERSION, PROTOCOL_VERSION,
		       libbpf_version_string());
		return 0;
	}
	if (getpid() == 1)
		run_as_init();
	fprintf(stderr, "usage: agent --stdio | --version (without arguments it is the init of a guest)\n");
	return EXIT_USAGE;
}
