"""``ebpf-build schema``: the JSON schema of the manifest, or of the matrix as JSON."""

from __future__ import annotations

import json
from argparse import Namespace

from pytest_ebpf import manifest, report


def run(arguments: Namespace) -> int:
    """Print the schema."""
    print(json.dumps(report.schema() if arguments.what == "report" else manifest.schema(), indent=2))
    return 0
