// What a secret becomes.

/** Stands in place of a secret. */
export const MARKER = "[REDACTED]";
