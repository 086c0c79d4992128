"""Takes secrets out of texts and values before they leave the process or are
written to disk.

The same rules as the server's, which redacts what it receives once more;
tests/vectors/redaction.json holds both to them. What they are is told in
tests/vectors/README.md.
"""

from __future__ import annotations

import math
import re
from typing import Callable, Dict, List, Mapping, Optional, Tuple

from . import credentials, json_text, keys, pairs
from .credentials import Range, Scan
from .keys import is_secret as is_secret_key

__all__ = ["MARKER", "is_secret_key", "sanitize", "text", "text_whole"]

# What a secret becomes.
MARKER = "[REDACTED]"

# Longer texts are cut, in bytes.
TEXT_LIMIT_BYTES = 4096

# How much of a text that is too long stays; the rest of the limit is room for
# the words that say how much was left out.
_KEPT_BYTES = 4032

# Containers nested deeper are named in every case: recursion has a floor.
_MAX_LEVELS = 100

# How many strings inside strings are read as JSON.
_MAX_PARSES = 3

# How often a text is looked at again because the last look changed it. A text
# that still changes is hostile and is redacted as a whole.
_MAX_LOOKS = 8

_ANCHORS: Dict[bytes, Callable[[Scan, int, int], Optional[Range]]] = {
    b"eyj": lambda scan, at, end: scan.jwt(at),
    b"-----begin": lambda scan, at, end: scan.private_key(at),
    b"://": lambda scan, at, end: scan.url_password(end),
    b"bearer": lambda scan, at, end: scan.bearer(at, end),
    b"basic": lambda scan, at, end: scan.basic(at, end),
    b"8q~": lambda scan, at, end: scan.azure_secret(at),
    b"hooks.slack.com/": lambda scan, at, end: scan.webhook(end),
}


def _any_of(patterns: List[bytes]) -> "re.Pattern[bytes]":
    # Looks ahead, so that every place is found, one inside another too.
    return re.compile(b"(?=" + b"|".join(re.escape(p) for p in patterns) + b")", re.IGNORECASE)


_PIECES = [piece.encode() for piece in keys.KEY_PIECES + keys.CHINESE_NAMES]
_TOKENS = [(shape.prefix.lower().encode(), shape) for shape in credentials.TOKENS]
_PREFIXES = [prefix for prefix, _ in _TOKENS]
_NOT_URLS = [anchor for anchor in _ANCHORS if anchor != b"://"]
_PAIR = _any_of(_PIECES)
_SUSPECT = _any_of(list(_ANCHORS) + _PREFIXES)
_TELLING = _any_of(_PIECES + _NOT_URLS + _PREFIXES)


def text(raw: str) -> str:
    """The text without secrets and not over 4,096 bytes.

    A text that was cut ends in ` [TRUNCATED: n bytes left out]`, n counted after
    redaction. Redacting twice gives the same text.
    """
    if len(raw) * 4 <= TEXT_LIMIT_BYTES or len(_encoded(raw)) <= TEXT_LIMIT_BYTES:
        if _is_clean(raw):
            return _mended(raw)

    def look(current: str) -> Optional[str]:
        # The notice of an earlier cut isn't the text's own words: behind
        # `password=` it would pass for a secret.
        head, left_out = _without_notice(current)
        redacted = _look(head, 0)
        if redacted is None:
            measured = current if left_out is not None else head
            if len(_encoded(measured)) <= TEXT_LIMIT_BYTES:
                return None
        return _fitted(head if redacted is None else redacted, left_out)

    return _settled(_mended(raw), look)


def text_whole(raw: str) -> str:
    """The text without secrets at its whole length, for artifacts."""
    raw = _mended(raw)
    return raw if _is_clean(raw) else _settled(raw, lambda current: _look(current, 0))


def sanitize(value: object, max_depth: int = 3) -> object:
    """A copy of the value as JSON has it, without secrets.

    Whole values under secret keys become the marker, `null` and booleans apart:
    they say whether there was one. Strings are cut as by `text`. Containers
    inside `max_depth` others are named: `[object: 5 keys]`. What JSON has no
    word for, such as dates and paths, becomes its text.
    """
    return _value(value, min(max_depth, _MAX_LEVELS))


def _value(value: object, levels: int) -> object:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return text(value)
    if isinstance(value, int):
        return MARKER if credentials.is_card_number(value) else int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else repr(float(value))
    if isinstance(value, Mapping):
        if levels <= 0:
            return _counted("object", len(value), "key")
        return _fields(value, levels - 1)
    if isinstance(value, (list, tuple, set, frozenset)):
        if levels <= 0:
            return _counted("array", len(value), "item")
        return [_value(item, levels - 1) for item in value]
    if isinstance(value, (bytes, bytearray, memoryview)):
        return f"[bytes: {len(value)}]"
    try:
        return text(str(value))
    except Exception:
        # A value that can't say what it is must not fail the work.
        return f"[{type(value).__name__}]"


