"""Running a program by itself (``BPF_PROG_TEST_RUN``): what goes in, what comes out, why a kernel refuses."""
