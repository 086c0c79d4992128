// Where in a text a secret stands.

/** The first byte of a secret and the one behind it. */
export type Range = readonly [start: number, end: number];
