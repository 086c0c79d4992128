"""Why something failed: from the evidence to a reason code and a reason kind.

The knowledge is the server's table (classify_rules.json, generated from the
server's own); this module is the order in which evidence is heard, the same as
the server's. tests/vectors/classifier.json holds both to it. The first piece
that the table knows decides; vague pieces ("internal error", exit code 1) are
kept for the case that nothing after them says more.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Tuple

# How much of a message is read, in bytes. What went wrong stands at the top.
_MESSAGE_LIMIT_BYTES = 64 * 1024

_GRPC_NAMES = (
    "OK CANCELLED UNKNOWN INVALID_ARGUMENT DEADLINE_EXCEEDED NOT_FOUND ALREADY_EXISTS"
    " PERMISSION_DENIED RESOURCE_EXHAUSTED FAILED_PRECONDITION ABORTED OUT_OF_RANGE"
    " UNIMPLEMENTED INTERNAL UNAVAILABLE DATA_LOSS UNAUTHENTICATED"
).split()

# How messages spell an HTTP status.
_HTTP_SPELLINGS = (
    "status code {}",
    "status code: {}",
    "status code {}:",
    "status={}",
    "http {}",
    "http/1.1 {}",
    "http/2 {}",
    "http status {}",
    "http status: {}",
    "http error {}",
    "error code: {}",
    "{} client error",
    "{} server error",
)

# How messages spell an exit code.
_EXIT_SPELLINGS = (
    "exit code {}",
    "exit code: {}",
    "exit status {}",
    "exit status: {}",
    "exited with code {}",
    "exited with status {}",
)

_WORD = re.compile(r"[A-Za-z0-9_]+")
_SEGMENT = re.compile(r"[.:$/\\]")
_CLASS_ARGUMENTS = re.compile(r"[<`\[(]")
_LOWER = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")


@dataclass(frozen=True)
class Failure:
    """Everything that may say why a step failed. All of it is optional."""

    # The client's own verdict; overrides all evidence.
    reason_code: Optional[str] = None
    reason_kind: Optional[str] = None
    # A class name, an HTTP or gRPC status, an errno, or `_OTHER`.
    error_type: Optional[str] = None
    # A gRPC status, as a number or a name.
    rpc_status_code: Optional[str] = None
    http_status_code: Optional[int] = None
    # 0 is no evidence, -n counts as 128 + n.
    exit_code: Optional[int] = None
    exception_type: Optional[str] = None
    exception_message: Optional[str] = None
    cicd_result: Optional[str] = None
    message: Optional[str] = None


@dataclass(frozen=True)
class Classification:
    """The verdict on a failure."""

    # Snake-case code to group by; `unknown` when nothing was recognised.
    reason_code: str
    # TRANSIENT, PERSISTENT, RESOURCE, CONFIG or UNKNOWN.
    reason_kind: str
    # The work was stopped on purpose.
    cancelled: bool


class _Row(NamedTuple):
    place: int
    code: str
    kind: str
    cancelled: bool
    vague: bool


def classify(failure: Failure) -> Classification:
    """Names the reason of a failure. Never fails: without known evidence the
    answer is `unknown`, UNKNOWN."""
    table = _table()
    kind = failure.reason_kind if failure.reason_kind != "UNKNOWN" else None
    code = _given(failure.reason_code)
    if code:
        known = table.code_row(code)
        known_kind = known.kind if known else "UNKNOWN"
        return Classification(code, kind or known_kind, bool(known and known.cancelled))
    row = _weigh(table, failure)
    if row:
        return Classification(row.code, kind or row.kind, row.cancelled)
    return Classification((kind or "unknown").lower(), kind or "UNKNOWN", False)


def _weigh(table: "_Table", failure: Failure) -> Optional[_Row]:
    """Hears the evidence in its order; the first definite finding, else the
    first vague one."""
    vague: Optional[_Row] = None
    for row in _findings(table, failure):
        if row and not row.vague:
            return row
        vague = vague or row
    return vague


def _findings(table: "_Table", failure: Failure) -> Iterator[Optional[_Row]]:
    messages = (failure.exception_message, failure.message)
    name = _given(failure.error_type)
    if name and name != "_OTHER":
        yield _by_name(table, name, messages)
    status = _given(failure.rpc_status_code)
    if status:
        if re.fullmatch(r"\+?[0-9]+", status):
            number = int(status)
            known = number < len(_GRPC_NAMES)
            yield table.grpc.get(_GRPC_NAMES[number]) if known else None
        else:
            yield table.grpc_row(status)
    if failure.http_status_code is not None:
        yield table.http.get(failure.http_status_code)
    if failure.exit_code is not None:
        code = failure.exit_code
        # Python's subprocess says -9 where a shell says 137.
        yield table.exit.get(128 - code if -64 <= code < 0 else code)
    name = _given(failure.exception_type)
    if name:
        yield _by_name(table, name, messages)
    message = _given(failure.exception_message)
    if message:
        yield _by_message(table, message)
    result = _given(failure.cicd_result)
    if result:
        yield table.cicd.get(_lower(result))
    message = _given(failure.message)
    if message:
        yield _by_message(table, message)


def _by_name(
    table: "_Table", name: str, messages: Tuple[Optional[str], Optional[str]]
) -> Optional[_Row]:
    """`error.type` holds whatever an instrumentation found most telling, and
    `exception.type` the error's code where the language has those (`ENOENT`)."""
    if re.fullmatch(r"[1-5][0-9][0-9]", name):
        return table.http.get(int(name))
    return (
        table.tokens.get(name)
        or table.sqlstates.get(name)
        or table.code_row(name)
        or _by_class(table, name, messages)
        or table.grpc_row(name)
    )


