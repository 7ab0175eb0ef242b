"""``ebpf-build inspect``: what is in an object file."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from pytest_ebpf.objects import read_object, render


def run(arguments: Namespace) -> int:
    """Print the facts as text or JSON."""
    facts = read_object(Path(arguments.file))
    print(render.to_json(facts) if arguments.json else render.to_text(facts))
    return 0
