"""Secrets that stand behind their key in free text: `password=…`,
`"token": "…"`, `Authorization: …`, `--api-key …`, `<password>…`.

Works from the separators outwards: a bounded look back for the key, a look
ahead for the value, and on behind it. Texts are UTF-8 bytes.
"""

from __future__ import annotations

import re
from typing import Iterator, NamedTuple, Optional, Tuple

from . import keys
from .credentials import Range

MARKER = b"[REDACTED]"

# How far back from a separator a key may begin, in bytes.
_LOOK_BACK_BYTES = 96

_FULL_WIDTH_COLON = "：".encode()
_SEPARATOR = re.compile(rb"[=:>]|--|" + _FULL_WIDTH_COLON)
_KEY = re.compile(rb"[A-Za-z0-9_.\x80-\xff-]*")
_KEY_BEFORE = re.compile(rb"[A-Za-z0-9_.\x80-\xff-]*\Z")
_SPACES = re.compile(rb" *")
_BLANKS = re.compile(rb"[ \t]*")
_SLASHES = re.compile(rb"\\*")
_LINE = re.compile(rb"[^\n\r]*")
_QUOTE = re.compile(rb"[\"'`]")
_TAG_VALUE = re.compile(rb"[^<]*")
_PLAIN_END = re.compile(rb"[ \t\n\x0c\r\"'`,;&)\]}<>|]|\\[\"'nr]")
_BRACKET = re.compile(rb"[{}\[\]]")
_SCHEMES = frozenset((b"bearer", b"basic", b"token", b"digest", b"negotiate", b"apikey", b"key"))
_NOTHING = frozenset(
    (b"null", b"none", b"nil", b"true", b"false", b"undefined", b"<nil>", b"<none>")
)
_QUOTES = b"\"'`"


def find(text: bytes) -> Iterator[Range]:
    """The values of secret keys."""
    at = 0
    while True:
        match = _SEPARATOR.search(text, at)
        if not match:
            return
        step = match.start()
        found = _value_at(text, step)
        if found:
            yield found
            at = max(found[1], step + 1)
        else:
            at = step + 1


def _end(pattern: "re.Pattern[bytes]", text: bytes, at: int, limit: Optional[int] = None) -> int:
    match = pattern.match(text, at) if limit is None else pattern.match(text, at, limit)
    return match.end() if match else at


def _value_at(text: bytes, at: int) -> Optional[Range]:
    here = text[at : at + 1]
    following = text[at + 1 : at + 2]
    key: Optional[_Key]
    if here == b"-":
        # Bounded: a rule of dashes is no flag, and each dash is a step.
        near = min(len(text), at + 2 + _LOOK_BACK_BYTES)
        end = _end(_KEY, text, at + 2, near)
        start = _end(_SPACES, text, end)
        if end == start or text[start : start + 1] in (b"", b"-"):
            return None
        key = _word(text, at + 2, end)
    elif here == b"=" and following == b"=":
        return None
    elif here == b"=" and following == b">":
        key, start = _key_before(text, at), at + 2
    elif here == b":" and (following == b":" or text[at + 1 : at + 3] == b"//"):
        return None
    elif here == b":" and following == b"=":
        key, start = _key_before(text, at), at + 2
    elif here == b">":
        key = _key_before(text, at)
        # Only an opening tag: `<password>`; not `a->token > 5`.
        if not key or key.start == 0 or text[key.start - 1 : key.start] != b"<":
            return None
        end = _end(_TAG_VALUE, text, at + 1)
        return (at + 1, end) if key.is_secret() and end > at + 1 else None
    elif here in (b"=", b":"):
        key, start = _key_before(text, at), at + 1
    else:
        key, start = _key_before(text, at), at + len(_FULL_WIDTH_COLON)
    if not key:
        return None
    value = _Value(text, _end(_BLANKS, text, start))
    long_signature = key.is_signature() and value.plain_end(value.start) - value.start >= 20
    if not key.is_secret() and not long_signature:
        return None
    return value.range(_Header(key.start) if key.is_header() else None)


class _Key(NamedTuple):
    """The word before a separator, and the words of a sentence that it ends."""

    word: str
    phrase: str
    start: int

    def is_secret(self) -> bool:
        if self.word.lower() == "token":
            return keys.phrase_ends_in_secret(self.phrase)
        return keys.is_secret(self.word) or (
            len(self.phrase) > len(self.word) and keys.phrase_ends_in_secret(self.phrase)
        )

    def is_signature(self) -> bool:
        """The signature of a shared-access link: secret, but too short a name to
        believe without a long value."""
        return self.word.lower() == "sig"

    def is_header(self) -> bool:
        """Headers whose value has spaces and runs to the end of the line."""
        return self.word.lower().endswith(("authorization", "cookie"))


def _word(text: bytes, start: int, end: int) -> Optional[_Key]:
    if start >= end:
        return None
    word = text[start:end].decode("utf-8", "replace")
    return _Key(word, word, start)