def _by_class(
    table: "_Table", name: str, messages: Tuple[Optional[str], Optional[str]]
) -> Optional[_Row]:
    # Go prints `*net.OpError`, C++ and .NET append type arguments.
    name = _lower(_CLASS_ARGUMENTS.split(name.lstrip("*&"))[0].strip())
    for message in messages:
        if message is not None:
            row = table.class_with_phrase(name, _head(message))
            if row:
                return row
    return table.class_row(name)


def _by_message(table: "_Table", message: str) -> Optional[_Row]:
    """Error constants first, then class names, then phrases: from the words that
    mean one thing to those that are also plain English."""
    message = _head(message)
    words = [(match.start(), match.group()) for match in _WORD.finditer(message)]
    for at, word in words:
        row = table.tokens.get(word)
        if not row:
            state = table.sqlstates.get(word)
            row = state if state and _names_a_sqlstate(message, at, word) else None
        if row:
            return row
    vague: Optional[_Row] = None
    for _, word in words:
        if _looks_like_a_class(word):
            row = _by_class(table, word, (message, None))
            if row and not row.vague:
                return row
            vague = vague or row
    return table.phrase_row(message) or vague


def _given(text: Optional[str]) -> Optional[str]:
    """A text that says something: trimmed, not empty."""
    return text.strip() or None if text else None


def _lower(text: str) -> str:
    """ASCII letters in lower case, as the server folds."""
    return text.translate(_LOWER)


def _head(message: str) -> str:
    if len(message) * 4 <= _MESSAGE_LIMIT_BYTES:
        return message
    return message.encode("utf-8", "replace")[:_MESSAGE_LIMIT_BYTES].decode("utf-8", "ignore")


def _names_a_sqlstate(message: str, at: int, word: str) -> bool:
    """`40001` in a text is a number unless something calls it a code; `40P01` can
    hardly be anything else."""
    if not word.isdigit():
        return True
    label = message[:at]
    while label and not label[-1].isalnum():
        label = label[:-1]
    gap = message[len(label) : at]
    folded = _lower(label)
    state = folded.endswith(("sqlstate", "sql_state", "sql state"))
    # "code: '40001'", not "zip code 40001".
    return len(gap.encode()) <= 8 and (state or (folded.endswith("code") and gap != " "))


def _looks_like_a_class(word: str) -> bool:
    """Two capitals and a small letter: a class name, not a word that begins a
    sentence."""
    capitals = sum(letter.isupper() for letter in word)
    small = any(letter.islower() for letter in word)
    return len(word) >= 8 and word[0].isupper() and capitals >= 2 and small


def _last_segment(name: str) -> str:
    """What stands after the last separator that any language puts before a class."""
    return _SEGMENT.split(name)[-1]


