// SPDX-License-Identifier: BSD-2-Clause
/* The kernel's BTF, read once. libbpf reads and indexes its 3 to 5 MB anew for every object that has CO-RE
 * relocations, which is half of a load in an emulated guest. The linker (--wrap, see Makefile) sends libbpf's
 * two calls here: the first gives what was read before, the second leaves it. libbpf only reads it.
 */
#include <bpf/btf.h>

/* The names that the linker gives to the functions and to what stands in for them. */
struct btf *__real_btf__load_vmlinux_btf(void);
struct btf *__wrap_btf__load_vmlinux_btf(void);
void __real_btf__free(struct btf *btf);
void __wrap_btf__free(struct btf *btf);

static struct btf *kept;

struct btf *__wrap_btf__load_vmlinux_btf(void)
{
	if (!kept)
		kept = __real_btf__load_vmlinux_btf();
	return kept;
}

void __wrap_btf__free(struct btf *btf)
{
	if (btf != kept)
		__real_btf__free(btf);
}