def _key_before(text: bytes, separator: int) -> Optional[_Key]:
    """The key that ends at a separator, whatever closes it: `key=`, `"key" :`,
    `\\"key\\":`, `headers['key'] =`."""
    floor = max(0, separator - _LOOK_BACK_BYTES)
    # Between characters.
    while floor < separator and text[floor] & 0xC0 == 0x80:
        floor += 1
    near = text[floor:separator]
    spaced = near.rstrip(b" \t")
    bare = spaced.rstrip(b"\"'`\\]")
    found = _KEY_BEFORE.search(bare)
    start = found.start() if found else len(bare)
    key = _word(text, floor + start, floor + len(bare))
    if not key or len(bare) != len(spaced):
        return key
    # One more word: "api key: …", but also "unexpected token: …".
    head = bare[:start]
    gap = head.rstrip(b" ")
    if len(head) - len(gap) != 1:
        return key
    more = _KEY_BEFORE.search(gap)
    if not more or more.start() == len(gap):
        return key
    return key._replace(phrase=bare[more.start() :].decode("utf-8", "replace"))


def _quote_at(text: bytes, at: int) -> Tuple[bytes, int]:
    """What stands there, and how many backslashes escape it."""
    slashes = 0
    while text[at - slashes - 1 : at - slashes] == b"\\":
        slashes += 1
    return text[max(at, 0) : at + 1], slashes


class _Header(NamedTuple):
    """Where a header begins: a quote right before that is the one that it stands
    in."""

    start: int


class _Value:
    """What stands behind a separator."""

    def __init__(self, text: bytes, start: int) -> None:
        self._text = text
        self.start = start

    def range(self, header: Optional[_Header]) -> Optional[Range]:
        """The bytes to redact; None where there is no value to hide."""
        text = self._text
        first = text[self.start : self.start + 1]
        if not first:
            return None
        # An escaped quote opens a value inside a quoted text: `\"`, `\\\"`.
        slashes = _end(_SLASHES, text, self.start)
        opener = text[slashes : slashes + 1]
        if opener and opener in _QUOTES:
            begin = slashes + 1
            end = self._quoted_end(begin, opener, slashes - self.start)
            return (begin, end) if end > begin else None
        if header:
            end = self._header_end(header)
        elif text.startswith(MARKER, self.start):
            end = self.plain_end(self.start + len(MARKER))
        elif first in b"{[":
            end = self._bracketed_end()
        else:
            end = self._wrapped_end(self._with_scheme(self.plain_end(self.start)))
        value = text[self.start : end].rstrip(b" \t\\")
        if not value or value.lower() in _NOTHING:
            return None
        return self.start, self.start + len(value)

    def _header_end(self, header: _Header) -> int:
        """The end of the line, or the quote that the header stands in. Quotes
        behind `=` are a parameter's: `Digest username="…", response="…"`."""
        line = self._text[self.start : _end(_LINE, self._text, self.start)]
        inner = _Value(line, 0)
        enclosing = _quote_at(self._text, header.start - 1)
        at = 0
        while at < len(line):
            match = _QUOTE.search(line, at)
            if not match:
                break
            at = match.start()
            quote, slashes = _quote_at(line, at)
            is_parameters = line[at - slashes - 1 : at - slashes] == b"="
            if not is_parameters or (quote, slashes) == enclosing:
                return self.start + at
            at = inner._quoted_end(at + 1, quote, slashes) + slashes + 1
        return self.start + len(line)

    def _quoted_end(self, begin: int, quote: bytes, slashes: int) -> int:
        """The closing quote: one with as many backslashes before it as the
        opening one has, or the end of the text."""
        at = self._text.find(quote, begin)
        while at >= 0:
            head = self._text[begin:at]
            before = len(head) - len(head.rstrip(b"\\")) if head.endswith(b"\\") else 0
            if before <= slashes and before % 2 == slashes % 2:
                return at - before
            at = self._text.find(quote, at + 1)
        return len(self._text)

    def plain_end(self, start: int) -> int:
        """The end of an unquoted word."""
        match = _PLAIN_END.search(self._text, start)
        return match.start() if match else max(start, len(self._text))

    def _with_scheme(self, end: int) -> int:
        """`Bearer abc`: the scheme's name isn't the secret, the next word is."""
        scheme = self._text[self.start : end].lower() in _SCHEMES
        if scheme and self._text[end : end + 1] == b" ":
            return self.plain_end(end + 1)
        return end

    def _wrapped_end(self, end: int) -> int:
        """`Some("x")`, `b'x'`: the quoted rest belongs to the value."""
        word = self._text[self.start : end]
        quote = self._text[end : end + 1]
        prefix = word.endswith(b"(") or (len(word) <= 2 and not word.lower().strip(b"bruf"))
        if word and prefix and quote and quote in _QUOTES:
            return min(self._quoted_end(end + 1, quote, 0) + 1, len(self._text))
        return end

    def _bracketed_end(self) -> int:
        """The bracket that closes an object or list, or the end of the text."""
        depth = 0
        for match in _BRACKET.finditer(self._text, self.start):
            depth += 1 if match.group() in b"{[" else -1
            if depth == 0:
                return match.end()
        return len(self._text)
