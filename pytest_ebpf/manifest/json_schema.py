"""The JSON schema of a manifest, for editors."""

from __future__ import annotations

from typing import Any, Final

from pytest_ebpf.manifest.model import Document

#: The dialect, and the name that editors (taplo, Even Better TOML) match.
_HEAD: Final = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "pytest-ebpf manifest (ebpf.toml)",
}


def schema() -> dict[str, Any]:
    """The schema (draft 2020-12) of what :func:`~pytest_ebpf.manifest.load` takes, but for cross checks."""
    return {**Document.model_json_schema(by_alias=True), **_HEAD}
