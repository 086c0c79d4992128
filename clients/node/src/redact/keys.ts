// Which keys name secrets. A key is read as words, whatever its spelling:
// `X-Api-Key`, `x_api_key`, `xApiKey` and `XAPIKEY` are the same. The names are
// those of the Rust's rules/src/redact/keys.rs; the shared vectors hold both
// to the same verdicts.
import type { Bytes } from "./bytes.js";
import { CHINESE_NAMES, isHarmlessKey } from "./pieces.js";

/** Longer keys are read in windows of this many bytes. */
const WINDOW = 64;

/** Distinctive enough to count without a word's boundary before them. */
const GLUED =
  `password passwd phpsessid jsessionid accesskeyid setcookie passphrase passcode
  connectionstring credential authorization credentials passwords clientsecret appsecret
  apisecret apikey accesskey privatekey secretkey accountkey`.split(/\s+/);

/** Need a word's boundary before them: `auth` is not in `oauth`. */
const WORDS =
  `cvc pwd sessionid sessid connectsid secretid creditcard cookie amzsignature tokenvalue
  cookievalue mfacode otpcode csrf xsrf auth ssn otp totp bearer cardnumber
  socialsecuritynumber cookiejar cookies secrets creds accesstokens refreshtokens authtokens
  apitokens bearertokens apikeys privatekeys accesskeys secretkeys dbpass userpass smtppass
  authpass mysqlpass redispass adminpass secret jwt cvv signingkey encryptionkey decryptionkey
  sshkey sharedkey masterkey servicekey subscriptionkey licensekey deploykey authkey hmackey
  appkey applicationkey sessionkey rolekey functionskey cvv2`.split(/\s+/);

/** `token` ends many keys that count or page or parse; after these it is no secret. */
const HARMLESS_BEFORE_TOKEN =
  `first per input output prompt completion total max min next page pagination continuation
  cursor stop eos bos pad unk mask cls sep special last unexpected expected reasoning cached
  num sampled cancellation syntax`.split(/\s+/);

/** A key with a secret's name inside is harmless when its last word is one of these. */
const DESCRIBING = new Set(
  `count counts length len size policy required enabled disabled type types kind name names
  url uri endpoint expiry expires expired expiration in at ttl age strength path file arn
  version status method scheme provider valid error errors exists present attempts reset change
  changed updated id ids prompt manager source store location`.split(/\s+/),
);

/** Secret wherever it stands: `password_hash`. `secret` must be a word. */
const WITHIN = /passw|passphrase|privatekey|credential|authorization|apikey|secret/g;

/** A key's letters and digits in lower case, and where its words begin. */
class Words {
  readonly letters: string;
  private readonly starts: Set<number>;
  private readonly lastStart: number;

  constructor(key: Bytes) {
    let letters = "";
    const starts: number[] = [];
    let before = 0;
    for (let index = 0; index < Math.min(key.length, WINDOW); index += 1) {
      const byte = key[index] ?? "";
      const now = /[a-z0-9]/.test(byte) ? 1 : /[A-Z]/.test(byte) ? 2 : 0;
      if (now !== 0) {
        // `apiKey` and `APIKey` both break before the K.
        const breaks = now === 2 && (before === 1 || /[a-z]/.test(key[index + 1] ?? ""));
        if (before === 0 || breaks) {
          starts.push(letters.length);
        }
        letters += byte.toLowerCase();
      }
      before = now;
    }
    // `authorization.0` and `tokens[3]` name an element of what stands before.
    for (let last = starts.at(-1); last !== undefined && last > 0; last = starts.at(-1)) {
      if (!/^[0-9]*$/.test(letters.slice(last))) {
        break;
      }
      starts.pop();
      letters = letters.slice(0, last);
    }
    this.letters = letters;
    this.starts = new Set(starts);
    this.lastStart = starts.at(-1) ?? -1;
  }

  endsInSecret(): boolean {
    const { letters, starts } = this;
    return (
      GLUED.some((name) => letters.endsWith(name)) ||
      WORDS.some((name) => letters.endsWith(name) && starts.has(letters.length - name.length)) ||
      (letters.endsWith("token") && this.tokenIsSecret(letters.slice(0, -"token".length)))
    );
  }

  private tokenIsSecret(head: string): boolean {
    return !HARMLESS_BEFORE_TOKEN.some(
      (word) => head.endsWith(word) && this.starts.has(head.length - word.length),
    );
  }

  holdsSecret(): boolean {
    for (const match of this.letters.matchAll(WITHIN)) {
      if (match[0] !== "secret" || this.secretIsAWord(match.index)) {
        return true;
      }
    }
    return false;
  }

  /** `secret` or `secrets` as a word: not in `secretary`. */
  private secretIsAWord(index: number): boolean {
    const end = index + "secret".length;
    const ends = (at: number) => at === this.letters.length || this.starts.has(at);
    return this.starts.has(index) && (ends(end) || (this.letters[end] === "s" && ends(end + 1)));
  }

  lastWordDescribes(): boolean {
    return this.lastStart >= 0 && DESCRIBING.has(this.letters.slice(this.lastStart));
  }
}

/** Whether a key, as bytes, names a secret. */
export function isSecretKey(key: Bytes): boolean {
  if (isHarmlessKey(key)) {
    return false;
  }
  if (key.length > WINDOW) {
    return isLongSecret(key);
  }
  const words = new Words(key);
  return (
    (words.endsInSecret() && !isSessionAttribute(key)) ||
    (words.holdsSecret() && !words.lastWordDescribes()) ||
    // Bare `pass` beside `user`; `tests.pass` is a result.
    words.letters === "pass" ||
    CHINESE_NAMES.some((name) => key.includes(name))
  );
}

/** Whether words of a sentence end in a secret's name: "api key", "access token". */
export function phraseEndsInSecret(words: Bytes): boolean {
  return new Words(words.slice(-WINDOW)).endsInSecret() && !isSessionAttribute(words);
}

/** `session.id`, with the dot, is OpenTelemetry's id of a user's spans, no cookie. */
function isSessionAttribute(key: Bytes): boolean {
  return key.endsWith("session.id");
}

/** Nobody needs such a key; nobody may hide a secret behind one either. */
function isLongSecret(key: Bytes): boolean {
  const tail = new Words(key.slice(-WINDOW));
  if (tail.endsInSecret()) {
    return true;
  }
  if (tail.lastWordDescribes()) {
    return false;
  }
  for (let from = 0; from + WINDOW <= key.length; from += WINDOW / 2) {
    if (new Words(key.slice(from, from + WINDOW)).holdsSecret()) {
      return true;
    }
  }
  return false;
}
