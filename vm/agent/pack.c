// SPDX-License-Identifier: BSD-2-Clause
/* Packing of answers. A failed write is remembered by the buffer and looked at once, after the operation. */
#include <string.h>

#include "wire.h"

/* Length of the well-formed UTF-8 sequence at `text`, 0 where there is none (RFC 3629, section 4). */
static size_t utf8_len(const unsigned char *text, size_t left)
{
	unsigned char first = text[0], low = 0x80, high = 0xbf;
	size_t len;

	if (first < 0x80)
		return 1;
	if (first < 0xc2 || first > 0xf4)
		return 0;
	len = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
	if (len > left)
		return 0;
	if (first == 0xe0)
		low = 0xa0;
	else if (first == 0xed)
		high = 0x9f;
	else if (first == 0xf0)
		low = 0x90;
	else if (first == 0xf4)
		high = 0x8f;
	if (text[1] < low || text[1] > high)
		return 0;
	for (size_t i = 2; i < len; i++) {
		if (text[i] < 0x80 || text[i] > 0xbf)
			return 0;
	}
	return len;
}

/* A msgpack str must be UTF-8: bytes that are not (a log cut short, a damaged name) become '?'. */
void pack_text(msgpack_packer *pk, const char *text, size_t len)
{
	size_t done = 0, at = 0;

	msgpack_pack_str(pk, len);
	while (at < len) {
		size_t step = utf8_len((const unsigned char *)text + at, len - at);

		if (step) {
			at += step;
			continue;
		}
		msgpack_pack_str_body(pk, text + done, at - done);
		msgpack_pack_str_body(pk, "?", 1);
		done = ++at;
	}
	msgpack_pack_str_body(pk, text + done, len - done);
}

void pack_str(msgpack_packer *pk, const char *text)
{
	pack_text(pk, text, strlen(text));
}

void pack_bool(msgpack_packer *pk, bool value)
{
	if (value)
		msgpack_pack_true(pk);
	else
		msgpack_pack_false(pk);
}

void pack_bin(msgpack_packer *pk, const void *data, size_t len)
{
	msgpack_pack_bin(pk, len);
	msgpack_pack_bin_body(pk, data, len);
}

void pack_key_u64(msgpack_packer *pk, const char *key, uint64_t value)
{
	pack_str(pk, key);
	msgpack_pack_uint64(pk, value);
}

void pack_key_str(msgpack_packer *pk, const char *key, const char *value)
{
	pack_str(pk, key);
	pack_str(pk, value);
}

int answer_nil(struct call *call)
{
	msgpack_pack_nil(&call->pk);
	return 0;
}

/* The five bytes of msgpack's "array 32", whose length list_close() fills in. */
size_t list_open(struct call *call)
{
	size_t at = call->out->len;

	buffer_write(call->out, "\xdd\0\0\0", 5);
	return at;
}

void list_close(struct call *call, size_t at, uint32_t count)
{
	unsigned char *field = (unsigned char *)call->out->data + at + 1;

	if (call->out->failed)
		return;
	field[0] = (unsigned char)(count >> 24);
	field[1] = (unsigned char)(count >> 16);
	field[2] = (unsigned char)(count >> 8);
	field[3] = (unsigned char)count;
}
