"""Redacts a text that is JSON by its keys, and keeps everything else as it is
spelled.

The text is walked, not parsed and written again: what isn't secret stays byte
for byte, numbers of any length and doubled keys among it.
"""

from __future__ import annotations

import json
import re
from typing import Callable, List, Optional

from . import keys
from .credentials import is_card_number

# Deeper nesting is read as plain text.
_MAX_DEPTH = 128

_SPACE = re.compile(r"[ \t\n\r]*")
_STRING = re.compile(r'"((?:[^"\\]|\\[\x00-\x7f])*)"', re.DOTALL)
_SCALAR = re.compile(r"[A-Za-z0-9+.-]*")
_NUMBER = re.compile(r"-?[0-9]+\.?[0-9]*(?:[eE][+-]?[0-9]+)?\Z")
_ESCAPE = re.compile(r"\\(u(?:[0-9a-fA-F]{4})?|.)", re.DOTALL)
_PLAIN = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}

# Redacts the text of one string; None where it holds no secret.
Look = Callable[[str], Optional[str]]


class NotJson(Exception):
    """The text is no JSON that this module reads."""


def looks_like_json(text: str) -> bool:
    """Whether reading the text as JSON is worth a try."""
    bare = text.strip(" \t\n\r\x0c")
    return (bare.startswith("{") and bare.endswith("}")) or (
        bare.startswith("[") and bare.endswith("]")
    )


def redacted(text: str, look: Look, marker: str) -> Optional[str]:
    """The JSON without secrets, or None where it holds none.

    Raises NotJson where the text is something else.
    """
    walk = _Walk(text, 0, look, marker)
    walk.space()
    walk.value(0)
    walk.space()
    if walk.at != len(text):
        raise NotJson
    if not walk.pieces:
        return None
    return "".join(walk.pieces) + text[walk.kept_to :]


class _Walk:
    def __init__(self, text: str, at: int, look: Look, marker: str) -> None:
        self.text = text
        self.at = at
        self.look = look
        self.marker = marker
        # Everything before `kept_to` is in `pieces`.
        self.kept_to = 0
        self.pieces: List[str] = []

    def peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def space(self) -> None:
        match = _SPACE.match(self.text, self.at)
        self.at = match.end() if match else self.at

    def expect(self, letter: str) -> None:
        if self.peek() != letter:
            raise NotJson
        self.at += 1

    def replace(self, start: int, replacement: str) -> None:
        self.pieces.append(self.text[self.kept_to : start])
        self.pieces.append(json.dumps(replacement, ensure_ascii=False))
        self.kept_to = self.at

    def value(self, depth: int) -> None:
        if depth > _MAX_DEPTH:
            raise NotJson
        here = self.peek()
        start = self.at
        if here == "{":
            self.object(depth)
        elif here == "[":
            self.array(depth)
        elif here == '"':
            found = self.look(_unescaped(self.string()))
            if found is not None:
                self.replace(start, found)
        else:
            scalar = self.scalar()
            if scalar.isdigit() and len(scalar) <= 20 and is_card_number(int(scalar)):
                self.replace(start, self.marker)

    def object(self, depth: int) -> None:
        self.expect("{")
        self.space()
        if self.peek() == "}":
            self.at += 1
            return
        while True:
            start = self.at
            key = _unescaped(self.string())
            found = self.look(key)
            if found is not None:
                self.replace(start, found)
            self.space()
            self.expect(":")
            self.space()
            self.field(key, depth + 1)
            self.space()
            if self.peek() != ",":
                self.expect("}")
                return
            self.at += 1
            self.space()

    def field(self, key: str, depth: int) -> None:
        if not keys.is_secret(key):
            self.value(depth)
            return
        start = self.at
        # Past the value, without looking into what is replaced as a whole.
        blind = _Walk(self.text, start, lambda _: None, self.marker)
        blind.value(depth)
        self.at = blind.at
        if self.text[start : self.at] not in ("null", "true", "false"):
            self.replace(start, self.marker)

    def array(self, depth: int) -> None:
        self.expect("[")
        self.space()
        if self.peek() == "]":
            self.at += 1
            return
        while True:
            self.value(depth + 1)
            self.space()
            if self.peek() != ",":
                self.expect("]")
                return
            self.at += 1
            self.space()

    def string(self) -> str:
        match = _STRING.match(self.text, self.at)
        if not match:
            raise NotJson
        self.at = match.end()
        return match.group(1)

    def scalar(self) -> str:
        match = _SCALAR.match(self.text, self.at)
        scalar = match.group() if match else ""
        if scalar not in ("null", "true", "false") and not _NUMBER.match(scalar):
            raise NotJson
        self.at += len(scalar)
        return scalar


def _unescaped(inner: str) -> str:
    """A string's inside without escapes. Half a surrogate pair becomes U+FFFD:
    what is compared need not be what is written."""
    if "\\" not in inner:
        return inner

    def plain(match: "re.Match[str]") -> str:
        escape = match.group(1)
        if escape == "u":
            return "\ufffd"
        if len(escape) == 5:
            return chr(int(escape[1:], 16))
        return _PLAIN.get(escape, escape)

    joined = _ESCAPE.sub(plain, inner)
    # Joins the halves of pairs; half of one becomes U+FFFD.
    return joined.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
