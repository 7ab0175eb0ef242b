"""``ebpf-build schema``: the JSON schema of the manifest."""

from __future__ import annotations

import json
from argparse import Namespace

from pytest_ebpf.manifest import schema


def run(_arguments: Namespace) -> int:
    """Print the schema."""
    print(json.dumps(schema(), indent=2))
    return 0
