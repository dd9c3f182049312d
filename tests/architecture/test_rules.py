"""The rules of the house that no tool knows, read from the source; each rule has its own examples.

What may import what stands in `pyproject.toml` (import-linter); style and types are ruff's and mypy's.
"""

import ast
import gc
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path, PurePath
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]
NO_CODE_OF_OURS = {"node_modules", "migrations"}


@cache
def _tree(text: str) -> ast.Module:
    gc.disable()  # Python 3.11's parser fails when the collector runs another parse in the midst of it
    try:
        return ast.parse(text)
    finally:
        gc.enable()


class Source(NamedTuple):
    """A Python file: its path from the root of the project, and its text."""

    path: PurePath
    text: str

    @property
    def is_test(self) -> bool:
        """Whether it belongs to the tests, which may be longer and may look behind the doors."""
        return self.path.parts[0] == "tests"

    def nodes(self) -> Iterator[ast.AST]:
        """Every node of the syntax tree."""
        return ast.walk(_tree(self.text))


Rule = Callable[[Source], Iterator[str]]

CHANNEL_LAYER = {"group_send", "get_channel_layer", "async_to_sync"}
CHANNEL_LAYER_FILES = (
    "realtime/publisher.py",
    "realtime/hub.py",
    "realtime/layer_*.py",
    "realtime/process.py",
    "bench/stock.py",  # what the bench compares with
)


def only_the_core_sends(source: Source) -> Iterator[str]:
    """The channel layer is used by the publisher, the hub, the process and the layers themselves."""
    if source.is_test or any(source.path.match(pattern) for pattern in CHANNEL_LAYER_FILES):
        return
    for node in source.nodes():
        for name in CHANNEL_LAYER.intersection(names(node)):
            yield f"{line(node)}: {name} belongs to realtime/publisher.py. Publish a Push instead."