class _Table:
    """The look-ups that the rules compile to."""

    def __init__(self, rules: List[Dict[str, Any]]) -> None:
        self.codes: Dict[str, _Row] = {}
        self.grpc: Dict[str, _Row] = {}
        self.http: Dict[int, _Row] = {}
        self.exit: Dict[int, _Row] = {}
        self.cicd: Dict[str, _Row] = {}
        self.tokens: Dict[str, _Row] = {}
        self.sqlstates: Dict[str, _Row] = {}
        self._classes: Dict[str, _Row] = {}
        self._endings: List[Tuple[str, _Row]] = []
        self._narrowed: Dict[str, List[Tuple[str, _Row]]] = {}
        self._phrases: Dict[str, _Row] = {}
        for index, rule in enumerate(rules):
            self._add(index, rule)
        # The longest ending is the most specific; then the order of the rows.
        self._endings.sort(key=lambda pair: (-len(pair[0]), pair[1].place, pair[0]))
        for pairs in self._narrowed.values():
            pairs.sort(key=lambda pair: (pair[1].place, pair[0]))
        # From the top row down, so that the first that occurs decides.
        self._finders: List[Tuple["re.Pattern[str]", _Row]] = []
        by_row: Dict[int, List[str]] = {}
        rows: Dict[int, _Row] = {}
        for phrase, row in self._phrases.items():
            by_row.setdefault(row.place, []).append(phrase)
            rows[row.place] = row
        for index in sorted(by_row):
            any_of = "|".join(_standing_alone(phrase) for phrase in by_row[index])
            self._finders.append((re.compile(any_of), rows[index]))

    def _add(self, index: int, rule: Dict[str, Any]) -> None:
        code = str(rule["reason_code"])
        first = self.codes.get(code)
        row = _Row(
            index,
            code,
            first.kind if first else str(rule["reason_kind"]),
            first.cancelled if first else bool(rule.get("cancelled")),
            bool(rule.get("vague")),
        )
        self.codes.setdefault(code, row)
        for name in rule.get("grpc", ()):
            self.grpc[name] = row
            # Go's spelling of a status in an error text.
            self._phrases[f"code = {name.replace('_', '').lower()}"] = row
        for status in rule.get("http", ()):
            self.http[status] = row
            self._phrases.update({form.format(status): row for form in _HTTP_SPELLINGS})
        for code_number in rule.get("exit", ()):
            self.exit[code_number] = row
            self._phrases.update({form.format(code_number): row for form in _EXIT_SPELLINGS})
        self.cicd.update({_lower(result.strip()): row for result in rule.get("cicd", ())})
        self.tokens.update(dict.fromkeys(rule.get("tokens", ()), row))
        self.sqlstates.update(dict.fromkeys(rule.get("sqlstates", ()), row))
        for name in rule.get("exceptions", ()):
            self._add_exception(_lower(name.strip()), row)
        for phrase in rule.get("phrases", ()):
            self._phrases[_lower(phrase.strip())] = row

    def _add_exception(self, name: str, row: _Row) -> None:
        head, separator, phrase = name.partition(": ")
        if separator:
            self._narrowed.setdefault(head.strip(), []).append((phrase.strip(), row))
        elif name.startswith("*"):
            self._endings.append((name[1:], row))
        else:
            self._classes[name] = row

    def code_row(self, code: str) -> Optional[_Row]:
        """The row of a text that is itself a reason code."""
        return self.codes.get(_lower(code.strip()))

    def grpc_row(self, name: str) -> Optional[_Row]:
        """The row of a gRPC status in whatever spelling: `UNAVAILABLE`,
        `DeadlineExceeded`, `StatusCode.NOT_FOUND`, `canceled`."""
        wanted = re.sub(r"[^A-Z0-9]", "", _last_segment(name.strip()).upper())
        wanted = "CANCELLED" if wanted == "CANCELED" else wanted
        for known in _GRPC_NAMES[1:]:
            if known.replace("_", "") == wanted:
                return self.grpc.get(known)
        return None

    def class_row(self, name: str) -> Optional[_Row]:
        """A class name: whole, then its last segment, then by its ending."""
        last = _last_segment(name)
        row = self._classes.get(name) or self._classes.get(last)
        if row:
            return row
        return next((row for ending, row in self._endings if last.endswith(ending)), None)

    def class_with_phrase(self, name: str, message: str) -> Optional[_Row]:
        """A class name whose meaning the message narrows."""
        pairs = self._narrowed.get(name) or self._narrowed.get(_last_segment(name)) or []
        folded = _lower(message) if pairs else ""
        return next((row for phrase, row in pairs if phrase in folded), None)

    def phrase_row(self, message: str) -> Optional[_Row]:
        """The topmost row of which a phrase occurs as whole words."""
        folded = _lower(message)
        return next((row for finder, row in self._finders if finder.search(folded)), None)


def _standing_alone(phrase: str) -> str:
    """A pattern for words of their own: not a piece of a longer word, a flag
    (`--timeout`), a setting (`timeout=30`), a path or a host name."""
    pattern = re.escape(phrase)
    word = re.compile(r"[a-z0-9_]")
    if word.match(phrase[0]):
        pattern = r"(?<![a-z0-9_\-/\\.])" + pattern
    if word.match(phrase[-1]):
        pattern += r"(?![a-z0-9_\-/\\=]|\.[a-z0-9_])"
    return pattern


@lru_cache(maxsize=1)
def _table() -> _Table:
    package = __package__ or "livespan"
    text = resources.files(package).joinpath("classify_rules.json").read_text("utf-8")
    return _Table(json.loads(text))
