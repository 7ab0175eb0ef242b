"""The HTML page in a real browser: what it shows, and how it answers to mouse and keys."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from browser import Browser
from runs import KERNELS, large

from pytest_ebpf.report import Cell, Matrix, Outcome, ProgramSize, Run, Section, changes, html

NAME = "tests/test_edge.py::test_{}"
FAILURE = (
    "    def test_b(ebpf):\n>       assert verdict == XDP.DROP\nE       assert <XDP.PASS: 2> == <XDP.DROP: 1>"
)
TAGS = "</script><img src=https://example.invalid/x onerror=document.title='mine'>"
HOSTILE = f"{TAGS} \x07 \u202e \x1b[31mred\x1b[0m"


def cell(
    name: str, column: str, outcome: Outcome = Outcome.PASSED, reason: str | None = None, **more
) -> Cell:
    test = "" if outcome is Outcome.PASSED else f"{NAME.format(name)}[{column}]"
    return Cell(NAME.format(name), column, outcome, reason, 0.25, test, **more)


RUN = Run(
    Matrix.of(
        [
            *(cell("a", column) for column in ("5.10.259", "6.1.192", "7.2.1")),
            cell("b", "5.10.259", Outcome.UNSUPPORTED, "no such program type"),
            cell(
                "b",
                "6.1.192",
                Outcome.FAILED,
                "assert <XDP.PASS: 2> == <XDP.DROP: 1>",
                sections=(
                    Section("failure", FAILURE),
                    Section("packet diff", "- IP ttl 64\n+ IP ttl 63"),
                    Section("bpf_printk", HOSTILE),
                ),
            ),
            cell("b", "7.2.1"),
            cell("c", "5.10.259"),
            cell(
                "c",
                "7.2.1",
                Outcome.CRASHED,
                "Kernel panic",
                sections=(Section("console of the guest", "Oops"),),
            ),
        ]
    ),
    "edge",
    "2026-11-20T10:00:00+00:00",
    61.0,
    (
        ProgramSize("fw", "ingress", "6.1.192", 1500),
        ProgramSize("fw", "ingress", "7.2.1", 3000, states=1234, stack=64),
    ),
)
BEFORE = replace(
    RUN,
    matrix=Matrix.of(replace(each, outcome=Outcome.PASSED) for each in RUN.matrix.cells),
    began="2026-11-19T10:00:00+00:00",
    programs=(ProgramSize("fw", "ingress", "7.2.1", 2000),),
)


@pytest.fixture(scope="module")
def one_browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with Browser(tmp_path_factory.mktemp("profile")) as browser:
        yield browser


@pytest.fixture
def browser(one_browser: Browser) -> Iterator[Browser]:
    """The browser; it has asked for nothing but the page, and has had nothing to complain of."""
    one_browser.screen(1280, 800)
    one_browser.requests.clear()
    one_browser.complaints.clear()
    yield one_browser
    assert {request.partition("://")[0] for request in one_browser.requests} == {"file"}
    assert len(set(one_browser.requests)) == 1
    assert one_browser.complaints == []


@pytest.fixture
def shown(browser: Browser, tmp_path: Path) -> Browser:
    """The browser with the page of the small run."""
    return show(browser, tmp_path, html(RUN, changes(BEFORE, RUN)))


def show(browser: Browser, folder: Path, page: str) -> Browser:
    (folder / "report.html").write_text(page, encoding="utf-8")
    browser.open(folder / "report.html")
    return browser


def texts(browser: Browser, selector: str) -> list[str]:
    """What is shown of the elements that *selector* finds, once it has been drawn."""
    return browser.run(
        "await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));"
        f"return [...document.querySelectorAll({selector!r})].filter((each) => each.checkVisibility())"
        ".map((each) => each.innerText.trim())"
    )


def focused(browser: Browser) -> str:
    """Row and column of the cell that has the focus, else the id of what has it."""
    return browser.run(
        """const at = document.activeElement;
        if (!at.dataset.place) return at.id || at.tagName;
        const name = at.parentElement.querySelector(".name").textContent;
        return `${name} ${[...at.parentElement.children].indexOf(at) - 1}`;"""
    )


def open_cell(browser: Browser, selector: str) -> None:
    browser.click(selector)
    settled(browser)


def settled(browser: Browser) -> None:
    """Wait until all is told of the cell that is open."""
    browser.wait(
        """document.querySelector("#panel-body").dataset.place
        && document.querySelector("#panel-body").dataset.place
           === document.querySelector("[aria-selected]")?.dataset.place"""
    )


def test_the_matrix(shown):
    assert shown.value("document.title") == "edge: 5 passed, 1 failed, 1 unsupported, 1 crashed on 3 kernels"
    assert texts(shown, "header")[0].splitlines()[:3] == [
        "edge",
        "",
        "5 passed, 1 failed, 1 unsupported, 1 crashed on 3 kernels",
    ]
    assert texts(shown, ".head b") == ["5.10", "6.1", "7.2"]
    assert texts(shown, ".head span") == [".259", ".192", ".1"]
    assert texts(shown, ".head i") == ["", "1 bad", "1 bad"]
    assert texts(shown, ".group") == ["tests/test_edge.py"]
    assert texts(shown, ".row:not(.heads, .group)") == [
        "test_a\npass\npass\npass",
        "test_b\nunsup\nFAIL\npass",
        "test_c\npass\n\u00b7\nCRASH",
    ]


def test_a_cell_tells_of_its_failure(shown):
    open_cell(shown, ".cell.o1")
    assert texts(shown, "#panel-title")[0].splitlines() == ["tests/test_edge.py", "test_b"]
    assert texts(shown, ".facts") == ["failed on 6.1.192, 250 ms, was passed"]
    assert texts(shown, ".reason") == ["assert <XDP.PASS: 2> == <XDP.DROP: 1>"]
    assert texts(shown, "summary span") == ["to run this again", "failure", "packet diff", "bpf_printk"]
    assert texts(shown, "#panel pre")[0] == "pytest -p ebpf 'tests/test_edge.py::test_b[6.1.192]'"
    assert texts(shown, "pre .error") == ["E       assert <XDP.PASS: 2> == <XDP.DROP: 1>"]
    assert texts(shown, "pre .at") == [">       assert verdict == XDP.DROP"]
    assert texts(shown, "pre .removed, pre .added") == ["- IP ttl 64", "+ IP ttl 63"]
    shown.click("#close")
    assert texts(shown, "#panel") == []
    assert focused(shown) == "test_b 1"


def test_what_a_test_printed_is_text(shown):
    open_cell(shown, ".cell.o1")
    assert texts(shown, "#panel pre")[-1] == f"{TAGS} \u2407 \\u202e red"
    assert shown.value("document.images.length") == 0


def test_a_cell_that_passed_has_little_to_tell(shown):
    open_cell(shown, ".cell.o0")
    assert texts(shown, "#panel-body p") == ["passed on 5.10.259, 250 ms", "Nothing more is told of it."]


def test_keys_move_within_the_matrix_and_open_cells(shown):
    shown.run("document.querySelector('.cell[tabindex=\"0\"]').focus()")
    steps = [
        ("ArrowRight", "test_a 1"), ("ArrowDown", "test_b 1"), ("ArrowDown", "test_b 1"), ("End", "test_b 2"),
        ("ArrowRight", "test_b 2"), ("ArrowDown", "test_c 2"), ("ArrowLeft", "test_c 0"),
        ("ArrowLeft", "test_c 0"), ("PageUp", "test_a 0"), ("PageDown", "test_c 0"),
        ("ArrowUp", "test_b 0"), ("Home", "test_b 0"),
    ]  # fmt: skip
    for key, place in steps:
        shown.press(key)
        assert focused(shown) == place, key
    shown.press("End", ctrl=True)
    assert focused(shown) == "test_c 2"
    shown.press("Home", ctrl=True)
    assert focused(shown) == "test_a 0"
    shown.press("ArrowDown", "ArrowRight", "Enter")
    settled(shown)
    assert focused(shown) == "panel"
    assert texts(shown, ".badge") == ["failed"]
    shown.press("Escape")
    assert focused(shown) == "test_b 1"
    assert texts(shown, "#panel") == []


def test_keys_go_from_failure_to_failure(shown):
    places = []
    for key in ("n", "n", "n", "p"):
        shown.press(key)
        places.append(focused(shown))
    assert places == ["test_b 1", "test_c 2", "test_b 1", "test_c 2"]
    shown.press("Enter")
    settled(shown)
    shown.press("n")
    settled(shown)
    assert texts(shown, ".badge") == ["failed"]


def test_the_first_failure_is_the_first_cell(browser, tmp_path):
    show(
        browser, tmp_path, html(Run(Matrix.of([cell("a", "6.1.192", Outcome.FAILED), cell("b", "6.1.192")])))
    )
    browser.press("n")
    assert focused(browser) == "test_a 0"


def test_a_name_of_300_characters_takes_four_lines(browser, tmp_path):
    show(browser, tmp_path, html(Run(Matrix.of([cell("x" * 300, "6.1.192", Outcome.FAILED)]))))
    browser.screen(390, 844)
    assert browser.value("document.querySelector('.cell').offsetHeight") < 100
    browser.press("n", "Enter")
    settled(browser)
    assert "x" * 300 in texts(browser, "#panel-title")[0]


def test_one_cell_is_in_reach_of_tab_and_the_focus_shows(shown):
    assert shown.value("document.querySelectorAll('.cell[tabindex=\"0\"]').length") == 1
    shown.press("/")
    assert focused(shown) == "search"
    shown.press("Tab")
    assert shown.value("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    shown.run("document.querySelector('#only-changed').focus()")
    shown.press("Tab")
    assert focused(shown) == "test_a 0"
    assert shown.value("getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_filter_by_text(shown):
    shown.press("/")
    shown.type("PANIC")
    assert texts(shown, ".row:not(.heads, .group) .name") == ["test_c"]
    assert texts(shown, "#shown") == ["1 of 3 tests"]
    shown.type(" nowhere")
    assert texts(shown, ".row:not(.heads)") == []
    assert texts(shown, "#nothing") == ["No test matches these filters."]
    shown.press("Escape")
    assert texts(shown, "#shown") == ["3 tests"]
    assert shown.value("document.querySelector('#search').value") == ""


def test_filter_by_outcome(shown):
    assert texts(shown, "#outcomes button") == ["passed 5", "failed 1", "unsupported 1", "crashed 1"]
    shown.click("#outcomes button:nth-child(2)")
    assert texts(shown, ".row:not(.heads, .group) .name") == ["test_b"]
    shown.wait("getComputedStyle(document.querySelector('.row:not([hidden]) .o0')).opacity < 0.3")
    assert shown.value("getComputedStyle(document.querySelector('.o1')).opacity") == "1"
    shown.click("#outcomes button:nth-child(4)")
    assert texts(shown, ".row:not(.heads, .group) .name") == ["test_b", "test_c"]
    shown.click("#reset")
    assert texts(shown, "#shown") == ["3 tests"]
    assert texts(shown, "#filters [aria-pressed=true]") == []


def test_filter_by_kernel(shown):
    assert texts(shown, "#kernels button") == ["5.10.259", "6.1.192", "7.2.1"]
    shown.click("#kernels button:nth-child(2)")
    assert texts(shown, ".head b") == ["6.1"]
    assert texts(shown, ".row:not(.heads, .group)") == ["test_a\npass", "test_b\nFAIL"]
    shown.click("#kernels button:nth-child(3)")
    assert texts(shown, ".head b") == ["6.1", "7.2"]
    assert texts(shown, ".row:not(.heads, .group) .name") == ["test_a", "test_b", "test_c"]


def test_keys_stay_with_what_is_shown(shown):
    shown.click("#kernels button:nth-child(3)")
    shown.click("#outcomes button:nth-child(4)")
    shown.press("n")
    assert focused(shown) == "test_c 2"
    shown.press("Home", "ArrowUp")
    assert focused(shown) == "test_c 2"


def test_times(shown):
    shown.click("#by-time")
    assert texts(shown, ".row:not(.heads, .group)")[0] == "test_a\n250 ms\n250 ms\n250 ms"


def test_what_has_changed(shown):
    assert texts(shown, "#changes-summary")[0].startswith(
        "2 broken, 1 changed. Held against the run of Nov 19, 2026"
    )
    assert texts(shown, "#changes-list li") == [
        "broken test_b on 6.1.192 passed \u2192 failed",
        "broken test_c on 7.2.1 passed \u2192 crashed",
        "changed test_b on 5.10.259 passed \u2192 unsupported",
    ]
    shown.click("#kernels button:nth-child(1)")
    open_cell(shown, "#changes-list li:nth-child(2) button")
    assert texts(shown, ".facts") == ["crashed on 7.2.1, 250 ms, was passed; the kernel died"]
    shown.press("Escape")
    shown.click("#only-changed")
    assert texts(shown, ".row:not(.heads, .group) .name") == ["test_b", "test_c"]


def test_complexity_by_kernel(shown):
    assert texts(shown, "#programs th[scope=col]") == [
        "program",
        "5.10.259",
        "6.1.192",
        "7.2.1",
        "of the limit",
    ]
    assert texts(shown, "#programs th[scope=row]") == ["fw\ningress"]
    assert texts(shown, "#programs td") == ["\u00b7", "1,500", "3,000+50 %\n1,234 states, 64 B", "0.3 %"]
    assert shown.value(
        "[...document.querySelectorAll('.bar')].map((bar) => bar.style.getPropertyValue('--share'))"
    ) == ["50%", "100%"]


def test_without_an_earlier_run_and_without_programs(browser, tmp_path):
    show(browser, tmp_path, html(replace(RUN, programs=())))
    assert texts(browser, "#changes, #complexity, #only-changed") == []


def test_a_narrow_screen(shown):
    shown.screen(420, 800)
    assert shown.value("document.documentElement.scrollWidth") == 420
    open_cell(shown, ".cell.o1")
    assert shown.value("document.querySelector('#panel').getBoundingClientRect().width") == 420
    assert shown.value("document.querySelector('#page').inert") is True
    shown.press("Escape")
    assert shown.value("document.querySelector('#page').inert") is False
    assert focused(shown) == "test_b 1"


#: Text and what lies behind it must differ by 4.5 to 1: WCAG 2.2, success criterion 1.4.3.
CONTRASTS = """
const area = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
const channels = (text) => {
  area.clearRect(0, 0, 1, 1);
  area.fillStyle = text;
  area.fillRect(0, 0, 1, 1);
  return [...area.getImageData(0, 0, 1, 1).data];
};
const light = (text) => channels(text).slice(0, 3).map((value) => value / 255)
  .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4))
  .reduce((sum, value, at) => sum + value * [0.2126, 0.7152, 0.0722][at], 0);
