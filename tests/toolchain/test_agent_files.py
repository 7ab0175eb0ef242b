"""Operations on files, pins and modules with arguments that are wrong, and with files of the host."""

import errno
import os
from concurrent.futures import ThreadPoolExecutor

import pytest


class TestPins:
    @pytest.mark.parametrize(
        ("args", "status", "what"),
        [
            ({"path": "/sys/fs/bpf/x"}, errno.EINVAL, "prog, map, link: none of them is given"),
            ({"map": 7, "path": "/sys/fs/bpf/x"}, errno.ENOENT, "map: no such handle (7)"),
            ({"link": "x", "path": "/sys/fs/bpf/x"}, errno.EINVAL, "link: not an unsigned integer"),
        ],
    )
    def test_what_is_pinned(self, stdio_agent, args, status, what):
        assert stdio_agent.what("pin", **args) == (status, what)

    def test_paths_are_whole(self, stdio_agent):
        what = "path: does not begin with / (x)"
        assert stdio_agent.what("unpin", path="x") == (errno.EINVAL, what)
        assert stdio_agent.what("unpin", path="/nonexistent/x") == (errno.ENOENT, "/nonexistent/x")


class TestFiles:
    def test_a_file_is_created_and_read_back(self, stdio_agent, tmp_path):
        path = tmp_path / "new"
        assert stdio_agent.call("write_file", path=str(path), data=b"\0\xff") == [0, None]
        assert path.read_bytes() == b"\0\xff"
        assert stdio_agent.call("read_file", path=str(path)) == [0, b"\0\xff"]

    def test_reading_stops_at_the_limit(self, stdio_agent, tmp_path):
        (tmp_path / "f").write_bytes(bytes(100))
        assert stdio_agent.call("read_file", path=str(tmp_path / "f"), limit=10) == [0, bytes(10)]
        assert stdio_agent.call("read_file", path=str(tmp_path / "f"), limit=0) == [0, b""]

    def test_what_the_system_says_is_passed_on(self, stdio_agent, tmp_path):
        missing = tmp_path / "missing"
        assert stdio_agent.what("read_file", path=str(missing)) == (
            errno.ENOENT,
            str(missing),
        )
        assert stdio_agent.what("read_file", path=str(tmp_path))[0] == errno.EISDIR
        assert stdio_agent.what("write_file", path=str(tmp_path), data=b"")[0] == errno.EISDIR

    def test_a_pipe_is_not_waited_for(self, stdio_agent, tmp_path):
        pipe = tmp_path / "pipe"
        os.mkfifo(pipe)
        assert stdio_agent.call("read_file", path=str(pipe)) == [0, b""]
        assert stdio_agent.what("write_file", path=str(pipe), data=b"x") == (errno.ENXIO, str(pipe))
        end = os.open(pipe, os.O_RDWR | os.O_NONBLOCK)
        assert stdio_agent.call("read_file", path=str(pipe)) == [0, b""]
        assert stdio_agent.call("write_file", path=str(pipe), data=b"words") == [0, None]
        assert stdio_agent.call("read_file", path=str(pipe)) == [0, b"words"]
        os.close(end)

    def test_a_pipe_that_is_full_is_waited_for(self, stdio_agent, tmp_path):
        """Somebody reads, slowly: nothing is lost."""
        pipe, data = tmp_path / "pipe", bytes(1 << 20)
        os.mkfifo(pipe)
        end = os.open(pipe, os.O_RDWR)
        with ThreadPoolExecutor() as pool, os.fdopen(end, "rb") as reader:
            written = pool.submit(stdio_agent.call, "write_file", path=str(pipe), data=data)
            assert reader.read(len(data)) == data
            assert written.result() == [0, None]

    def test_modules_are_for_a_machine_of_its_own(self, stdio_agent):
        assert stdio_agent.call("modules", names=[]) == [0, []]
        assert stdio_agent.what("modules", names=["veth"]) == (errno.EPERM, "only for a machine of its own")
        assert stdio_agent.what("modules", names=["x", 1]) == (errno.EPERM, "only for a machine of its own")
        assert stdio_agent.what("modules", names=[1]) == (errno.EINVAL, "names[0]: not a str")
        assert stdio_agent.what("modules", names="veth") == (errno.EINVAL, "names: not a list")
        assert stdio_agent.what("modules") == (errno.EINVAL, "names: missing")

    def test_the_limit_is_bounded(self, stdio_agent):
        what = "limit: more than 33554432 (33554433)"
        assert stdio_agent.what("read_file", path="/dev/zero", limit=(32 << 20) + 1) == (errno.EINVAL, what)
