"""Values by BTF, written by hand type by type: what the kernel keeps to itself, and wide enums."""

from __future__ import annotations

import pytest

from pytest_ebpf.errors import ValueConversionError
from pytest_ebpf.values.by_btf import Values
from pytest_ebpf.values.codec import pack, unpack


class TestWhatTheKernelKeepsToItself:
    """Locks, timers, lists and kept pointers read as zero, and must not be written."""

    @staticmethod
    def kept(builder, tag: str = "kptr") -> Values:
        number = builder.int("int", 4, signed=True)
        wide = builder.int("__u64", 8)
        opaque = builder.array(wide, 2)
        timer = builder.struct("bpf_timer", 16, ("__opaque", opaque, 0))
        heads = builder.array(builder.struct("bpf_list_head", 16, ("__opaque", opaque, 0)), 2)
        task = builder.struct("task_struct", 0)
        kept = builder.ptr(builder.add(18, tag, task))
        plain = builder.ptr(task)
        builder.struct(
            "session",
            72,
            ("timer", timer, 0),
            ("heads", heads, 128),
            ("task", kept, 384),
            ("parent", plain, 448),
            ("count", number, 512),
        )
        return Values(builder.btf())

    @pytest.mark.parametrize("tag", ["kptr", "kptr_ref", "kptr_untrusted", "percpu_kptr"])
    def test_it_is_not_shown(self, builder, tag):
        session = self.kept(builder, tag).named("session")
        data = bytes(56) + (5).to_bytes(8, "little") + b"\7\0\0\0" + bytes(4)
        assert unpack(session, data, "") == {"parent": 5, "count": 7}
        assert pack(session, {"count": 7, "parent": 5}, "") == data

    def test_it_cannot_be_written(self, builder):
        with pytest.raises(ValueConversionError) as caught:
            pack(self.kept(builder).named("session"), {"task": 1}, "maps.m value")
        assert str(caught.value).startswith('maps.m value: session has no field "task"')

    def test_alone_it_has_no_fields(self, builder):
        timer = self.kept(builder).named("bpf_timer")
        assert unpack(timer, bytes(16), "") == {}
        assert pack(timer, {}, "") == bytes(16)


class TestWideEnums:
    """``enum`` with constants of 64 bits (``BTF_KIND_ENUM64``)."""

    def test_by_number_and_by_name(self, builder):
        builder.enum64("limit", ("NONE", 0), ("ALL", (1 << 64) - 1))
        limit = Values(builder.btf()).named("limit")
        assert pack(limit, "ALL", "") == b"\xff" * 8
        assert unpack(limit, b"\xff" * 8, "") == (1 << 64) - 1
        with pytest.raises(ValueConversionError) as caught:
            pack(limit, 1 << 64, "globals.limit")
        assert str(caught.value) == (
            "globals.limit: 18446744073709551616 does not fit u64 (0..18446744073709551615); "
            "give a number in that range"
        )

    def test_of_negative_constants(self, builder):
        builder.enum64("offset", ("BACK", -(1 << 40)), ("HERE", 0), signed=True)
        offset = Values(builder.btf()).named("enum offset")
        assert unpack(offset, pack(offset, "BACK", ""), "") == -(1 << 40)
