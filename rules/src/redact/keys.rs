//! Which keys name secrets. A key is read as words, whatever its spelling:
//! `X-Api-Key`, `x_api_key`, `xApiKey` and `XAPIKEY` are the same.
//!
//! This runs for every attribute of every span, so it works on the stack.

use super::screen;

/// Longer keys are read in windows of this many bytes.
const WINDOW: usize = 64;

/// A name that makes a key secret when the key ends in it.
struct Ending {
    letters: &'static [u8],
    /// Distinctive enough to count without a word's boundary before it
    /// (`dbpassword`); the others need one (`auth` is not in `oauth`).
    glued: bool,
}

const fn glued(letters: &'static str) -> Ending {
    let letters = letters.as_bytes();
    Ending { letters, glued: true }
}

const fn word(letters: &'static str) -> Ending {
    let letters = letters.as_bytes();
    Ending { letters, glued: false }
}

// By last letter, so that a harmless key is compared with a handful.
const IN_C: &[Ending] = &[word("cvc")];
const IN_D: &[Ending] = &[
    glued("password"),
    glued("passwd"),
    word("pwd"),
    word("sessionid"),
    word("sessid"),
    glued("phpsessid"),
    glued("jsessionid"),
    word("connectsid"),
    word("secretid"),
    glued("accesskeyid"),
    word("creditcard"),
];
const IN_E: &[Ending] = &[
    word("cookie"),
    glued("setcookie"),
    glued("passphrase"),
    glued("passcode"),
    word("amzsignature"),
    word("tokenvalue"),
    word("cookievalue"),
    word("mfacode"),
    word("otpcode"),
];
const IN_F: &[Ending] = &[word("csrf"), word("xsrf")];
const IN_G: &[Ending] = &[glued("connectionstring")];
const IN_H: &[Ending] = &[word("auth")];
const IN_L: &[Ending] = &[glued("credential")];
const IN_N: &[Ending] = &[glued("authorization"), word("ssn")];
const IN_P: &[Ending] = &[word("otp"), word("totp")];
const IN_R: &[Ending] =
    &[word("bearer"), word("cardnumber"), word("socialsecuritynumber"), word("cookiejar")];
const IN_S: &[Ending] = &[
    glued("credentials"),
    glued("passwords"),
    word("cookies"),
    word("secrets"),
    word("creds"),
    word("accesstokens"),
    word("refreshtokens"),
    word("authtokens"),
    word("apitokens"),
    word("bearertokens"),
    word("apikeys"),
    word("privatekeys"),
    word("accesskeys"),
    word("secretkeys"),
    word("dbpass"),
    word("userpass"),
    word("smtppass"),
    word("authpass"),
    word("mysqlpass"),
    word("redispass"),
    word("adminpass"),
];
const IN_T: &[Ending] =
    &[word("secret"), glued("clientsecret"), glued("appsecret"), glued("apisecret"), word("jwt")];
const IN_V: &[Ending] = &[word("cvv")];
const IN_Y: &[Ending] = &[
    glued("apikey"),
    glued("accesskey"),
    glued("privatekey"),
    glued("secretkey"),
    word("signingkey"),
    word("encryptionkey"),
    word("decryptionkey"),
    word("sshkey"),
    glued("accountkey"),
    word("sharedkey"),
    word("masterkey"),
    word("servicekey"),
    word("subscriptionkey"),
    word("licensekey"),
    word("deploykey"),
    word("authkey"),
    word("hmackey"),
    word("appkey"),
    word("applicationkey"),
    word("sessionkey"),
    word("rolekey"),
    word("functionskey"),
];
const IN_2: &[Ending] = &[word("cvv2")];

fn endings(last: u8) -> &'static [Ending] {
    match last {
        b'c' => IN_C,
        b'd' => IN_D,
        b'e' => IN_E,
        b'f' => IN_F,
        b'g' => IN_G,
        b'h' => IN_H,
        b'l' => IN_L,
        b'n' => IN_N,
        b'p' => IN_P,
        b'r' => IN_R,
        b's' => IN_S,
        b't' => IN_T,
        b'v' => IN_V,
        b'y' => IN_Y,
        b'2' => IN_2,
        _ => &[],
    }
}

