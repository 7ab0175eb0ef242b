"""What can be asked of ``ebpf-build``. Commands are imported when they are called."""

from __future__ import annotations

from argparse import (
    SUPPRESS,
    Action,
    ArgumentParser,
    ArgumentTypeError,
    Namespace,
    _SubParsersAction,
)
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Final

_DESCRIPTION: Final = "Build what ebpf.toml declares. Without a command: all that is stale."


def parse(argv: Sequence[str]) -> Namespace:
    """Return the arguments, with the function ``run(arguments) -> int`` that carries them out."""
    parser = ArgumentParser(prog="ebpf-build", description=_DESCRIPTION)
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version")
    commands = parser.add_subparsers(metavar="COMMAND", dest="command")
    _build(parser)
    _build(commands.add_parser("build", help="build all objects, or those named"), names=True)
    _inspect(commands.add_parser("inspect", help="say what is in an object file"))
    _diff(commands.add_parser("diff", help="say in what two object files differ"))
    _adopt(commands.add_parser("adopt", help="write an ebpf.toml and first tests for object files"))
    _matrix(commands.add_parser("matrix", help="load every program of object files on kernels"))
    _check(commands.add_parser("check", help="say on which kernels objects can work"))
    _stats(commands.add_parser("stats", help="say what the verifier has to do for each program"))
    kernels = commands.add_parser("kernels", help="list, fetch or pin kernels, free their cache")
    _kernels(kernels.add_subparsers(metavar="COMMAND", required=True))
    doctor = commands.add_parser("doctor", help="say what works on this host and how to mend it")
    _manifest(doctor)
    _formats(doctor, "json")
    doctor.set_defaults(run=_command("doctor"))
    schema = commands.add_parser("schema", help="print the JSON schema of ebpf.toml or of reports")
    schema.add_argument(
        "what",
        metavar="WHAT",
        nargs="?",
        choices=("manifest", "report"),
        default="manifest",
        help="manifest (default), or report: matrix.json",
    )
    schema.set_defaults(run=_command("schema"))
    arguments = parser.parse_args(argv)
    _refuse_unused(parser, arguments)
    return arguments


class _Version(Action):
    """Prints the version, which is looked up only when it is asked for, and exits."""

    def __call__(self, parser: ArgumentParser, *_: object) -> None:
        from importlib.metadata import version  # noqa: PLC0415 - slow to import

        print(f"ebpf-build {version('pytest-ebpf')}")
        parser.exit()


def _build(parser: ArgumentParser, *, names: bool = False) -> None:
    unset = SUPPRESS if names else None
    _manifest(parser, unset)
    parser.add_argument(
        "-j",
        "--jobs",
        metavar="N",
        type=_positive,
        default=unset,
        help="compilers at once (default: by processors)",
    )
    parser.add_argument(
        "-q", "--quiet", action="store_true", default=unset or False, help="say nothing but errors"
    )
    if names:
        parser.add_argument("objects", metavar="OBJECT", nargs="*", help="objects to build (default: all)")
    parser.set_defaults(run=_command("build"), objects=[])


def _manifest(parser: ArgumentParser, unset: str | None = SUPPRESS) -> None:
    """Which project. Before the name of a command, where it is None *unset*, it holds as well."""
    parser.add_argument(
        "-f", "--manifest", metavar="FILE", default=unset, help="the manifest (default: ebpf.toml, upwards)"
    )
    if unset is SUPPRESS:
        parser.set_defaults(reads_manifest=True)


def _refuse_unused(parser: ArgumentParser, arguments: Namespace) -> None:
    """Say so where an option stands before the name of a command that has no use for it."""
    if arguments.command in {None, "build"}:
        return
    given = {"-j/--jobs": arguments.jobs, "-q/--quiet": arguments.quiet}
    if not getattr(arguments, "reads_manifest", False):
        given["-f/--manifest"] = arguments.manifest
    for option, value in given.items():
        if value:
            parser.error(f"{arguments.command} takes no {option}")


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise ArgumentTypeError(f'not a number of compilers (seen "{text}"); write 1 or more')
    return int(text)


def _inspect(parser: ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="an object file")
    parser.add_argument("--program", metavar="NAME", help="only this program, and what it calls and uses")
    parser.add_argument("--sizes", action="store_true", help="sections and functions with their sizes")
    parser.add_argument("--requirements", action="store_true", help="what it asks of a kernel, and where")
    parser.add_argument("--disassemble", action="store_true", help="instructions with source lines and types")
    parser.add_argument("--graph", choices=("dot", "svg"), help="a picture of the control flow")
    _formats(parser, "json")
    parser.set_defaults(run=_command("inspection"))


