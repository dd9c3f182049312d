"""Whatever the OpenAPI document allows, and what it does not, is answered and breaks nothing.

Schemathesis makes the requests; the whole application answers them: middleware, views, services,
signals, database. They are the same in every run.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.schemas import BaseSchema

from tests.openapi.asking import Operation, World, check, operations, rolled_back

# Nobody reads these downloads to their end, as a server would.
unread = pytest.mark.filterwarnings("ignore:Exception ignored in. <_io.FileIO:pytest.PytestUnraisableExceptionWarning")
pytestmark = [unread, pytest.mark.slow]
EXAMPLES: Final = 10
FREE: Final = {"deviceId", "deviceIds", "refresh"}  # names that are no UUIDs


def test_no_generated_request_breaks_anything(openapi: BaseSchema, world: World) -> None:
    broken: list[str] = []
    answers: Counter[int] = Counter()
    for operation in operations(openapi):
        for mode in GenerationMode:
            try:
                _try(operation, mode, world, answers)
            except Exception as error:  # noqa: BLE001 -- told below, with those of all others
                broken.append(f"{operation.label}: {error!r}")
    assert not broken
    assert min(answers[200] + answers[201] + answers[204], answers[400], answers[404]) > 100


def _try(operation: Operation, mode: GenerationMode, world: World, answers: Counter[int]) -> None:
    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(operation.as_strategy(generation_mode=mode))
    def attempt(case: "schemathesis.Case[Any]") -> None:
        case.path_parameters = _real(case.path_parameters, world)
        case.query = _real(case.query, world)
        case.body = _real(case.body, world)
        with rolled_back():
            response = case.call(headers={"Authorization": f"Bearer {world['']}"})
        case.validate_response(response, checks=[not_a_server_error])
        check(response.status_code, response.content)
        answers[response.status_code] += 1

    attempt()


def _real(value: Any, world: World, name: str = "") -> Any:
    """The same with ids that exist, in the place of made up ones; every eighth of those stays as it is."""
    if isinstance(value, Mapping):
        return {key: _real(part, world, str(key)) for key, part in value.items()}
    if isinstance(value, list):
        return [_real(part, world, name) for part in value]
    return world[name] if name in world and isinstance(value, str) and _is_made_up(value, name) else value


def _is_made_up(value: str, name: str) -> bool:
    try:
        return name in FREE or UUID(value).int % 8 > 0
    except ValueError:
        return False