const behind = (at) => {
  while (at && channels(getComputedStyle(at).backgroundColor)[3] === 0) at = at.parentElement;
  return at ? getComputedStyle(at).backgroundColor : "white"; };
const poor = [];
for (const at of document.querySelectorAll("body *")) {
  const text = [...at.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
  if (!text || !at.checkVisibility() || ["SCRIPT", "STYLE"].includes(at.tagName)) continue;
  const [one, other] = [light(getComputedStyle(at).color), light(behind(at))];
  const contrast = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
  if (contrast < 4.5) poor.push(`${at.tagName}.${at.className} ${at.textContent} ${contrast.toFixed(2)}`);
}
return [...new Set(poor)];
"""


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_text_is_readable(browser, tmp_path, dark):
    browser.screen(1280, 800, dark=dark)
    run = large(20)
    show(browser, tmp_path, html(run, changes(large(20, failing=7), run)))
    assert (browser.value("getComputedStyle(document.body).backgroundColor") == "rgb(20, 23, 27)") == dark
    assert browser.run(CONTRASTS) == []
    browser.click("#by-time")
    assert browser.run(CONTRASTS) == []
    browser.click("#by-time")
    open_cell(browser, ".cell.o1")
    assert browser.run(CONTRASTS) == []


def test_each_outcome_has_a_color_of_its_own(browser, tmp_path):
    show(browser, tmp_path, html(large(20)))
    colors = browser.value(
        "[...Array(9).keys()].map((at) => document.querySelector(`.cell.o${at}`))"
        ".map((cell) => getComputedStyle(cell).backgroundColor)"
    )
    assert len(set(colors)) == len(Outcome) == 9


#: How many elements are changed, added or removed by an input.
FILTER = """
let changes = 0;
const observer = new MutationObserver((records) => { changes += records.length; });
observer.observe(document.body, { attributes: true, childList: true, subtree: true });
const search = document.querySelector("#search");
search.value = TEXT;
search.dispatchEvent(new Event("input"));
await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
changes += observer.takeRecords().length;
observer.disconnect();
return changes;
"""


def test_500_tests_on_9_kernels_are_filtered_row_by_row(browser, tmp_path):
    """How long that takes is for `make bench`: no cell is touched, and no row that stays as it is."""
    show(browser, tmp_path, html(large(500)))
    assert texts(browser, "#shown") == ["500 tests"]
    assert browser.value("document.querySelectorAll('.cell[data-place]').length") == 500 * len(KERNELS)
    for text, count in (("123", "1 of 500 tests"), ("", "500 tests"), ("nowhere", "0 of 500 tests")):
        changes = browser.run(FILTER.replace("TEXT", repr(text)))
        assert texts(browser, "#shown") == [count]
        assert changes < 1000
