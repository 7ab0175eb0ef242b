"""A struct for which there is no class of the user's."""

from __future__ import annotations

import copy
import pickle
from dataclasses import dataclass

import pytest

from pytest_ebpf.values.record import Record, as_mapping, type_name


@dataclass(frozen=True)
class Rule:
    action: int = 0
    hits: int = 0


record = Record("rule", {"action": 1, "hits": 7})


def test_fields_are_attributes_and_items():
    assert (record.hits, record["action"]) == (7, 1)
    assert list(record) == ["action", "hits"]
    assert dir(record) == ["_asdict", "_replace", "action", "hits"]


def test_it_shows_its_fields():
    assert repr(record) == "rule(action=1, hits=7)"


def test_it_equals_whatever_has_the_same_fields():
    assert record == {"action": 1, "hits": 7}
    assert record == Rule(1, 7)
    assert Rule(1, 7) == record
    assert record != Rule(1, 8)
    assert record != 7


def test_it_hashes_as_the_frozen_dataclass_it_equals():
    assert hash(record) == hash(Rule(1, 7))
    assert hash(Record("r", {"a": [1, [2]]})) == hash(Record("r", {"a": [1, [2]]}))


def test_it_can_be_copied():
    nested = Record("r", {"rule": record, "parts": [1]})
    deep = copy.deepcopy(nested)
    assert deep == nested
    assert deep.parts is not nested.parts
    assert pickle.loads(pickle.dumps(nested)) == copy.copy(nested) == nested
    assert type_name(copy.copy(nested)) == "r"


def test_an_unknown_field():
    with pytest.raises(AttributeError) as caught:
        _ = record.hit
    assert str(caught.value) == 'rule has no field "hit"; did you mean "hits"?'
    with pytest.raises(AttributeError) as caught:
        _ = record.errno
    assert str(caught.value) == 'rule has no field "errno"; known: action, hits'


def test_it_cannot_be_set_only_replaced():
    with pytest.raises(AttributeError) as caught:
        record.hits = 8
    assert str(caught.value) == ("rule.hits cannot be set; write record._replace(hits=...), and store that")
    assert record._replace(hits=8) == {"action": 1, "hits": 8}
    with pytest.raises(AttributeError) as caught:
        record._replace(hit=1)
    assert str(caught.value) == 'rule has no field "hit"; did you mean "hits"?'


def test_fields_may_be_called_anything():
    odd = Record("odd", {"_replace": 1, "class": 2, "from": 3})
    assert (odd["_replace"], odd["class"], getattr(odd, "from")) == (1, 2, 3)


def test_its_types_name_hides_no_field():
    assert type_name(record) == "rule"
    assert Record("r", {"name": "edge"}).name == "edge"


def test_what_has_fields():
    assert as_mapping(record) == as_mapping(Rule(1, 7)) == as_mapping({"action": 1, "hits": 7})
    assert as_mapping(7) is None
    assert as_mapping(Rule) is None
