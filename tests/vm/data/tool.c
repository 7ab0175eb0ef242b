/* A binary to probe: a function, and a probe of its own (as <sys/sdt.h> makes them). */
#include <stdlib.h>

__attribute__((noinline)) int twice(int number)
{
	__asm__ volatile("990: nop\n"
			 ".pushsection .note.stapsdt, \"\", \"note\"\n"
			 ".balign 4\n"
			 ".4byte 992f-991f, 994f-993f, 3\n"
			 "991: .asciz \"stapsdt\"\n"
			 "992: .balign 4\n"
			 "993: .8byte 990b\n"
			 ".8byte _.stapsdt.base\n"
			 ".8byte 0\n"
			 ".asciz \"toolbox\"\n"
			 ".asciz \"doubled\"\n"
			 ".asciz \"-4@%0\"\n"
			 "994: .balign 4\n"
			 ".popsection\n"
			 ".ifndef _.stapsdt.base\n"
			 ".pushsection .stapsdt.base, \"aG\", \"progbits\", .stapsdt.base, comdat\n"
			 ".weak _.stapsdt.base\n"
			 "_.stapsdt.base: .space 1\n"
			 ".popsection\n"
			 ".endif\n"
			 : : "r"(number));
	return 2 * number;
}

int main(int argc, char **argv)
{
	return argc > 1 ? twice(atoi(argv[1])) : 0;
}
