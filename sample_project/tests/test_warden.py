"""The warden of guarded folders: what confined users are denied there, what they are not, and the audit."""

from __future__ import annotations

import pytest
from bindings import Deed, Folder, Guard, Warden

from pytest_ebpf import CommandError

CONFINED = 1000
FREE = 1001


def folder(ebpf, path: str) -> Folder:
    facts = ebpf.guest.files.stat(path)
    return Folder(inode=facts.st_ino, device=facts.st_dev)


@pytest.fixture
def warden(ebpf) -> Warden:
    """Confine one user, and guard /srv/vault, where everybody may read by the modes of the files."""
    warden = ebpf.load(Warden)
    ebpf.guest.files.write("/srv/vault/shelf/gold", "shiny", mode=0o666, parents=True)
    warden.maps.confined[CONFINED] = 0
    warden.maps.guarded[folder(ebpf, "/srv/vault")] = Guard(open=True, execute=True)
    warden.attach()
    return warden


@pytest.fixture
def confined(ebpf):
    return ebpf.guest.process("thief", uid=CONFINED)


def test_denies_to_open(warden, confined):
    with pytest.raises(PermissionError):
        confined.open("/srv/vault/shelf/gold")
    assert warden.maps.confined[CONFINED] == 1


def test_tells_the_audit(warden, confined):
    with pytest.raises(PermissionError):
        confined.open("/srv/vault/shelf/gold")
    denial = warden.maps.audit.next()
    assert (denial.uid, denial.pid, denial.comm) == (CONFINED, confined.pid, "thief")
    assert (denial.deed, denial.name) == (Deed.OPEN, "gold")


def test_denies_to_execute(ebpf, warden):
    tool = ebpf.guest.install("/bin/true", to="/srv/vault/tool")
    with pytest.raises(CommandError, match="Operation not permitted"):
        ebpf.guest.run([tool], uid=CONFINED)
    denial = warden.maps.audit.next()
    assert (denial.deed, denial.name) == (Deed.EXECUTE, "tool")
    ebpf.guest.run([tool], uid=FREE)


def test_a_guard_can_leave_executing_alone(ebpf, warden):
    tool = ebpf.guest.install("/bin/true", to="/srv/vault/tool")
    warden.maps.guarded[folder(ebpf, "/srv/vault")] = Guard(open=True)
    ebpf.guest.run([tool], uid=CONFINED)


def test_leaves_others_alone(ebpf, warden):
    free = ebpf.guest.process(uid=FREE)
    assert free.read(free.open("/srv/vault/shelf/gold"), 16) == b"shiny"
    assert warden.maps.audit.read() == []


def test_leaves_other_folders_alone(ebpf, warden, confined):
    ebpf.guest.files.write("/srv/shop/brass", "dull", mode=0o644, parents=True)
    assert confined.read(confined.open("/srv/shop/brass"), 16) == b"dull"


def test_guards_the_folder_whatever_its_name(ebpf, warden, confined):
    ebpf.guest.process_self.rename("/srv/vault", "/srv/open-to-all")
    with pytest.raises(PermissionError):
        confined.open("/srv/open-to-all/shelf/gold")


def test_the_nearest_guard_decides(ebpf, warden, confined):
    warden.maps.guarded[folder(ebpf, "/srv/vault/shelf")] = Guard(execute=True)
    confined.open("/srv/vault/shelf/gold")


def test_denies_nothing_once_detached(warden, confined):
    warden.detach()
    confined.open("/srv/vault/shelf/gold")
