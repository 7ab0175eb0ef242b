"""Run ninja, the one that PyPI's package brings, and say what became of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import ninja

from pytest_ebpf import process
from pytest_ebpf.build import diagnostics
from pytest_ebpf.build.diagnostics import Advise, Step
from pytest_ebpf.errors import BuildError, ToolError

#: Seconds. A build is long only with hundreds of programs; a clang that hangs must not hang a CI job.
DEADLINE: Final = 1800.0

#: What ninja says of a graph; the line itself and a mark below it may follow.
_TOLD: Final = re.compile(r"^ninja: (?:error|fatal): (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Ninja:
    """Ninja on one graph: the *root* it runs in and the *graph* file, both as ninja gets them."""

    root: Path
    graph: str

    def build(self, targets: tuple[str, ...], *, jobs: int | None, advise: Advise) -> tuple[Step, ...]:
        """Bring *targets* up to date and return the steps taken.

        *jobs* is how many run at once (None: as many as ninja thinks fit), *advise* makes more of what clang
        says. A step that fails does not stop the others. :class:`BuildError` for the errors of clang, all at
        once; :class:`ToolError` when ninja itself cannot go on. Ctrl-C ends ninja, which ends its compilers
        and removes what they left half done.
        """
        words = ["-k", "0", *(["-j", str(jobs)] if jobs else []), *targets]
        done = self._run(words)
        taken = diagnostics.steps(done.stdout)
        failed = sorted((step for step in taken if step.failed), key=lambda step: step.name)
        if failed:
            raise _compile_error(failed, advise)
        if done.status:
            raise _ninja_error(done, where=self.graph)
        return taken

    def dependencies(self) -> dict[str, tuple[str, ...]]:
        """Return, for every output, the files its last compilation read, as clang named them."""
        done = self._run(["-t", "deps"])
        if done.status:
            raise _ninja_error(done, where=self.graph)
        return parse_dependencies(done.stdout)

    def _run(self, words: list[str]) -> process.Completed:
        binary = Path(ninja.BIN_DIR) / "ninja"
        return process.run(
            [binary, "-f", self.graph, *words],
            timeout=DEADLINE,
            cwd=self.root,
            env={"NINJA_STATUS": diagnostics.STATUS, "TERM": "dumb", "LC_ALL": "C"},
        )


def parse_dependencies(text: str) -> dict[str, tuple[str, ...]]:
    """Read ``ninja -t deps``: ``output: #deps N, ...`` and the files below it, indented."""
    found: dict[str, list[str]] = {}
    current: list[str] = []
    for line in text.splitlines():
        if line.startswith("    "):
            current.append(line.strip())
        elif ": #deps " in line:
            current = found.setdefault(line.partition(": #deps ")[0], [])
    return {output: tuple(files) for output, files in found.items()}


def _compile_error(failed: list[Step], advise: Advise) -> BuildError:
    text = diagnostics.summary(failed, advise)
    if "No space left on device" in text:
        return BuildError(
            "no space left on the device", where=failed[0].name, hint="free some space and build again"
        )
    names = ", ".join(step.name for step in failed)
    count = len(failed)
    what = f"{names} {'does' if count == 1 else 'do'} not compile"
    return BuildError(f"{what}\n{text}")


def _ninja_error(done: process.Completed, *, where: str) -> ToolError:
    said = (done.stdout + done.stderr).replace(diagnostics.STATUS, "").strip()
    if "No space left on device" in said:
        return ToolError("no space left on the device", where=where, hint="free some space and build again")
    told = _TOLD.search(said)
    why = told[1] if told else said.rpartition("\n")[2] or f"exit status {done.status}"
    return ToolError(
        f"ninja failed ({why})", where=where, hint=f"remove {Path(where).parent} and build again"
    )
