"""The rules that all languages share: tests/vectors of the repository."""

from __future__ import annotations

import json
import re
from typing import Any, Dict, List, Set

import pytest

from livespan import redact
from livespan.classify import Failure, classify
from livespan.redact import credentials, keys

from .conftest import REPOSITORY

VECTORS = REPOSITORY / "tests" / "vectors"
REDACTION: Dict[str, List[Any]] = json.loads((VECTORS / "redaction.json").read_text("utf-8"))
CLASSIFIER: List[Dict[str, Any]] = json.loads((VECTORS / "classifier.json").read_text("utf-8"))[
    "cases"
]
SOURCE = REPOSITORY / "rules" / "src" / "redact"


@pytest.mark.parametrize("key", REDACTION["secret_keys"])
def a_secret_key_is_known(key: str) -> None:
    assert redact.is_secret_key(key)


@pytest.mark.parametrize("key", REDACTION["harmless_keys"])
def a_harmless_key_is_let_through(key: str) -> None:
    assert not redact.is_secret_key(key)


@pytest.mark.parametrize("case", REDACTION["texts"], ids=lambda case: case["name"])
def a_text_is_redacted_once_and_for_all(case: Dict[str, Any]) -> None:
    got = redact.text(case["text"])
    if case.get("compare") == "json":
        assert json.loads(got) == json.loads(case["want"])
    else:
        assert got == case["want"]
    assert redact.text(got) == got


@pytest.mark.parametrize("case", REDACTION["truncations"], ids=lambda case: case["name"])
def a_long_text_is_cut(case: Dict[str, Any]) -> None:
    assert redact.text(case["before"] + case["unit"] * case["times"] + case["after"]) == case["want"]


@pytest.mark.parametrize("case", REDACTION["values"], ids=lambda case: case["name"])
def a_value_is_redacted_whole_and_in_summary(case: Dict[str, Any]) -> None:
    assert redact.sanitize(case["value"], 100) == case["whole"]
    assert redact.sanitize(case["value"]) == case["summary"]


@pytest.mark.parametrize(
    "case", [case for case in CLASSIFIER if "rules" not in case], ids=lambda case: case["name"]
)
def a_failure_has_its_reason(case: Dict[str, Any]) -> None:
    found = classify(Failure(**case["failure"]))
    got = {
        "reason_code": found.reason_code,
        "reason_kind": found.reason_kind,
        "cancelled": found.cancelled,
    }
    assert got == case["want"]


def _strings(pattern: str, source: str) -> Set[str]:
    return set(re.findall(pattern, source))


def the_keys_are_the_servers() -> None:
    source = (SOURCE / "keys.rs").read_text("utf-8")
    source = source[: source.index("#[cfg(test)]")]
    glued, words, harmless, describing = keys.every_table()
    assert glued == _strings(r'glued\("([a-z0-9]+)"\)', source)
    assert words == _strings(r'\bword\("([a-z0-9]+)"\)', source)
    assert harmless == _strings(r'(?m)^    b"([a-z]+)",$', source)
    body = source[source.index("fn describes") :]
    assert describing == _strings(r'b"([a-z]+)"', body[: body.index("\n}\n")])
    for name in keys.CHINESE_NAMES:
        assert f'"{name}"' in source


def the_token_shapes_are_the_servers() -> None:
    source = (SOURCE / "credentials.rs").read_text("utf-8")
    found = re.findall(r'(shape|with_digit)\("([^"]+)", (\d+), (\w+)\)', source)
    theirs = [(prefix, int(least), name, kind == "with_digit") for kind, prefix, least, name in found]
    assert [tuple(shape) for shape in credentials.TOKENS] == theirs


def the_key_pieces_are_the_servers() -> None:
    source = (SOURCE / "screen.rs").read_text("utf-8")
    table = source[source.index("const KEY_PIECES") :]
    table = table[table.index("= [") : table.index("];")]
    assert list(keys.KEY_PIECES) == re.findall(r'"([^"]+)"', table)
