"""The page of promises names tests, and each of them is there."""

import ast
import re
from functools import cache

import pytest

from realtime.conf import Conf
from tests.integration.servers import ROOT

PAGE = (ROOT / "docs" / "reliability.md").read_text()
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)))
PROMISES = (7, 8, 9, 10, 13, 14, 15, 16, 17, 18, 24, 25, 26)


@cache
def defined_in(path: str) -> set[str]:
    """The names of the functions in that file."""
    tree = ast.parse((ROOT / path).read_text())
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


@pytest.mark.parametrize(("path", "name"), NAMED, ids="::".join)
def test_a_test_that_the_page_names_is_there(path: str, name: str) -> None:
    assert name in defined_in(path)


def test_nothing_that_looks_like_a_test_is_left_out() -> None:
    assert len(re.findall(r"::test_", PAGE)) == len(re.findall(r"`tests/[\w/]+\.py::test_\w+`", PAGE))


def test_every_setting_that_the_page_names_is_there() -> None:
    told = set(re.findall(r"`REALTIME_(\w+)`", PAGE))
    assert told
    assert told <= {name.upper() for name in Conf.__struct_fields__}


def sections(level: str) -> dict[str, str]:
    """The parts of the page by their headings of that level."""
    parts = re.split(rf"^{level} (.+)$", PAGE, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_every_trap_and_every_promise_has_its_test() -> None:
    numbers = {re.split("[.:]", name)[0]: body for name, body in sections("###").items()}
    assert [name for name in numbers if name.isdigit()] == [str(number) for number in range(1, 17)]
    assert [name for name in numbers if not name.isdigit()] == [f"Promise {number}" for number in PROMISES]
    assert not [name for name, body in numbers.items() if "::test_" not in body]
