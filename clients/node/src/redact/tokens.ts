// The shapes of providers' keys, as the providers publish them; lengths are lower
// bounds, so that a longer successor is still caught. The same list stands in
// rules/src/redact/credentials.rs, and a test compares the two.

/** The characters of a token's random part, as a sticky expression. */
export type Alphabet = RegExp;

const HEX = /[0-9A-Fa-f]+/y;
const CAPITALS = /[A-Z0-9]+/y;
const LETTERS = /[A-Za-z0-9_]+/y;
/** Letters, digits, `_` and `-`. */
export const SLUG = /[A-Za-z0-9_-]+/y;
const DOTTED = /[A-Za-z0-9_.-]+/y;

/**
 * A provider's key: its prefix, exactly so, then at least so many characters of an
 * alphabet; `digit` where the prefix alone could begin a plain word and a key has one.
 */
export type TokenShape = readonly [prefix: string, min: number, alphabet: Alphabet, digit?: boolean];

/** Every known shape. */
export const TOKENS: readonly TokenShape[] = [
  // AWS access key ids
  ["AKIA", 16, CAPITALS],
  ["ASIA", 16, CAPITALS],
  ["AROA", 16, CAPITALS],
  ["AIDA", 16, CAPITALS],
  ["ABIA", 16, CAPITALS],
  ["ACCA", 16, CAPITALS],
  // Google
  ["AIza", 30, SLUG],
  ["ya29.", 20, SLUG],
  ["GOCSPX-", 20, SLUG],
  ["1//0", 30, SLUG],
  // GitHub, GitLab
  ["ghp_", 20, LETTERS],
  ["gho_", 20, LETTERS],
  ["ghu_", 20, LETTERS],
  ["ghs_", 20, LETTERS],
  ["ghr_", 20, LETTERS],
  ["github_pat_", 20, LETTERS],
  ["glpat-", 16, SLUG],
  ["gldt-", 16, SLUG],
  ["glrt-", 16, SLUG],
  // Slack
  ["xoxa-", 10, SLUG],
  ["xoxb-", 10, SLUG],
  ["xoxc-", 10, SLUG],
  ["xoxd-", 10, SLUG],
  ["xoxe-", 10, SLUG],
  ["xoxe.", 10, SLUG],
  ["xoxo-", 10, SLUG],
  ["xoxp-", 10, SLUG],
  ["xoxr-", 10, SLUG],
  ["xoxs-", 10, SLUG],
  ["xapp-", 10, SLUG],
  // Stripe
  ["sk_live_", 10, LETTERS],
  ["sk_test_", 10, LETTERS],
  ["rk_live_", 10, LETTERS],
  ["rk_test_", 10, LETTERS],
  ["whsec_", 16, LETTERS],
  // Model providers
  ["sk-ant-", 10, SLUG],
  ["sk-", 20, SLUG, true],
  ["gsk_", 20, LETTERS],
  ["xai-", 30, SLUG],
  ["hf_", 20, LETTERS],
  ["pplx-", 30, LETTERS],
  ["r8_", 30, LETTERS],
  // Package registries
  ["npm_", 30, LETTERS],
  ["pypi-AgE", 30, SLUG],
  ["rubygems_", 30, HEX],
  // Hosting and services
  ["dop_v1_", 30, HEX],
  ["shpat_", 20, HEX],
  ["shpss_", 20, HEX],
  ["SG.", 30, DOTTED],
  ["hvs.", 20, SLUG],
  ["hvb.", 20, SLUG],
  ["lin_api_", 20, LETTERS],
  ["ntn_", 30, LETTERS],
  ["dp.pt.", 30, LETTERS],
  ["dapi", 32, HEX],
  ["ATATT3x", 30, SLUG],
  ["sq0csp-", 20, SLUG],
  ["AGE-SECRET-KEY-1", 20, CAPITALS],
];