/// `token` ends many keys that count or page or parse; after these words it
/// is no secret.
const HARMLESS_BEFORE_TOKEN: [&[u8]; 32] = [
    b"first",
    b"per",
    b"input",
    b"output",
    b"prompt",
    b"completion",
    b"total",
    b"max",
    b"min",
    b"next",
    b"page",
    b"pagination",
    b"continuation",
    b"cursor",
    b"stop",
    b"eos",
    b"bos",
    b"pad",
    b"unk",
    b"mask",
    b"cls",
    b"sep",
    b"special",
    b"last",
    b"unexpected",
    b"expected",
    b"reasoning",
    b"cached",
    b"num",
    b"sampled",
    b"cancellation",
    b"syntax",
];

/// A key with a secret's name inside is harmless when it ends in one of
/// these: it describes the secret.
fn describes(last: &[u8]) -> bool {
    matches!(
        last,
        b"count"
            | b"counts"
            | b"length"
            | b"len"
            | b"size"
            | b"policy"
            | b"required"
            | b"enabled"
            | b"disabled"
            | b"type"
            | b"types"
            | b"kind"
            | b"name"
            | b"names"
            | b"url"
            | b"uri"
            | b"endpoint"
            | b"expiry"
            | b"expires"
            | b"expired"
            | b"expiration"
            | b"in"
            | b"at"
            | b"ttl"
            | b"age"
            | b"strength"
            | b"path"
            | b"file"
            | b"arn"
            | b"version"
            | b"status"
            | b"method"
            | b"scheme"
            | b"provider"
            | b"valid"
            | b"error"
            | b"errors"
            | b"exists"
            | b"present"
            | b"attempts"
            | b"reset"
            | b"change"
            | b"changed"
            | b"updated"
            | b"id"
            | b"ids"
            | b"prompt"
            | b"manager"
            | b"source"
            | b"store"
            | b"location"
    )
}

/// A key's letters and digits in lower case, and where its words begin.
struct Words {
    letters: [u8; WINDOW],
    len: usize,
    starts: u64,
}

impl Words {
    /// Reads up to [`WINDOW`] bytes.
    fn read(key: &[u8]) -> Self {
        let mut words = Self { letters: [0; WINDOW], len: 0, starts: 0 };
        // 0: a separator, 1: a small letter or digit, 2: a capital.
        let mut before = 0_u8;
        for (index, &byte) in key.iter().take(WINDOW).enumerate() {
            let now = match byte {
                b'a'..=b'z' | b'0'..=b'9' => 1,
                b'A'..=b'Z' => 2,
                _ => 0,
            };
            if now != 0 {
                // `apiKey` and `APIKey` both break before the K.
                let breaks = now == 2
                    && (before == 1 || key.get(index + 1).is_some_and(u8::is_ascii_lowercase));
                if before == 0 || breaks {
                    words.starts |= 1 << words.len;
                }
                words.letters[words.len] = byte.to_ascii_lowercase();
                words.len += 1;
            }
            before = now;
        }
        words.drop_indices();
        words
    }

    /// `authorization.0` and `tokens[3]` name an element of what stands before.
    fn drop_indices(&mut self) {
        while let Some(start) = self.last_start().filter(|start| *start > 0) {
            if !self.letters[start..self.len].iter().all(u8::is_ascii_digit) {
                break;
            }
            self.starts &= !(1 << start);
            self.len = start;
        }
    }

    fn letters(&self) -> &[u8] {
        &self.letters[..self.len]
    }

    fn last_start(&self) -> Option<usize> {
        self.starts.checked_ilog2().map(|bit| bit as usize)
    }

    fn starts_at(&self, index: usize) -> bool {
        self.starts & (1 << index) != 0
    }

