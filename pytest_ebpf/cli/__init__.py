"""The command ``ebpf-build``: the only place that prints and exits."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Final

from pytest_ebpf.cli.arguments import parse
from pytest_ebpf.errors import EbpfError, UsageError

_FAILED: Final = 1
_MISUSED: Final = 2
_INTERRUPTED: Final = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Carry out a command line and return the exit status: 0, 1 failed, 2 misused, 130 interrupted."""
    arguments = parse(sys.argv[1:] if argv is None else argv)
    try:
        status: int = arguments.run(arguments)
        sys.stdout.flush()
    except EbpfError as error:
        print(f"ebpf-build: {error}" if "\n" not in str(error) else error, file=sys.stderr)
        return _MISUSED if isinstance(error, UsageError) else _FAILED
    except KeyboardInterrupt:
        print("ebpf-build: interrupted", file=sys.stderr)
        return _INTERRUPTED
    except BrokenPipeError:  # the reader of our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _FAILED
    except OSError as error:  # a full disk, a folder that may not be written
        place = f"{error.filename}: " if error.filename else ""
        print(f"ebpf-build: {place}{error.strerror}", file=sys.stderr)
        return _FAILED
    return status
