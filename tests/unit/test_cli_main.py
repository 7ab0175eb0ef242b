"""The command as a whole: what it makes of its words, and of whatever a command of it raises."""

from __future__ import annotations

import errno
from importlib.metadata import version

import pytest

from pytest_ebpf import cli
from pytest_ebpf.cli.arguments import parse
from pytest_ebpf.errors import (
    BuildError,
    ManifestError,
    Problem,
    UsageError,
)


@pytest.fixture
def outcome_of(monkeypatch, capsys):
    """``outcome_of(error)``: the exit status and what is said when a command raises *error*."""

    def attempt(error):
        def run(_arguments):
            raise error

        monkeypatch.setattr("pytest_ebpf.cli.schema.run", run)
        status = cli.main(["schema"])
        shown = capsys.readouterr()
        assert shown.out == ""
        return status, shown.err

    return attempt


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (BuildError("broken", where="a.c", hint="mend it"), 1, "ebpf-build: a.c: broken; mend it\n"),
        (BuildError("a does not compile\na.c:1: error"), 1, "a does not compile\na.c:1: error\n"),
        (UsageError("no such object", where="ebpf.toml:3"), 2, "ebpf-build: ebpf.toml:3: no such object\n"),
        (
            ManifestError([Problem("ebpf.toml:1: a", "wrong", "right"), Problem("ebpf.toml:2: b", "bad")]),
            1,
            "ebpf.toml:1: a: wrong; right\nebpf.toml:2: b: bad\n",
        ),
        (KeyboardInterrupt(), 130, "ebpf-build: interrupted\n"),
        (
            OSError(errno.ENOSPC, "No space left on device", "/x/y"),
            1,
            "ebpf-build: /x/y: No space left on device\n",
        ),
        (OSError(errno.EIO, "Input/output error"), 1, "ebpf-build: Input/output error\n"),
    ],
)
def test_each_error_has_its_line_and_status(outcome_of, error, status, said):
    assert outcome_of(error) == (status, said)


def test_a_mistake_of_ours_is_not_hidden(outcome_of):
    with pytest.raises(ZeroDivisionError):
        outcome_of(ZeroDivisionError())


@pytest.mark.parametrize(
    ("words", "manifest", "jobs", "quiet", "objects"),
    [
        ([], None, None, False, []),
        (["-f", "x", "-j", "2", "-q"], "x", 2, True, []),
        (["build"], None, None, False, []),
        (["build", "a", "b"], None, None, False, ["a", "b"]),
        (["-f", "x", "build", "a"], "x", None, False, ["a"]),
        (["-q", "build", "-j", "3"], None, 3, True, []),
        (["-f", "x", "build", "-f", "y"], "y", None, False, []),
    ],
)
def test_options_of_build_stand_before_and_after_its_name(words, manifest, jobs, quiet, objects):
    arguments = parse(words)
    assert (arguments.manifest, arguments.jobs, arguments.quiet, arguments.objects) == (
        manifest,
        jobs,
        quiet,
        objects,
    )


@pytest.mark.parametrize(
    "command", ["check", "matrix", "stats", "doctor", "kernels fetch 6.1", "kernels lock", "build"]
)
def test_every_command_that_reads_a_manifest_takes_its_path(command):
    words = command.split()
    assert parse(words).manifest is None
    assert parse(["-f", "x", *words]).manifest == "x"
    assert parse([*words, "--manifest", "y"]).manifest == "y"
    assert parse(["-f", "x", *words, "-f", "y"]).manifest == "y"


@pytest.mark.parametrize(
    ("command", "option"),
    [
        *((command, "-f/--manifest x") for command in ("inspect a", "diff a b", "adopt a", "schema")),
        ("kernels list", "-f/--manifest x"),
        ("kernels clear", "-f/--manifest x"),
        ("check", "-j/--jobs 2"),
        ("matrix", "-q/--quiet"),
    ],
)
def test_an_option_before_a_command_that_has_no_use_for_it(capsys, command, option):
    name, _, value = option.partition(" ")
    with pytest.raises(SystemExit) as caught:
        parse([name[:2], *value.split(), *command.split()])
    assert caught.value.code == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert said == f"ebpf-build: error: {command.split()[0]} takes no {name}"


def test_the_version_is_the_packages(capsys):
    with pytest.raises(SystemExit) as caught:
        cli.main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"ebpf-build {version('pytest-ebpf')}\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nosuch"], "invalid choice: 'nosuch'"),
        (["kernels"], "the following arguments are required: COMMAND"),
        (["kernels", "fetch"], "the following arguments are required: SPEC"),
        (["inspect"], "the following arguments are required: FILE"),
        (["matrix", "a.o", "--kernel", "6.1", "--json", "--markdown"], "not allowed with argument --json"),
    ],
)
def test_words_that_cannot_be_understood(capsys, words, said):
    with pytest.raises(SystemExit) as caught:
        cli.main(words)
    assert caught.value.code == 2
    assert said in capsys.readouterr().err