def names(node: ast.AST) -> set[str]:
    """What a node names: a variable, an attribute, an import, or a text that could be looked up."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name) | ast.Constant(value=str(name)):
            return {name}
        case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
            return {alias.name for alias in aliases}
    return set()


DISPATCHING_FILES = ("realtime/transports/*.py", "realtime/sessions.py", "realtime/commands.py")
LOOKUPS = {"getattr", "hasattr", "attrgetter", "methodcaller"}


def no_dispatch_by_attribute(source: Source) -> Iterator[str]:
    """What a client sent never becomes the name of an attribute."""
    if not any(source.path.match(pattern) for pattern in DISPATCHING_FILES):
        return
    for node in source.nodes():
        if not isinstance(node, ast.Call) or not LOOKUPS.intersection(names(node.func)):
            continue
        looked_up = node.args[1:2] if names(node.func) & {"getattr", "hasattr"} else node.args
        if not all(isinstance(argument, ast.Constant) for argument in looked_up):
            yield f"{line(node)}: an attribute is looked up by a name that is not written here. Use a registry."


def files_are_short(source: Source) -> Iterator[str]:
    """A file has at most 300 lines, a test file 500."""
    limit = 500 if source.is_test else 300
    if (length := len(source.text.splitlines())) > limit:
        yield f" {length} lines, {limit} are allowed. Split it by responsibility."


def functions_are_short(source: Source) -> Iterator[str]:
    """A function has at most 40 lines, in a test file 60."""
    limit = 60 if source.is_test else 40
    for node in source.nodes():
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno:
            length = node.end_lineno - node.lineno + 1
            if length > limit:
                yield f"{line(node)}: {node.name} has {length} lines, {limit} are allowed."


def line(node: ast.AST) -> int:
    """The line where it begins."""
    return getattr(node, "lineno", 0)


EMPTY_NAMES = {"util", "utils", "helper", "helpers", "common", "manager", "managers"}


def modules_say_what_they_hold(source: Source) -> Iterator[str]:
    """No module is named after nothing."""
    for name in EMPTY_NAMES.intersection(source.path.with_suffix("").parts):
        yield f" {name} does not say what is in it."


PERSON_LOCK = re.compile(r"\bUser\.objects(?:\.\w+\([^()]*\))*\.select_for_update\((?![^)]*no_key=True)")


def people_are_locked_without_their_key(source: Source) -> Iterator[str]:
    """Rows refer to people everywhere: a full lock deadlocks with whoever commits one under another lock."""
    for number, text in enumerate(source.text.splitlines(), 1):
        if not source.is_test and PERSON_LOCK.search(text):
            yield f"{number} locks a person with the key: select_for_update(no_key=True)."


RULES: list[Rule] = [
    people_are_locked_without_their_key,
    only_the_core_sends,
    no_dispatch_by_attribute,
    files_are_short,
    functions_are_short,
    modules_say_what_they_hold,
]


def sources() -> Iterator[Source]:
    """Every Python file of the project that somebody wrote."""
    for path in sorted([*ROOT.glob("*.py"), *ROOT.glob("[!.]*/**/*.py")]):
        relative = path.relative_to(ROOT)
        if not NO_CODE_OF_OURS.intersection(relative.parts):
            yield Source(relative, path.read_text())


def function(lines: int) -> str:
    """A function of so many lines."""
    return "def long():\n" + "    pass\n" * (lines - 1)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_project_keeps_the_rule(rule: Rule) -> None:
    complaints = [f"{source.path}:{complaint}" for source in sources() for complaint in rule(source)]
    assert not complaints, "\n".join(complaints)


def test_the_rules_see_the_project() -> None:
    seen = {str(source.path) for source in sources()}
    assert {"manage.py", "realtime/conf.py", "tests/architecture/test_rules.py"} <= seen


@pytest.mark.parametrize(
    ("rule", "path", "text"),
    [
        (only_the_core_sends, "chat/signals.py", "layer.group_send('a', {})"),
        (only_the_core_sends, "realtime/views.py", "from channels.layers import get_channel_layer"),
        (only_the_core_sends, "accounts/services.py", "import asgiref.sync as s; s.async_to_sync(f)()"),
        (only_the_core_sends, "web/views.py", "getattr(layer, 'group_send')"),
        (no_dispatch_by_attribute, "realtime/transports/plain.py", "getattr(self, frame['type'])()"),
        (no_dispatch_by_attribute, "realtime/sessions.py", "hasattr(self, f'on_{name}')"),
        (no_dispatch_by_attribute, "realtime/commands.py", "operator.methodcaller(name)(session)"),
        (people_are_locked_without_their_key, "chat/services.py", "User.objects.select_for_update().get(pk=1)"),
        (people_are_locked_without_their_key, "a/b.py", "User.objects.filter(pk=1).select_for_update(of=('self',))"),
        (files_are_short, "chat/models.py", "a = 1\n" * 301),
        (files_are_short, "tests/chat/test_models.py", "a = 1\n" * 501),
        (functions_are_short, "chat/models.py", function(41)),
        (functions_are_short, "chat/models.py", "class A:\n    async def long(self):\n" + "        pass\n" * 40),
        (functions_are_short, "tests/chat/test_models.py", function(61)),
        (modules_say_what_they_hold, "chat/utils.py", ""),
        (modules_say_what_they_hold, "realtime/common/text.py", ""),
    ],
)
def test_a_rule_finds_what_breaks_it(rule: Rule, path: str, text: str) -> None:
    assert list(rule(Source(PurePath(path), text)))


@pytest.mark.parametrize(
    ("rule", "path", "text"),
    [
        (only_the_core_sends, "realtime/publisher.py", "get_channel_layer().group_send('a', {})"),
        (only_the_core_sends, "realtime/layer_redis.py", "async def group_send(self): ..."),
        (only_the_core_sends, "tests/realtime/test_hub.py", "from channels.layers import get_channel_layer"),
        (only_the_core_sends, "chat/signals.py", "# group_send is not ours\nsend('group')"),
        (no_dispatch_by_attribute, "realtime/sessions.py", "getattr(user, 'locale', None)"),
        (no_dispatch_by_attribute, "realtime/commands.py", "registry[name](session)"),
        (no_dispatch_by_attribute, "realtime/signals.py", "getattr(instance, field)"),
        (people_are_locked_without_their_key, "a/b.py", "User.objects.select_for_update(no_key=True).get(pk=1)"),
        (people_are_locked_without_their_key, "a/b.py", "Call.objects.select_for_update().get(pk=1)"),
        (files_are_short, "chat/models.py", "a = 1\n" * 300),
        (files_are_short, "tests/chat/test_models.py", "a = 1\n" * 500),
        (functions_are_short, "chat/models.py", function(40)),
        (functions_are_short, "tests/chat/test_models.py", function(60)),
        (modules_say_what_they_hold, "chat/selectors.py", ""),
        (modules_say_what_they_hold, "realtime/management/commands/serve.py", ""),
    ],
)
def test_a_rule_allows_what_keeps_it(rule: Rule, path: str, text: str) -> None:
    assert not list(rule(Source(PurePath(path), text)))


PINNED = re.compile(r"[\w.-]+(\[[\w,-]+\])?==[\w.!+-]+(\s*;.+)?|-r requirements[\w-]*\.txt|-c constraints\.txt|#.*|")


def test_every_requirement_is_pinned() -> None:
    files = [*ROOT.glob("requirements*.txt"), ROOT / "constraints.txt"]
    lines = [(file.name, text) for file in files for text in file.read_text().splitlines()]
    assert lines
    assert [(name, text) for name, text in lines if not PINNED.fullmatch(text.strip())] == []


@pytest.mark.parametrize(
    "text", ["Django==5.2.19", "psycopg[binary,pool]==3.3.9", "a==1.0; python_version < '3.13'", ""]
)
def test_a_pinned_requirement_is_accepted(text: str) -> None:
    assert PINNED.fullmatch(text)


@pytest.mark.parametrize("text", ["Django", "Django>=5.2", "Django~=5.2.1", "Django==5.*", "-e .", "-r other.txt"])
def test_an_unpinned_requirement_is_refused(text: str) -> None:
    assert not PINNED.fullmatch(text)
