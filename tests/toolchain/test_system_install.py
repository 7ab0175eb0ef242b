"""What a program of the host needs to run elsewhere: real programs, made by the compiler of this host."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from pytest_ebpf.errors import CommandError
from pytest_ebpf.system.install import closure, find_command

LIBC = "libc.so.6"


@pytest.fixture
def compiled(tmp_path):
    """``compiled("name", source, *flags) -> Path``."""

    def one(name: str, source: str, *flags: str) -> Path:
        target = tmp_path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        argv = ["gcc", "-o", target, "-x", "c", "-", f"-L{tmp_path}", *flags]
        subprocess.run(argv, input=source, text=True, check=True, timeout=60)
        return target

    return one


def files(program):
    """Names of all the files that are copied."""
    return {Path(entry.path).name for entry in closure(program) if not entry.link}


def links(program):
    return {entry.path: str(entry.source) for entry in closure(program) if entry.link}


def test_a_static_program_needs_nothing(compiled):
    program = compiled("static", "int main(void) { return 0; }", "-static")
    (entry,) = closure(program)
    assert (entry.path, entry.source, entry.link) == (str(program), program, False)


def test_the_linker_its_cache_and_the_c_library():
    cat = find_command("cat")
    assert cat
    entries = closure(cat)
    assert entries[0].path == str(cat.resolve())
    assert {"ld.so.cache"} < files(cat)
    assert any(Path(entry.path).name == LIBC for entry in entries)
    interpreter = "/lib64/ld-linux-x86-64.so.2"
    assert links(cat)[interpreter] == str(Path(interpreter).resolve())
    assert len({entry.path for entry in entries}) == len(entries)
    for entry in entries:
        assert entry.source == entry.source.resolve()
        assert entry.link == (entry.path != str(entry.source))


def test_a_merged_usr_is_reached_both_ways():
    shell = find_command("sh")
    assert shell
    merged = Path("/bin").resolve() == Path("/usr/bin")
    assert ("/bin/sh" in links(shell)) == (merged or Path("/bin/sh").is_symlink())


def test_libraries_of_libraries(compiled):
    compiled("libinner.so", "int inner(void) { return 1; }", "-shared", "-fPIC")
    flags = ["-shared", "-fPIC", "-linner", "-Wl,-rpath,$ORIGIN"]
    compiled("libouter.so", "int inner(void); int outer(void) { return inner(); }", *flags)
    flags = ["-louter", "-Wl,-rpath,$ORIGIN", "-Wl,--allow-shlib-undefined"]
    program = compiled("program", "int outer(void); int main(void) { return outer(); }", *flags)
    assert {"program", "libouter.so", "libinner.so"} < files(program)


def test_the_old_rpath_holds_for_libraries_of_libraries(compiled):
    compiled("libinner.so", "int inner(void) { return 1; }", "-shared", "-fPIC")
    compiled(
        "libouter.so", "int inner(void); int outer(void) { return inner(); }", "-shared", "-fPIC", "-linner"
    )
    main = "int outer(void); int main(void) { return outer(); }"
    flags = ["-louter", "-Wl,-rpath,$ORIGIN", "-Wl,--allow-shlib-undefined"]
    old = compiled("old", main, *flags, "-Wl,--disable-new-dtags")
    assert "libinner.so" in files(old)
    new = compiled("new", main, *flags, "-Wl,--enable-new-dtags")
    with pytest.raises(CommandError, match=r"needs libinner\.so"):
        closure(new)


def test_a_link_to_a_library_is_kept(compiled, tmp_path):
    real = compiled(
        "libreal.so.1.2", "int f(void) { return 1; }", "-shared", "-fPIC", "-Wl,-soname,libreal.so.1"
    )
    for name in ("libreal.so", "libreal.so.1"):
        (tmp_path / name).symlink_to(real.name)
    program = compiled(
        "program", "int f(void); int main(void) { return f(); }", "-lreal", "-Wl,-rpath,$ORIGIN"
    )
    assert links(program)[str(tmp_path / "libreal.so.1")] == str(real)


def test_a_library_that_is_missing_is_named(compiled):
    library = compiled("libgone.so", "int f(void) { return 1; }", "-shared", "-fPIC")
    program = compiled("program", "int f(void); int main(void) { return f(); }", "-lgone")
    library.unlink()
    with pytest.raises(CommandError) as caught:
        closure(program)
    assert str(caught.value) == (
        f"{program}: needs libgone.so, which is not on this host; install the library that has it"
    )


def test_a_script_brings_its_interpreter(tmp_path):
    script = tmp_path / "script"
    script.write_text("#!/bin/sh -e\n")
    assert {"script", LIBC} < files(script)
    script.write_text("#! /usr/bin/env -S VALUE=1 sh\n")
    assert {"script", "env", LIBC} < files(script)
    outer = tmp_path / "outer"
    outer.write_text(f"#!{script}\n")
    assert {"outer", "script", "env"} < files(outer)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("#!\n", "its first line names no interpreter; write one, as in #!/bin/sh"),
        ("#!/nowhere/sh\n", "needs /nowhere/sh, which is not on this host; install it"),
        ("#!/usr/bin/env nosuch\n", "needs nosuch, which is not on this host; install it"),
    ],
)
def test_a_script_whose_interpreter_is_missing(tmp_path, line, message):
    script = tmp_path / "script"
    script.write_text(line)
    with pytest.raises(CommandError) as caught:
        closure(script)
    assert str(caught.value) == f"{script}: {message}"


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(CommandError) as caught:
        closure(tmp_path / "nowhere")
    assert str(caught.value) == f"{tmp_path}/nowhere: cannot be read (No such file or directory)"


def test_a_damaged_program(tmp_path):
    damaged = tmp_path / "damaged"
    damaged.write_bytes(Path("/bin/true").read_bytes()[:5000])
    with pytest.raises(CommandError) as caught:
        closure(damaged)
    assert str(caught.value) == f"{damaged}: ELF file cut short (5000 bytes)"


def test_a_change_is_seen(tmp_path):
    script = tmp_path / "script"
    script.write_text("#!/bin/sh\n")
    before = closure(script)
    script.write_text("#!/usr/bin/env sh\n")
    assert len(closure(script)) > len(before)


def test_finding_commands(tmp_path, monkeypatch):
    tool = tmp_path / "tool"
    tool.write_text("")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_command("tool") == tool
    assert find_command("nosuch") is None
    assert find_command(str(tool)) == tool
    assert find_command("/nowhere/tool") is None
    monkeypatch.chdir(tmp_path)
    assert find_command("./tool") == tool