def _diff(parser: ArgumentParser) -> None:
    parser.add_argument("old", metavar="OLD", help="an object file")
    parser.add_argument("new", metavar="NEW", help="the object file that comes in its place")
    _formats(parser, "json", "markdown")
    parser.set_defaults(run=_command("diff"))


def _adopt(parser: ArgumentParser) -> None:
    parser.add_argument("files", metavar="FILE", nargs="+", help="object files, built by whatever")
    parser.add_argument("--output", metavar="DIR", default=".", help="where the project is (default: here)")
    parser.add_argument(
        "--kernel",
        metavar="SPEC",
        action="append",
        default=[],
        help='a kernel to promise, such as "6.1" (default: the lines in the cache, else latest)',
    )
    parser.set_defaults(run=_command("adopt"))


def _matrix(parser: ArgumentParser) -> None:
    parser.add_argument(
        "objects", metavar="OBJECT", nargs="*", help="objects, or object files (default: the manifest's)"
    )
    _manifest(parser)
    _machines(parser)
    _formats(parser, "json", "markdown")
    parser.set_defaults(run=_command("matrix"))


def _check(parser: ArgumentParser) -> None:
    parser.add_argument(
        "objects", metavar="OBJECT", nargs="*", help="objects, or object files (default: the manifest's)"
    )
    parser.add_argument(
        "--kernel",
        metavar="SPEC",
        action="append",
        default=[],
        help='such as "5.10,6.1,latest" (default: those the manifest promises, else those in the cache)',
    )
    _manifest(parser)
    _formats(parser, "json", "markdown")
    parser.set_defaults(run=_command("check"))


def _stats(parser: ArgumentParser) -> None:
    parser.add_argument(
        "objects",
        metavar="OBJECT",
        nargs="*",
        help="objects, or object files (default: the manifest's)",
    )
    _manifest(parser)
    _machines(parser)
    parser.add_argument(
        "--against",
        metavar="FILE",
        help="a baseline, or JSON of an earlier time (default: the manifest's baseline)",
    )
    parser.add_argument("--write", action="store_true", help="write the baseline")
    _formats(parser, "json", "markdown")
    parser.set_defaults(run=_command("stats"))


def _kernels(commands: _SubParsersAction[ArgumentParser]) -> None:
    listing = commands.add_parser("list", help="what is in the cache and what the archive offers")
    listing.add_argument("--all", action="store_true", help="every build, not the newest of each line")
    listing.set_defaults(run=_command("kernels", "show"))
    fetching = commands.add_parser("fetch", help="put kernels into the cache")
    fetching.add_argument("specs", metavar="SPEC", nargs="+", help="6.1, 6.1.192, latest")
    _manifest(fetching)
    fetching.set_defaults(run=_command("kernels", "fetch"))
    locking = commands.add_parser("lock", help="pin the kernels of the manifest in ebpf-kernels.lock")
    locking.add_argument("specs", metavar="SPEC", nargs="*", help="(default: those the manifest promises)")
    _manifest(locking)
    locking.set_defaults(run=_command("kernels", "lock"))
    clearing = commands.add_parser("clear", help="free what the cache takes")
    what = clearing.add_mutually_exclusive_group()
    what.add_argument("--snapshots", action="store_true", help="machines saved when booted (the default)")
    what.add_argument("--all", action="store_true", help="these, the kernels and the index of the archive")
    clearing.set_defaults(run=_command("kernels", "clear"))


def _formats(parser: ArgumentParser, *others: str) -> None:
    """Ways to print beside text, each with an option of its own for short."""
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--format", choices=("text", *others), default="text", help="default: text")
    for form in others:
        same = f"the same as --format {form}"
        group.add_argument(f"--{form}", action="store_const", const=form, dest="format", help=same)


def _machines(parser: ArgumentParser) -> None:
    """What is booted, and how."""
    parser.add_argument(
        "--kernel",
        metavar="SPEC",
        default="all",
        help='such as "5.10,6.1,latest" (default: those the manifest promises)',
    )
    parser.add_argument("--accelerator", choices=("auto", "kvm", "tcg"), default="auto", help="default: auto")


def _command(module: str, function: str = "run") -> Callable[[Namespace], int]:
    def run(arguments: Namespace) -> int:
        status: int = getattr(import_module(f"pytest_ebpf.cli.{module}"), function)(arguments)
        return status

    return run
