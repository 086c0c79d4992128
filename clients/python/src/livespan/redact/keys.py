"""Which keys name a secret: `password`, `X-Api-Key`, `dbPassword`, `密码`.

The same rules as the server's; tests/vectors/redaction.json holds both to them,
and a test compares these tables with the server's source.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import List, Set, Tuple

# Longer keys are read in windows of this many bytes.
WINDOW = 64

# A key that ends in one of these is secret, whatever stands before: they are
# distinctive enough to count without a word's boundary (`dbpassword`).
GLUED = frozenset(
    (
        "password passwd phpsessid jsessionid accesskeyid setcookie passphrase passcode"
        " connectionstring credential authorization credentials passwords clientsecret"
        " appsecret apisecret apikey accesskey privatekey secretkey accountkey"
    ).split()
)

# These need to begin a word: `auth` is not in `oauth`.
WORDS = frozenset(
    (
        "cvc pwd sessionid sessid connectsid secretid creditcard cookie amzsignature"
        " tokenvalue cookievalue mfacode otpcode csrf xsrf auth ssn otp totp bearer"
        " cardnumber socialsecuritynumber cookiejar cookies secrets creds accesstokens"
        " refreshtokens authtokens apitokens bearertokens apikeys privatekeys accesskeys"
        " secretkeys dbpass userpass smtppass authpass mysqlpass redispass adminpass"
        " secret jwt cvv signingkey encryptionkey decryptionkey sshkey sharedkey masterkey"
        " servicekey subscriptionkey licensekey deploykey authkey hmackey appkey"
        " applicationkey sessionkey rolekey functionskey cvv2"
    ).split()
)

# `token` ends many keys that count or page or parse; after these words it is
# no secret.
HARMLESS_BEFORE_TOKEN = tuple(
    (
        "first per input output prompt completion total max min next page pagination"
        " continuation cursor stop eos bos pad unk mask cls sep special last unexpected"
        " expected reasoning cached num sampled cancellation syntax"
    ).split()
)

# A key with a secret's name inside is harmless when it ends in one of these:
# it describes the secret.
DESCRIBING = frozenset(
    (
        "count counts length len size policy required enabled disabled type types kind"
        " name names url uri endpoint expiry expires expired expiration in at ttl age"
        " strength path file arn version status method scheme provider valid error errors"
        " exists present attempts reset change changed updated id ids prompt manager"
        " source store location"
    ).split()
)

# Password, passphrase, key and token as Chinese keys spell them.
CHINESE_NAMES = ("密码", "口令", "密钥", "令牌")

# Pieces that every secret key's name contains at least one of.
KEY_PIECES = tuple(
    (
        "pass pwd token secret auth cookie cred key sess jwt otp cvv cvc ssn csrf xsrf"
        " connection connect signature sig= card mfa bearer social string"
    ).split()
)

_WORD_BREAK = re.compile(r"[A-Za-z0-9]+")
_HELD = re.compile(r"passw|passphrase|privatekey|credential|authorization|apikey")


def _fold() -> bytes:
    """Folds letters' case and thins out the rest, as the server's screen does."""
    fold = bytearray(256)
    for byte in range(256):
        letter = chr(byte)
        if byte >= 128:
            fold[byte] = 31
        elif letter.isalpha():
            fold[byte] = ord(letter.lower()) - ord("a") + 1
        elif letter.isdigit():
            fold[byte] = 27
        elif letter in "_-":
            fold[byte] = 28
        elif letter == ".":
            fold[byte] = 29
        elif letter in ":/=~":
            fold[byte] = 30
    return bytes(fold)


_FOLD = _fold()
_SUSPICIOUS = re.compile(
    b"|".join(
        sorted(
            {re.escape(name.encode()[:3].translate(_FOLD)) for name in KEY_PIECES + CHINESE_NAMES}
        )
    ),
    re.DOTALL,
)


class _Words:
    """A key's letters and digits in lower case, and where its words begin."""

    def __init__(self, key: bytes) -> None:
        letters: List[str] = []
        starts: Set[int] = set()
        # 0: a separator, 1: a small letter or digit, 2: a capital.
        before = 0
        for index, byte in enumerate(key[:WINDOW]):
            if 97 <= byte <= 122 or 48 <= byte <= 57:
                now = 1
            elif 65 <= byte <= 90:
                now = 2
            else:
                now = 0
            if now:
                # `apiKey` and `APIKey` both break before the K.
                follower = key[index + 1] if index + 1 < len(key) else 0
                breaks = now == 2 and (before == 1 or 97 <= follower <= 122)
                if before == 0 or breaks:
                    starts.add(len(letters))
                letters.append(chr(byte).lower())
            before = now
        self.letters = "".join(letters)
        self.starts = starts
        self._drop_indices()

    def _drop_indices(self) -> None:
        """`authorization.0` and `tokens[3]` name an element of what stands before."""
        while self.starts:
            start = max(self.starts)
            if start == 0 or not self.letters[start:].isdigit():
                return
            self.starts.discard(start)
            self.letters = self.letters[:start]

    def ends_in_secret(self) -> bool:
        letters = self.letters
        # No name is shorter than 3 letters.
        for start in range(len(letters) - 2):
            tail = letters[start:]
            if tail in GLUED or (start in self.starts and tail in WORDS):
                return True
        return letters.endswith("token") and self._ends_in_token()

    def _ends_in_token(self) -> bool:
        head = self.letters[: -len("token")]
        return not any(
            head.endswith(word) and len(head) - len(word) in self.starts
            for word in HARMLESS_BEFORE_TOKEN
        )

    def holds_secret(self) -> bool:
        """A name that is secret wherever it stands: `password_hash`."""
        if _HELD.search(self.letters):
            return True
        at = self.letters.find("secret")
        while at >= 0:
            if self._secret_is_a_word(at):
                return True
            at = self.letters.find("secret", at + 1)
        return False

    def _secret_is_a_word(self, at: int) -> bool:
        """`secret` or `secrets` as a word: not in `secretary`."""
        end = at + len("secret")

        def ends(place: int) -> bool:
            return place == len(self.letters) or place in self.starts

        plural = self.letters[end : end + 1] == "s" and ends(end + 1)
        return at in self.starts and (ends(end) or plural)

    def last_word_describes(self) -> bool:
        return bool(self.starts) and self.letters[max(self.starts) :] in DESCRIBING


