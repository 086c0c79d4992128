"""Secrets that are known by their own look, whatever stands around them.

Every finder is called at an anchor and stays linear over the text: it either
consumes what it read, or remembers how far reading was in vain. Texts are
UTF-8 bytes, and ranges are pairs of offsets between ASCII bytes.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Dict, Iterator, NamedTuple, Optional, Pattern, Tuple

Range = Tuple[int, int]

HEX, CAPITALS, LETTERS, SLUG, DOTTED = "Hex", "Capitals", "Letters", "Slug", "Dotted"

_ALPHABETS: Dict[str, Pattern[bytes]] = {
    HEX: re.compile(rb"[0-9A-Fa-f]*"),
    CAPITALS: re.compile(rb"[A-Z0-9]*"),
    LETTERS: re.compile(rb"[A-Za-z0-9_]*"),
    SLUG: re.compile(rb"[A-Za-z0-9_-]*"),
    DOTTED: re.compile(rb"[A-Za-z0-9_.-]*"),
}


class TokenShape(NamedTuple):
    """A provider's key: its prefix, exactly so, then at least so many characters."""

    prefix: str
    least: int
    alphabet: str
    # The prefix alone could begin a plain word; a key has a digit.
    digit: bool = False


# Token shapes as their providers publish them; lengths are lower bounds, so
# that a longer successor is still caught.
TOKENS = (
    # AWS access key ids
    TokenShape("AKIA", 16, CAPITALS),
    TokenShape("ASIA", 16, CAPITALS),
    TokenShape("AROA", 16, CAPITALS),
    TokenShape("AIDA", 16, CAPITALS),
    TokenShape("ABIA", 16, CAPITALS),
    TokenShape("ACCA", 16, CAPITALS),
    # Google
    TokenShape("AIza", 30, SLUG),
    TokenShape("ya29.", 20, SLUG),
    TokenShape("GOCSPX-", 20, SLUG),
    TokenShape("1//0", 30, SLUG),
    # GitHub, GitLab
    TokenShape("ghp_", 20, LETTERS),
    TokenShape("gho_", 20, LETTERS),
    TokenShape("ghu_", 20, LETTERS),
    TokenShape("ghs_", 20, LETTERS),
    TokenShape("ghr_", 20, LETTERS),
    TokenShape("github_pat_", 20, LETTERS),
    TokenShape("glpat-", 16, SLUG),
    TokenShape("gldt-", 16, SLUG),
    TokenShape("glrt-", 16, SLUG),
    # Slack
    TokenShape("xoxa-", 10, SLUG),
    TokenShape("xoxb-", 10, SLUG),
    TokenShape("xoxc-", 10, SLUG),
    TokenShape("xoxd-", 10, SLUG),
    TokenShape("xoxe-", 10, SLUG),
    TokenShape("xoxe.", 10, SLUG),
    TokenShape("xoxo-", 10, SLUG),
    TokenShape("xoxp-", 10, SLUG),
    TokenShape("xoxr-", 10, SLUG),
    TokenShape("xoxs-", 10, SLUG),
    TokenShape("xapp-", 10, SLUG),
    # Stripe
    TokenShape("sk_live_", 10, LETTERS),
    TokenShape("sk_test_", 10, LETTERS),
    TokenShape("rk_live_", 10, LETTERS),
    TokenShape("rk_test_", 10, LETTERS),
    TokenShape("whsec_", 16, LETTERS),
    # Model providers
    TokenShape("sk-ant-", 10, SLUG),
    TokenShape("sk-", 20, SLUG, True),
    TokenShape("gsk_", 20, LETTERS),
    TokenShape("xai-", 30, SLUG),
    TokenShape("hf_", 20, LETTERS),
    TokenShape("pplx-", 30, LETTERS),
    TokenShape("r8_", 30, LETTERS),
    # Package registries
    TokenShape("npm_", 30, LETTERS),
    TokenShape("pypi-AgE", 30, SLUG),
    TokenShape("rubygems_", 30, HEX),
    # Hosting and services
    TokenShape("dop_v1_", 30, HEX),
    TokenShape("shpat_", 20, HEX),
    TokenShape("shpss_", 20, HEX),
    TokenShape("SG.", 30, DOTTED),
    TokenShape("hvs.", 20, SLUG),
    TokenShape("hvb.", 20, SLUG),
    TokenShape("lin_api_", 20, LETTERS),
    TokenShape("ntn_", 30, LETTERS),
    TokenShape("dp.pt.", 30, LETTERS),
    TokenShape("dapi", 32, HEX),
    TokenShape("ATATT3x", 30, SLUG),
    TokenShape("sq0csp-", 20, SLUG),
    TokenShape("AGE-SECRET-KEY-1", 20, CAPITALS),
)

