"""``ebpf-build adopt``: a manifest and first tests for objects that exist already."""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path

from pytest_ebpf.adoption.lacks import Lacks, lacks_of
from pytest_ebpf.adoption.manifest_text import manifest_text
from pytest_ebpf.adoption.module_text import module_text
from pytest_ebpf.adoption.survey import SurveyedObject, names_of, survey
from pytest_ebpf.cli.progress import say
from pytest_ebpf.compat.verdict import Subject
from pytest_ebpf.errors import UsageError
from pytest_ebpf.inspection import Inspection
from pytest_ebpf.kernels import KernelStore
from pytest_ebpf.kernels.selection import check_spec
from pytest_ebpf.objects import located
from pytest_ebpf.session.checking import check


def run(arguments: Namespace) -> int:
    """Write the files, all or none of them, and say what they are and what comes next."""
    output = Path(arguments.output)
    paths = list(dict.fromkeys(map(Path, arguments.files)))
    found = dict(zip(names_of(paths), map(Inspection.read, paths), strict=True))
    kernels = _kernels(arguments.kernel)
    lacks = _lacks(found, kernels)
    objects = [_survey(name, each, output, lacks.get(name)) for name, each in found.items()]
    texts = {output / "ebpf.toml": manifest_text(output.resolve().name, kernels, objects)}
    texts |= {output / "tests" / f"test_{each.name}.py": module_text(each) for each in objects}
    for path in texts:
        if path.exists():
            raise UsageError("is there already", where=str(path), hint="move it away, or give --output")
    for path, text in texts.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:  # one that came meanwhile is not overwritten either
            file.write(text)
        print(f"wrote {path}")
    for each in objects:
        if each.skipped:
            say(f"{each.path}: {each.skipped}")
    where = "" if output.resolve() == Path.cwd() else f"cd {output} && "
    print(f"next: {where}pytest -p ebpf tests")
    return 0


def _survey(name: str, found: Inspection, output: Path, lacks: Lacks | None) -> SurveyedObject:
    written = os.path.relpath(found.path.resolve(), output.resolve())
    with located(found.path):
        return survey(name, written, found.facts, found.requirements.refusals, lacks)


def _lacks(objects: Mapping[str, Inspection], specs: Sequence[str]) -> dict[str, Lacks]:
    """What is predicted of the kernels that are in the cache; others are not asked."""
    store = KernelStore(lock=None, say=say)
    kernels = [store.get(spec) for spec in specs if store.has(spec)]
    subjects = [
        Subject(name, each.facts, each.requirements) for name, each in objects.items() if each.facts.programs
    ]
    return lacks_of(check(subjects, kernels))


def _kernels(given: Sequence[str]) -> list[str]:
    """Those that are named, else the lines in the cache, else the latest."""
    specs = [spec.strip() for text in given for spec in text.split(",")]
    for spec in specs:
        check_spec(spec, where="--kernel")
    if specs:
        return specs
    cached = [each for each in KernelStore(lock=None, say=say).cached() if each.packages]
    return list(dict.fromkeys(".".join(str(each.version).split(".")[:2]) for each in cached)) or ["latest"]