    fn ends_in_secret(&self) -> bool {
        let letters = self.letters();
        let Some(&last) = letters.last() else {
            return false;
        };
        let named = endings(last).iter().any(|ending| {
            letters.ends_with(ending.letters)
                && (ending.glued || self.starts_at(self.len - ending.letters.len()))
        });
        named || (last == b'n' && self.ends_in_token())
    }

    fn ends_in_token(&self) -> bool {
        let Some(head) = self.letters().strip_suffix(b"token") else {
            return false;
        };
        !HARMLESS_BEFORE_TOKEN
            .iter()
            .any(|word| head.ends_with(word) && self.starts_at(head.len() - word.len()))
    }

    /// A name that is secret wherever it stands: `password_hash`.
    fn holds_secret(&self) -> bool {
        let letters = self.letters();
        letters.iter().enumerate().any(|(index, byte)| {
            let rest = &letters[index..];
            match byte {
                b'p' => {
                    rest.starts_with(b"passw")
                        || rest.starts_with(b"passphrase")
                        || rest.starts_with(b"privatekey")
                }
                b'c' => rest.starts_with(b"credential"),
                b'a' => rest.starts_with(b"authorization") || rest.starts_with(b"apikey"),
                b's' => rest.starts_with(b"secret") && self.secret_is_a_word(index),
                _ => false,
            }
        })
    }

    /// `secret` or `secrets` as a word: not in `secretary`.
    fn secret_is_a_word(&self, index: usize) -> bool {
        let end = index + b"secret".len();
        let ends = |at: usize| at == self.len || self.starts_at(at);
        self.starts_at(index) && (ends(end) || (self.letters[end] == b's' && ends(end + 1)))
    }

    fn last_word_describes(&self) -> bool {
        self.last_start().is_some_and(|start| describes(&self.letters()[start..]))
    }
}

/// Whether a key names a secret.
pub(super) fn is_secret(key: &str) -> bool {
    let bytes = key.as_bytes();
    if screen::is_harmless_key(bytes) {
        return false;
    }
    if bytes.len() > WINDOW {
        return is_long_secret(bytes);
    }
    let words = Words::read(bytes);
    (words.ends_in_secret() && !is_session_attribute(key))
        || (words.holds_secret() && !words.last_word_describes())
        // Bare `pass` beside `user`; `tests.pass` is a result.
        || words.letters() == b"pass"
        || (!key.is_ascii() && names_secret_in_chinese(key))
}

/// Whether words of a sentence end in a secret's name ("api key", "access
/// token"), where a single word would not.
pub(super) fn phrase_ends_in_secret(words: &str) -> bool {
    let bytes = words.as_bytes();
    let tail = &bytes[bytes.len().saturating_sub(WINDOW)..];
    Words::read(tail).ends_in_secret() && !is_session_attribute(words)
}

/// `session.id`, with the dot, is OpenTelemetry's name for the id that groups
/// a user's spans; `session_id` is what web frameworks call their cookie.
fn is_session_attribute(key: &str) -> bool {
    key.ends_with("session.id")
}

/// Nobody needs such a key; nobody may hide a secret behind one either.
fn is_long_secret(key: &[u8]) -> bool {
    let tail = Words::read(&key[key.len() - WINDOW..]);
    tail.ends_in_secret()
        || (!tail.last_word_describes()
            && key
                .windows(WINDOW)
                .step_by(WINDOW / 2)
                .any(|window| Words::read(window).holds_secret()))
}

/// Password, passphrase, key and token as Chinese keys spell them.
pub(super) const CHINESE_NAMES: [&str; 4] = ["密码", "口令", "密钥", "令牌"];

fn names_secret_in_chinese(key: &str) -> bool {
    CHINESE_NAMES.iter().any(|name| key.contains(name))
}

#[cfg(test)]
pub(super) fn every_ending() -> impl Iterator<Item = &'static str> {
    (0..=u8::MAX)
        .flat_map(endings)
        .filter_map(|ending| std::str::from_utf8(ending.letters).ok())
        .chain(["token", "pass", "passphrase", "credential", "authorization"])
}
