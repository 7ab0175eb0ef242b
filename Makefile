# From a fresh Debian machine to a tested packet filter. `make demo` shows it, `make test` proves it.
# Everything is installed by this file; each step is skipped when it has been done.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
BIN := .venv/bin
KERNELS := 5.10 6.1 6.12 6.18 7.2

# What the host must have. libmsgpack-c-dev is called libmsgpack-dev up to bookworm.
PACKAGES := clang-19 llvm-19 bpftool qemu-system-x86 gcc libc6-dev make dpkg-dev libelf-dev zlib1g-dev \
	libzstd-dev xz-utils lz4 zstd util-linux cpio graphviz chromium \
	debian-archive-keyring
MSGPACK := libmsgpack-c-dev libmsgpack-dev

.PHONY: help setup packages agent kernels demo test hooks hooks-table lint bench fuzz soak clean

help:
	@echo "make demo    build sample_project and run its tests on $(words $(KERNELS)) kernels"
	@echo "make test    the whole suite"
	@echo "make bench   the benchmarks, as ratios"
	@echo "make fuzz    other examples for every property, wounded bytes for every reader, for FUZZ_SECONDS (default $(FUZZ_SECONDS))"
	@echo "make soak    SOAK_RESTORES fresh kernels in a row ($(SOAK_RESTORES)), SOAK_ROUNDS of requests ($(SOAK_ROUNDS)), each fault SOAK_FAULTS times ($(SOAK_FAULTS))"
	@echo "make clean   remove what was built here (the kernel cache stays)"

## What a machine needs

packages:
	@vm/install-packages $(PACKAGES) -- $(MSGPACK)

.venv/ready: pyproject.toml
	@echo "==> Python environment in .venv"
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is " + sys.version) if sys.version_info < (3, 11) else 0'
	@$(PYTHON) -m venv .venv
	@$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

agent: packages
	@$(MAKE) -s -C vm/agent

setup: packages agent .venv/ready

kernels: setup
	@$(BIN)/ebpf-build kernels fetch $(KERNELS)

## What it is for

demo: kernels
	@cd sample_project && ../$(BIN)/ebpf-build
	@cd sample_project && ../$(BIN)/pytest -p ebpf -q --ebpf-kernel all
	@echo
	@echo "That was your packet filter on $(words $(KERNELS)) kernels. Next: change sample_project/src/firewall.bpf.c, then"
	@echo "    cd sample_project && ../$(BIN)/ebpf-build && ../$(BIN)/pytest -p ebpf"

lint: .venv/ready
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

test: kernels lint
	@$(MAKE) -s -C vm/agent asan
	@$(BIN)/pytest -n 2
	@$(MAKE) hooks
	@echo "All of it passes. Next: make demo, or make bench for the measured claims."

# Every hook on every kernel; then with attaching left out, when each test must fail.
hooks:
	@cd tests/hooks && ../../$(BIN)/pytest -q -n 2
	@cd tests/hooks && ../../$(BIN)/pytest -q -n 2 --leave-out-attach --ebpf-kernel 7.2

hooks-table: kernels
	@cd tests/hooks && ../../$(BIN)/pytest -q -n 2 --write-table

bench: kernels
	@vm/install-packages busybox-static file kmod udev --
	@$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[bench]'
	@$(BIN)/python -m benchmarks

FUZZ_SECONDS ?= 600

# Each round starts from another seed; a failure prints the example to keep. Hypothesis marks its own tests.
fuzz: kernels
	@end=$$((SECONDS + $(FUZZ_SECONDS))); round=0; \
	while [ $$SECONDS -lt $$end ]; do \
		round=$$((round + 1)); \
		echo "==> round $$round, $$((end - SECONDS)) s left"; \
		FUZZ_EXAMPLES=3000 $(BIN)/pytest tests/fuzz tests/unit tests/toolchain -m hypothesis -q -n 2 -p no:cacheprovider --hypothesis-seed=$$RANDOM$$RANDOM; \
		seed=$$RANDOM$$RANDOM; echo "==> the agent, FUZZ_SEED=$$seed"; \
		FUZZ_EXAMPLES=1000 FUZZ_SEED=$$seed $(BIN)/pytest tests/vm/test_agent_hostile.py -q -n 2 -p no:cacheprovider; \
	done

SOAK_RESTORES ?= 2000
SOAK_ROUNDS ?= 100
SOAK_FAULTS ?= 100

soak: kernels
	@$(BIN)/python tests/soak --restores $(SOAK_RESTORES) --rounds $(SOAK_ROUNDS) --faults $(SOAK_FAULTS)

clean:
	@rm -rf .venv build dist vm/agent/build sample_project/build
