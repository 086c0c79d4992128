// The first, cheap look at a text or key: pieces that every secret key's name
// contains at least one of. Most text has none.
import { type Bytes, toBytes } from "./bytes.js";

/** Password, passphrase, key and token as Chinese keys spell them. */
export const CHINESE_NAMES: readonly Bytes[] = ["密码", "口令", "密钥", "令牌"].map(toBytes);

/** Pieces of secret keys' names, in lower case. */
export const KEY_PIECES: readonly Bytes[] = [
  ..."pass pwd token secret auth cookie cred key sess jwt otp cvv cvc ssn csrf xsrf".split(" "),
  ..."connection connect signature sig= card mfa bearer social string".split(" "),
  ...CHINESE_NAMES,
];

const IN_KEYS = new RegExp(KEY_PIECES.join("|"), "i");

/** Whether a key has no piece of a secret key's name. */
export function isHarmlessKey(key: Bytes): boolean {
  return !IN_KEYS.test(key);
}
