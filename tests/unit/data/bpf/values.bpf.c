/*
 * The types that tests/unit/test_values_codecs.py reads and writes.
 *
 * values.le.o and values.be.o are what clang 19 makes of this file:
 *   clang-19 -target bpfel -g -O2 -c values.bpf.c -o values.le.o && llvm-strip-19 -g values.le.o
 * and the same with bpfeb. The initial values below are read back by the tests.
 */
typedef unsigned char __u8;
typedef unsigned short __u16;
typedef unsigned int __u32;
typedef unsigned long long __u64;
typedef signed char __s8;
typedef short __s16;
typedef int __s32;
typedef long long __s64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u64 __be64;
typedef _Bool bool;

typedef __be32 ebpf_ipv4;
typedef struct {
	__u8 bytes[16];
} ebpf_ipv6;
typedef struct {
	__u8 bytes[6];
} ebpf_mac;
struct ebpf_ipv4_prefix {
	__u32 prefixlen;
	ebpf_ipv4 address;
};
struct ebpf_ipv6_prefix {
	__u32 prefixlen;
	ebpf_ipv6 address;
};
struct in_addr {
	__be32 s_addr;
};
struct in6_addr {
	union {
		__u8 u6_addr8[16];
		__be32 u6_addr32[4];
	} in6_u;
};
struct bpf_spin_lock {
	__u32 val;
};

enum action { PASS, DROP, ANSWER };
enum offset { BEHIND = -1, HERE, AHEAD };

struct rule {
	enum action action;
	__u64 hits;
};

struct numbers {
	__u8 a;
	__s8 b;
	__u16 c;
	__s16 d;
	__u32 e;
	__s32 f;
	__u64 g;
	__s64 h;
	unsigned __int128 i;
	bool j;
	enum offset k;
	void *l;
};

struct packet {
	__be16 port;
	__be32 mark;
	__be64 cookie;
	ebpf_ipv4 source;
	ebpf_ipv6 source6;
	ebpf_mac from;
	struct in_addr target;
	struct in6_addr target6;
};

struct keys {
	struct ebpf_ipv4_prefix v4;
	struct ebpf_ipv6_prefix v6;
};

struct text {
	char name[8];
	__u8 digest[4];
	const volatile __u16 ports[3];
	struct rule rules[2];
	int grid[2][2];
	char letter;
};

struct bits {
	__u32 version : 4;
	__u32 length : 12;
	int delta : 5;
	bool urgent : 1;
	enum action action : 2;
	__u64 wide : 40;
};

union number {
	__u32 whole;
	__u8 bytes[4];
	__u16 half;
};

struct locked {
	struct bpf_spin_lock lock;
	__u32 count;
};

struct nested {
	__u32 kind;
	union {
		__u64 handle;
		struct {
			__u32 low;
			__u32 high;
		};
	};
	struct {
		__u16 left;
		__u16 right;
	};
	union number number;
};

typedef struct {
	__u32 x;
	__u32 y;
} point;

struct outer {
	point where;
	double weight;
	float share;
	__u8 tail[];
};

struct numbers numbers = { 200, -100, 60000, -30000, 4000000000u, -2000000000, 1ull << 63, -5,
			   (unsigned __int128)7 << 64 | 9, 1, BEHIND, 0 };
struct packet packet = {
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	.port = 8080, .mark = 0x01020304, .cookie = 0x0102030405060708, .source = 0x0a010203,
	.target = { 0x7f000001 },
#else
	.port = 0x901f, .mark = 0x04030201, .cookie = 0x0807060504030201, .source = 0x0302010a,
	.target = { 0x0100007f },
#endif
	.source6 = { { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 } },
	.from = { { 2, 0, 0, 0, 0, 0xff } },
	.target6 = { { .u6_addr8 = { [15] = 1 } } },
};
struct keys keys = {
	.v4 = { 8, 10 << (8 * (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? 3 : 0)) },
	.v6 = { 32, { { 0x20, 0x01, 0x0d, 0xb8 } } },
};
struct text text = { "edge", { 1, 2, 3, 4 }, { 1, 2, 3 }, { { DROP, 1 }, { PASS, 2 } },
		     { { 1, 2 }, { 3, 4 } }, 'x' };
struct bits bits = { 4, 1500, -7, 1, ANSWER, 0xabcdef0123 };
struct locked locked = { { 1 }, 6 };
struct nested nested = { 1, { 0x0000000200000001 }, { 3, 4 }, { 0x01010101 } };
struct outer outer = { { 1, -1 }, 1.5, 0.25 };
union number number = { 5 };
struct rule rule = { DROP, 12 };
int (*function)(struct rule *) = 0;