@lru_cache(maxsize=4096)
def is_secret(key: str) -> bool:
    """Whether a key names a secret."""
    raw = key.encode("utf-8", "surrogatepass")
    if not _SUSPICIOUS.search(raw.translate(_FOLD)):
        return False
    if len(raw) > WINDOW:
        return _is_long_secret(raw)
    words = _Words(raw)
    return (
        (words.ends_in_secret() and not _is_session_attribute(key))
        or (words.holds_secret() and not words.last_word_describes())
        # Bare `pass` beside `user`; `tests.pass` is a result.
        or words.letters == "pass"
        or any(name in key for name in CHINESE_NAMES)
    )


def phrase_ends_in_secret(words: str) -> bool:
    """Whether words of a sentence end in a secret's name ("api key", "access
    token"), where a single word would not."""
    tail = words.encode("utf-8", "surrogatepass")[-WINDOW:]
    return _Words(tail).ends_in_secret() and not _is_session_attribute(words)


def _is_session_attribute(key: str) -> bool:
    """`session.id`, with the dot, is OpenTelemetry's name for the id that groups
    a user's spans; `session_id` is what web frameworks call their cookie."""
    return key.endswith("session.id")


def _is_long_secret(key: bytes) -> bool:
    """Nobody needs such a key; nobody may hide a secret behind one either."""
    tail = _Words(key[-WINDOW:])
    if tail.ends_in_secret():
        return True
    if tail.last_word_describes():
        return False
    places = range(0, len(key) - WINDOW + 1, WINDOW // 2)
    return any(_Words(key[at : at + WINDOW]).holds_secret() for at in places)


def every_table() -> Tuple[Set[str], Set[str], Set[str], Set[str]]:
    """The tables, for the test that compares them with the server's."""
    return set(GLUED), set(WORDS), set(HARMLESS_BEFORE_TOKEN), set(DESCRIBING)
