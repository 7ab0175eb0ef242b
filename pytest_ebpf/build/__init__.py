"""From a manifest to objects: C by Jinja, compiled by clang, as far as anything changed."""

from __future__ import annotations

from pytest_ebpf.build.driver import BuildResult, BuiltObject, build

__all__ = ["BuildResult", "BuiltObject", "build"]
