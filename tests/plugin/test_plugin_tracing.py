"""Tests that attach, trigger and observe, as users write them: what passes, what fails, what is said."""

from __future__ import annotations

import pytest

MODULE = '''
def opens(ebpf, tool, path="/nope"):
    """Attach, fail to open *path*, and return the event."""
    tool.attach()
    ebpf.guest.run(["cat", path], check=False)
    return tool.maps.events.next(timeout=30)

def test_counts_failed_opens(ebpf):
    tool = ebpf.load("opensnoop"); tool.attach()
    ebpf.guest.run(["cat", "/nope"], check=False)
    event = tool.maps.events.next(timeout=30)
    assert (event.comm, event.fname, event.ret) == ("cat", "/nope", -errno.ENOENT)

def test_sees_nothing_unattached(ebpf):
    tool = ebpf.load("opensnoop")
    ebpf.guest.run(["cat", "/nope"], check=False)
    tool.maps.events.next(timeout=0.1)

def test_records_are_of_the_generated_class(ebpf):
    from bindings import Event, Opensnoop
    event = opens(ebpf, ebpf.load(Opensnoop))
    assert type(event) is Event

def test_contents_are_there(ebpf):
    tool = ebpf.load("opensnoop")
    assert dict(tool.maps.ignored) == {"touch": True}
    tool.attach()
    ebpf.guest.run(["touch", "/nowhere/x"], check=False)
    assert tool.maps.events.read() == []

def test_contents_of_a_test_stand_above(ebpf):
    tool = ebpf.load("opensnoop", contents={"ignored": {"cat": True}})
    assert dict(tool.maps.ignored) == {"cat": True}

def test_chooses_what_the_kernel_takes(ebpf):
    tool = ebpf.load("choosy")
    tool.attach()
    ebpf.guest.files.write("/tmp/x", b"")
    ebpf.guest.process_self.unlink("/tmp/x")
    counts = [values.sum() for values in tool.maps.seen]
    many = not str(ebpf.kernel.version).startswith("5.10")
    assert tool.programs.deleted.name == ("deleted_many" if many else "deleted_one")
    assert counts[1 - many] == (1 if many else counts[1 - many])
    assert [counts[0], counts[1] % 100] == ([1, 0] if many else [0, 1])
    assert len(tool.programs) == 2

def test_chooses_what_the_test_says(ebpf):
    tool = ebpf.load("choosy", alternatives={"deleted": ["deleted_one"]})
    assert tool.programs.deleted is tool.programs.deleted_one
    assert [program.name for program in tool.programs if program.loaded] == ["deleted_one"]

def test_enters_programs(ebpf):
    assert ebpf.load("staged").programs.entry.run(bytes(64)).verdict.name == "TX"

def test_enters_what_the_test_says(ebpf):
    tool = ebpf.load("staged", entries={"stages": {0: "report"}})
    assert tool.programs.entry.run(bytes(64)).verdict.name == "ABORTED"

def test_attaches_where_the_test_says(ebpf):
    tool = ebpf.load("astray", attach={"lost": {"function": "do_unlinkat"}})
    assert [link.attached for link in tool.attach()] == [True]

def test_waits(ebpf):
    tool = ebpf.load("choosy")
    tool.attach()
    ebpf.wait(lambda: tool.maps.seen[0].sum() == 1000, timeout=0.05, what="a thousand deleted files")

def test_lacks_its_hook(ebpf):
    ebpf.load("modern").attach()

def test_lacks_its_target(ebpf):
    ebpf.load("astray").attach()

def test_hangs(ebpf):
    ebpf.guest.run(["sleep", "100"], timeout=0.2)

def test_floods(ebpf):
    ebpf.guest.run(["yes"], output_limit=1000)

def test_misses_a_command(ebpf):
    ebpf.guest.run(["no-such-command"])

def test_has_no_wire(ebpf):
    ebpf.wire.send(bytes(64))

def test_says_what_programs_printed(ebpf):
    opens(ebpf, ebpf.load("opensnoop"))
    assert ebpf.printk() == ["cat: -2"]
    assert not "today"

def test_gives_what_does_not_fit(ebpf):
    ebpf.load("opensnoop", globals={"uid": -1})

def test_goes_on(ebpf):
    assert opens(ebpf, ebpf.load("opensnoop"), "/neither").fname == "/neither"
'''


@pytest.fixture(params=["test", "module"])
def watched(request, shared_run):
    """Runs of all that on 5.10 and 6.12, each test in a kernel of its own, or one after the other in one."""
    options = ["-v", "-ra", "--ebpf-isolation", request.param]
    return shared_run(f"watch-{request.param}", MODULE, *options, watch=True)


@pytest.mark.parametrize("kernel", ["5.10", "6.12"])
@pytest.mark.parametrize(
    "test",
    [
        "counts_failed_opens",
        "records_are_of_the_generated_class",
        "contents_are_there",
        "contents_of_a_test_stand_above",
        "chooses_what_the_kernel_takes",
        "chooses_what_the_test_says",
        "enters_programs",
        "enters_what_the_test_says",
        "attaches_where_the_test_says",
        "goes_on",
    ],
)
def test_it_passes(watched, test, kernel):
    assert watched.word_of(f"test_{test}[{kernel}]") == "PASSED"


@pytest.mark.parametrize("kernel", ["5.10", "6.12"])
@pytest.mark.parametrize(
    ("test", "said"),
    [
        ("sees_nothing_unattached", "maps.events: no record within 0.1 s; "),
        (
            "waits",
            (
                "a thousand deleted files: did not come about within 0.05 s (last seen: False); "
                "give a longer timeout, or look at what should bring it about"
            ),
        ),
        (
            "lacks_its_target",
            'programs.lost: this kernel has no function "do_unlinkatt"; did you mean "do_unlinkat"?',
        ),
        ("hangs", "sleep 100: did not end within 0.2 s, and was killed; give a longer timeout"),
        (
            "floods",
            "yes: said more than 1000 bytes, and was killed; give a larger output_limit, or say less",
        ),
        ("misses_a_command", "no-such-command: no such command on this host, and none was installed; "),
        (
            "has_no_wire",
            "ebpf.wire: this machine has no wire; set wires = 1 under [test] of ebpf.toml",
        ),
        (
            "gives_what_does_not_fit",
            "globals.uid: -1 does not fit u32 (0..4294967295); give a number in that range",
        ),
    ],
)
def test_it_fails_and_says_why(watched, test, said, kernel):
    assert watched.word_of(f"test_{test}[{kernel}]") == "FAILED"
    assert said in watched.below(f"test_{test}[{kernel}]")


def test_a_hook_that_the_kernel_lacks_is_unsupported_and_named(watched):
    word = watched.word_of("test_lacks_its_hook[5.10]")
    assert word.startswith("UNSUPPORTED (programs.many: this kernel has no kprobe.multi hooks;")
    assert watched.word_of("test_lacks_its_hook[6.12]") == "PASSED"


def test_what_programs_printed_stands_below_the_failure(watched):
    said = watched.below("test_says_what_programs_printed[6.12]")
    _, _, printed = said.partition("bpf_printk")
    assert printed.lstrip("- \n").partition("\n")[0] == "cat: -2"
    assert "bpf_printk" not in watched.below("test_waits[6.12]")
