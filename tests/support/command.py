"""``ebpf-build``, as somebody runs it in a folder, on a screen of 80 columns."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

COMMAND = Path(sys.executable).with_name("ebpf-build")


def ebpf_build(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run it to its end; whatever comes of it, no traceback."""
    done = subprocess.run(
        [COMMAND, *words],
        cwd=folder,
        env={**os.environ, "COLUMNS": "80"},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert "Traceback" not in done.stderr
    return done