_SLUG = _ALPHABETS[SLUG]
_ALNUM = frozenset(b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
_DIGIT = re.compile(rb"[0-9]")
_BLANKS = re.compile(rb"[ \t]*")
_SCHEME_VALUE = re.compile(rb"[A-Za-z0-9_.~+/=-]*")
_TELLING = re.compile(rb"[0-9_=+/]")
_AUTHORITY = re.compile(rb"[^ \t\n\x0c\r/?#\"'<>`\\]*")
_PEM_LABEL = re.compile(rb"[A-Z -]*\Z")
_PEM_CLOSE = re.compile(rb"[ A-Z]*-*")
_AZURE = re.compile(rb"[A-Za-z0-9_.~-]{0,48}")
_WEBHOOK = re.compile(rb"[A-Za-z0-9_/-]*")


class Scan:
    """Reads one text; remembers what it consumed."""

    def __init__(self, text: bytes) -> None:
        self._text = text
        # Everything before this is redacted already.
        self._done = 0
        # A JWT's first part was sought in vain up to here.
        self._no_jwt = 0
        # Tokens that need a digit found none up to here, by alphabet.
        self._no_digit: Dict[str, int] = {}

    def _opens(self, at: int) -> bool:
        """No letter or digit stands before: not the end of a longer word."""
        return at == 0 or self._text[at - 1] not in _ALNUM

    def _take(self, start: int, end: int) -> Range:
        self._done = max(self._done, end)
        return start, end

    def _slug_end(self, at: int) -> int:
        match = _SLUG.match(self._text, at)
        return match.end() if match else at

    def token(self, at: int, shape: TokenShape) -> Optional[Range]:
        """A provider's key."""
        body = at + len(shape.prefix)
        if (
            at < self._done
            or not self._opens(at)
            or self._text[at:body] != shape.prefix.encode()
            or (shape.digit and body < self._no_digit.get(shape.alphabet, 0))
        ):
            return None
        match = _ALPHABETS[shape.alphabet].match(self._text, body)
        end = match.end() if match else body
        if shape.digit and not _DIGIT.search(self._text, body, end):
            self._no_digit[shape.alphabet] = end
            return None
        if end - body < shape.least:
            return None
        return self._take(at, end)

    def jwt(self, at: int) -> Optional[Range]:
        """Three base64url parts, the first beginning `{"`."""
        text = self._text
        if (
            at < self._done
            or at < self._no_jwt
            or not self._opens(at)
            or not text.startswith(b"eyJ", at)
        ):
            return None
        header = self._slug_end(at)
        payload = self._slug_end(header + 1) if header < len(text) else header + 1
        if text[header : header + 1] != b"." or payload - (header + 1) < 2 or header - at < 8:
            self._no_jwt = header
            return None
        end = payload
        # Two more parts where it is encrypted.
        for _ in range(3):
            if text[end : end + 1] != b".":
                break
            following = self._slug_end(end + 1)
            # A sentence may end in a full stop.
            if following == end + 1 and text[following : following + 1] != b".":
                break
            end = following
        return self._take(at, end)

    def private_key(self, at: int) -> Optional[Range]:
        """A private key block, to its END line or else to the end of the text: a
        key that was cut is still a key."""
        if at < self._done:
            return None
        title_end = self._text.find(b"PRIVATE KEY", at, at + 80)
        # The anchor itself is in any case, but only capitals are a title.
        if title_end < 0 or not _PEM_LABEL.match(self._text[at:title_end]):
            return None
        footer = self._text.find(b"-----END", title_end)
        end = len(self._text)
        if footer >= 0:
            close = _PEM_CLOSE.match(self._text, footer + len(b"-----END"))
            end = close.end() if close else end
        return self._take(at, end)

    def url_password(self, start: int) -> Optional[Range]:
        """The password in `scheme://user:password@host`; `start` is behind `://`."""
        match = _AUTHORITY.match(self._text, start)
        if not match:
            return None
        at = self._text.rfind(b"@", start, match.end())
        colon = self._text.find(b":", start, at) if at >= 0 else -1
        return (colon + 1, at) if 0 <= colon < at - 1 else None

    def _scheme_credentials(self, start: int, end: int) -> Optional[Range]:
        """The credentials after a scheme's name, and where they begin."""
        if end < self._done or not self._opens(start):
            return None
        blanks = _BLANKS.match(self._text, end)
        begin = blanks.end() if blanks else end
        if begin == end:
            if not self._text.startswith(b"%20", end):
                return None
            begin = end + 3
        value = _SCHEME_VALUE.match(self._text, begin)
        return begin, value.end() if value else begin

    def bearer(self, start: int, end: int) -> Optional[Range]:
        """`Bearer …`; "bearer authentication failed" is a sentence."""
        found = self._scheme_credentials(start, end)
        if not found:
            return None
        token = self._text[found[0] : found[1]]
        if len(token) < 16 and not (len(token) >= 6 and _TELLING.search(token)):
            return None
        return self._take(*found)

    def basic(self, start: int, end: int) -> Optional[Range]:
        """`Basic …` with base64 that decodes to `user:password`."""
        found = self._scheme_credentials(start, end)
        if not found:
            return None
        token = self._text[found[0] : found[1]]
        if len(token) < 4 or not _decodes_to_colon(token):
            return None
        return self._take(*found)

    def azure_secret(self, at: int) -> Optional[Range]:
        """An Entra ID client secret: three characters, `8Q~`, 31 to 34 more."""
        start = at - 3
        if start < self._done or not self._text.startswith(b"8Q~", at):
            return None
        # Bounded: such a secret has 40 characters, and anchors may repeat.
        rest = _AZURE.match(self._text, at)
        before = _AZURE.match(self._text, start, at)
        if not rest or not before or before.end() != at or not 37 <= rest.end() - start <= 44:
            return None
        return self._take(start, rest.end())

    def webhook(self, start: int) -> Optional[Range]:
        """What follows a chat webhook's host is its only secret."""
        match = _WEBHOOK.match(self._text, start)
        if not match or start < self._done or match.end() - start < 16:
            return None
        return self._take(start, match.end())


def _decodes_to_colon(text: bytes) -> bool:
    """Whether base64 text holds a colon once decoded. A colon before a character
    that is no base64 counts too: what follows may be padding."""
    head = re.match(rb"[A-Za-z0-9+/_-]*", text)
    plain = head.group() if head else b""
    plain = plain.replace(b"-", b"+").replace(b"_", b"/")
    if len(plain) % 4 == 1:
        plain = plain[:-1]
    try:
        return b":" in base64.b64decode(plain + b"=" * (-len(plain) % 4))
    except (binascii.Error, ValueError):
        return False


# The least and the greatest number of digits on a payment card.
_CARD_DIGITS = 13
_CARD_DIGITS_MOST = 19

_DIGITS = re.compile(rb"[0-9]+")
_NOT_DIGITS = bytes(set(range(256)) - set(b"0123456789"))


def may_hold_card(text: bytes) -> bool:
    """A text with fewer digits holds no card; most have fewer."""
    return len(text) >= _CARD_DIGITS and (
        len(text.translate(None, _NOT_DIGITS)) >= _CARD_DIGITS
    )


def is_card_number(number: int) -> bool:
    """Whether a JSON number is a card number."""
    return 0 < number < 1 << 64 and _is_card(str(number), False)


def find_cards(text: bytes) -> Iterator[Range]:
    """Card numbers: 13 to 19 digits, in one piece or in a card's groups, of a
    known issuer, with a right check digit."""
    at = 0
    while True:
        match = _DIGITS.search(text, at)
        if not match:
            return
        end = _card_at(text, match.start(), match.end())
        if end is None:
            at = match.end()
        else:
            yield match.start(), end
            at = end


def _card_at(text: bytes, start: int, run: int) -> Optional[int]:
    # Part of a word, an id or a decimal fraction.
    if start and (text[start - 1] in _ALNUM or text[start - 1] in b"_."):
        return None
    digits = text[start:run]
    end = run
    grouped = run - start == 4
    if grouped:
        separator = text[run : run + 1]
        if separator not in (b" ", b"-"):
            return None
        # 4-4-4-4, 4-4-4-4-3, 4-6-5, 4-6-4
        while text[end : end + 1] == separator:
            match = _DIGITS.match(text, end + 1)
            if not match or match.end() - end - 1 > 6 or match.end() - start > 23:
                break
            digits += match.group()
            end = match.end()
    after = text[end : end + 1]
    fraction = after == b"." and text[end + 1 : end + 2].isdigit()
    closed = not after or (after[0] not in _ALNUM and after != b"_")
    return end if closed and not fraction and _is_card(digits.decode(), grouped) else None


def _is_card(digits: str, grouped: bool) -> bool:
    """Issuer, length and Luhn check.

    The issuer matters: one number in ten passes Luhn, and times in nanoseconds
    have 19 digits.
    """
    count = len(digits)
    if not _CARD_DIGITS <= count <= _CARD_DIGITS_MOST:
        return False
    prefix = int(digits[:4])
    if count == 13:
        known = prefix // 1000 == 4
    elif count == 14:
        known = 3000 <= prefix <= 3059 or 3600 <= prefix <= 3699 or 3800 <= prefix <= 3999
    elif count == 15:
        known = 3400 <= prefix <= 3499 or 3700 <= prefix <= 3799
    elif count == 16:
        known = (
            4000 <= prefix <= 4999
            or 5100 <= prefix <= 5599
            or 2200 <= prefix <= 2204
            or 2221 <= prefix <= 2720
            or prefix == 6011
            or 6440 <= prefix <= 6599
            or 3528 <= prefix <= 3589
            or 6200 <= prefix <= 6299
        )
    elif count == 19 and grouped:
        known = 4000 <= prefix <= 4999 or 6200 <= prefix <= 6299
    else:
        known = 6200 <= prefix <= 6299
    return known and _passes_luhn(digits)


def _passes_luhn(digits: str) -> bool:
    total = 0
    for index, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if index % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0