def _fields(fields: Mapping[object, object], levels: int) -> Dict[str, object]:
    redacted: Dict[str, object] = {}
    doubles = 1
    for raw_key, field in fields.items():
        key = raw_key if isinstance(raw_key, str) else str(raw_key)
        redacted_key = text_whole(key)
        if field is None or isinstance(field, bool):
            shown: object = field
        # Both spellings, so that a second redaction decides the same.
        elif keys.is_secret(key) or keys.is_secret(redacted_key):
            shown = MARKER
        else:
            shown = _value(field, levels)
        # Two keys that were secrets themselves must not become one field.
        while redacted_key in redacted:
            doubles += 1
            redacted_key = f"{MARKER} ({doubles})"
        redacted[redacted_key] = shown
    return redacted


def _counted(container: str, count: int, member: str) -> str:
    return f"[{container}: {count} {member}{'' if count == 1 else 's'}]"


def _encoded(raw: str) -> bytes:
    return raw.encode("utf-8", "replace")


def _mended(raw: str) -> str:
    """Python's strings may hold halves of surrogate pairs, UTF-8 may not."""
    return raw if raw.isascii() else _encoded(raw).decode("utf-8")


def _is_clean(raw: str) -> bool:
    """Whether the text certainly holds no secret."""
    encoded = _encoded(raw)
    return not (
        _TELLING.search(encoded)
        # Most URLs name no user; without an at sign none does.
        or (b"://" in encoded and b"@" in encoded)
        or credentials.may_hold_card(encoded)
        # Escapes can hide a name or a URL.
        or b"\\u" in encoded
        or b"\\/" in encoded
    )


def _settled(raw: str, look: Callable[[str], Optional[str]]) -> str:
    """Repeats a look until it changes nothing, which makes redaction idempotent:
    removing one secret can uncover the edge of another."""
    for _ in range(_MAX_LOOKS):
        following = look(raw)
        if following is None or following == raw:
            return raw
        raw = following
    return MARKER


def _look(raw: str, parses: int) -> Optional[str]:
    """One pass over a text; None when there is nothing to redact. `parses` counts
    the strings that this text was found inside of."""
    if _is_clean(raw):
        return None
    if parses < _MAX_PARSES and json_text.looks_like_json(raw):
        try:
            return json_text.redacted(raw, lambda inner: _look(inner, parses + 1), MARKER)
        except (json_text.NotJson, RecursionError):
            pass
    return _look_at_plain(_encoded(raw))


def _look_at_plain(encoded: bytes) -> Optional[str]:
    found: List[Range] = []
    scan = Scan(encoded)
    folded = encoded.lower()
    for match in _SUSPECT.finditer(encoded):
        at = match.start()
        for anchor, finder in _ANCHORS.items():
            if folded.startswith(anchor, at):
                hit = finder(scan, at, at + len(anchor))
                if hit:
                    found.append(hit)
        for prefix, shape in _TOKENS:
            if folded.startswith(prefix, at):
                hit = scan.token(at, shape)
                if hit:
                    found.append(hit)
    if credentials.may_hold_card(encoded):
        found.extend(credentials.find_cards(encoded))
    if _PAIR.search(encoded):
        found.extend(pairs.find(encoded))
    return _replaced(encoded, found)


def _replaced(encoded: bytes, found: List[Range]) -> Optional[str]:
    """Replaces the found ranges, overlapping and touching ones by one marker."""
    if not found:
        return None
    merged: List[Range] = []
    for start, end in sorted(found):
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(merged[-1][1], end)
        else:
            merged.append((start, end))
    pieces: List[bytes] = []
    kept_to = 0
    for start, end in merged:
        pieces += (encoded[kept_to:start], MARKER.encode())
        kept_to = end
    pieces.append(encoded[kept_to:])
    return b"".join(pieces).decode("utf-8", "replace")


_NOTICE = re.compile(r" \[TRUNCATED: ([0-9]{1,12}) bytes left out\]\Z")


def _fitted(raw: str, left_out: Optional[int]) -> str:
    """The text cut to the limit, with a notice of how many bytes were left out,
    here and earlier."""
    encoded = _encoded(raw)
    limit = TEXT_LIMIT_BYTES if left_out is None else _KEPT_BYTES
    kept = len(encoded) if len(encoded) <= limit else _cut(encoded)
    head = encoded[:kept].decode("utf-8", "replace")
    missing = (left_out or 0) + len(encoded) - kept
    return f"{head} [TRUNCATED: {missing} bytes left out]" if missing else head


def _cut(encoded: bytes) -> int:
    """Where to cut a text that is too long: between characters, and not within a
    marker, which would no longer be one."""
    kept = _KEPT_BYTES
    while encoded[kept] & 0xC0 == 0x80:
        kept -= 1
    marker = MARKER.encode()
    near = max(0, kept - len(marker) + 1)
    at = encoded.find(marker, near, kept + len(marker) - 1)
    return kept if at < 0 else at


def _without_notice(raw: str) -> Tuple[str, Optional[int]]:
    """Splits off the notice of an earlier cut and reads its number."""
    match = _NOTICE.search(raw)
    if not match or int(match.group(1)) == 0:
        return raw, None
    return raw[: match.start()], int(match.group(1))
