"""What one test does to its kernel another sees only where they are meant to share it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

#: Each test tells whether it found what another left, and leaves something itself.
HEAD = r"""
import json, pathlib

def visit(ebpf, request):
    read = [("read_file", {"path": path}) for path in ("/tmp/trace", "/proc/sys/kernel/hostname")]
    file, name = ebpf._guest.batch(read)
    found = [file == b"left", name == b"left\n"]
    assert found in ([True, True], [False, False])
    ebpf._guest.call("write_file", path="/tmp/trace", data=b"left")
    ebpf._guest.call("write_file", path="/proc/sys/kernel/hostname", data=b"left")
    ebpf.load(Counter).maps.stats[0] = {"packets": 7, "bytes": 7}
    with pathlib.Path("visits").open("a") as visits:
        visits.write(json.dumps([request.node.originalname, all(found)]) + "\n")
"""

ONE_AND_TWO = """
def test_one(ebpf, request):
    visit(ebpf, request)

def test_two(ebpf, request):
    visit(ebpf, request)
    assert ebpf.load(Counter).maps.stats[0].packets == 0
"""

OTHER = """
def test_other(ebpf, request):
    visit(ebpf, request)
"""

NOBODY = {"one": False, "two": False, "other": False}
IN_A_MODULE = {"one": False, "two": True, "other": False}
EVERYBODY = {"one": False, "two": True, "other": True}


@pytest.fixture
def visits(run, edge, make_other):
    """``visits(text, other, *options)``: which tests found what another had left."""

    def all_of(text: str = ONE_AND_TWO, other: str = OTHER, *options: str) -> dict[str, bool]:
        make_other(HEAD + other)
        result = run(HEAD + text, "--ebpf-kernel", "6.12", *options)
        lines = [json.loads(line) for line in (edge / "visits").read_text().splitlines()]
        result.assert_outcomes(passed=len(lines))
        return {name.removeprefix("test_"): found for name, found in lines}

    return all_of


@pytest.fixture
def make_other(edge):
    def write(text: str) -> None:
        head = "import pytest\nfrom bindings import Counter\n\n"
        (edge / "test_other.py").write_text(head + text)

    return write


def declare(edge: Path, isolation: str) -> None:
    with (edge / "ebpf.toml").open("a") as manifest:
        manifest.write(f'\n[test]\nisolation = "{isolation}"\n')


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ([], NOBODY),
        (["--ebpf-isolation", "test"], NOBODY),
        (["--ebpf-isolation", "module"], IN_A_MODULE),
        (["--ebpf-isolation", "session"], EVERYBODY),
    ],
    ids=["default", "test", "module", "session"],
)
def test_the_option_says_what_gets_a_fresh_kernel(visits, options, found):
    assert visits(ONE_AND_TWO, OTHER, *options) == found


def test_the_manifest_says_it_for_good(visits, edge):
    declare(edge, "session")
    assert visits() == EVERYBODY


def test_the_option_stands_above_the_manifest(visits, edge):
    declare(edge, "session")
    assert visits(ONE_AND_TWO, OTHER, "--ebpf-isolation", "module") == IN_A_MODULE


def test_a_marker_stands_above_both(visits, edge):
    declare(edge, "session")
    marked = 'pytestmark = pytest.mark.ebpf_isolation("test")\n' + ONE_AND_TWO
    assert visits(marked, OTHER, "--ebpf-isolation", "module") == NOBODY


def test_the_nearest_marker_counts(visits):
    marked = 'pytestmark = pytest.mark.ebpf_isolation("test")\n' + ONE_AND_TWO.replace(
        "def test_", '@pytest.mark.ebpf_isolation("module")\ndef test_'
    )
    assert visits(marked) == IN_A_MODULE


def test_a_test_alone_does_not_end_what_its_module_shares(visits):
    between = ONE_AND_TWO.replace(
        "def test_two",
        '@pytest.mark.ebpf_isolation("test")\ndef test_alone(ebpf, request):\n    visit(ebpf, request)\n\n'
        "def test_two",
    )
    found = visits(between, OTHER, "--ebpf-isolation", "module")
    assert found["alone"] is False
    assert found["other"] is False


def test_a_marker_that_is_wrong_is_said_to_its_own_test_alone(run):
    wrong = ["", '"function"', '"test", "module"', '"test", reason="why"', 'scope="test"', "['test']"]
    module = "def test_right(ebpf):\n    pass\n" + "".join(
        f"@pytest.mark.ebpf_isolation({arguments})\ndef test_{number}(ebpf):\n    ebpf.load(Counter)\n"
        for number, arguments in enumerate(wrong)
    )
    result = run(module, "--ebpf-kernel", "6.12")
    result.assert_outcomes(passed=1, errors=len(wrong))
    said = [line for line in result.outlines if line.endswith("takes one of test, module, session")]
    for line in range(8, 8 + 3 * len(wrong), 3):
        place = f"test_edge.py:{line}: @pytest.mark.ebpf_isolation: "
        assert any(place in each for each in said), result.outlines


def test_a_machine_is_kept_with_an_object_only_where_another_may_want_it(run):
    module = """
    def test_first(ebpf):
        assert ebpf._place.others()

    @pytest.mark.ebpf_isolation("session")
    def test_second(ebpf):
        assert not ebpf._place.others()

    @pytest.mark.ebpf_isolation("session")
    def test_last(ebpf):
        assert not ebpf._place.others()
    """
    run(module, "--ebpf-kernel", "6.12").assert_outcomes(passed=3)


def test_what_a_test_before_has_loaded_is_gone_with_its_kernel(run):
    module = """
    HELD = []

    def test_loads(ebpf):
        HELD.append(ebpf.load(Counter))

    def test_takes_what_is_not_its_own(ebpf):
        assert HELD[0].maps.stats[0].packets == 0
    """
    result = run(module, "--ebpf-kernel", "6.12", "-v")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["test_edge.py::test_loads[[]6.12[]] PASSED*", "*_own[[]6.12[]] FAILED*"])
    result.stdout.fnmatch_lines(["*: was closed; load it again: it lasts as long as the test that loaded it"])


WARNS = """
from poison import poison, swallow

def test_warns(ebpf):
    poison(ebpf._guest._stream.pid, ebpf._guest.call, "warning")
    swallow(ebpf._guest.call)
"""


@pytest.mark.parametrize(
    ("match", "outcome"),
    [(r"WARNING: .*at 0x0", {"passed": 1}), (r"WARNING: .* at kernel/bpf", {"failed": 1})],
    ids=["this one", "another"],
)
def test_a_complaint_that_is_known_is_let_pass(run, edge, monkeypatch, match, outcome):
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1] / "support"))
    with (edge / "ebpf.toml").open("a") as manifest:
        manifest.write(f"\n[[test.allow_splats]]\nmatch = '{match}'\nreason = 'we make it ourselves'\n")
    run(WARNS, "--ebpf-kernel", "6.12").assert_outcomes(**outcome)
