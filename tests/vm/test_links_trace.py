from __future__ import annotations


def test_tracepoint(load_object, guest, line):
    tool = load_object("links")
    guest.call("read_file", path="/proc/version")
    assert tool.globals.calls == 0
    (link,) = tool.attach()
    guest.call("read_file", path="/proc/version")
    seen = tool.globals.calls
    assert seen >= 1
    link.detach()
    guest.call("read_file", path="/proc/version")
    assert tool.globals.calls == seen
    with link:
        guest.call("read_file", path="/proc/version")
        print(link.info())
    assert tool.globals.calls > seen
