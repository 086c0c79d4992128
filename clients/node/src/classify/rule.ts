// The format of the classifier's table.

/** What kind of thing went wrong, in the terms that decide whether a retry is worth it. */
export type ReasonKind = "UNKNOWN" | "TRANSIENT" | "PERSISTENT" | "RESOURCE" | "CONFIG";

/** A row, as the head of rules/src/classify_rules.toml explains it. */
export interface Rule {
  readonly reason_code: string;
  readonly reason_kind: string;
  readonly cancelled?: boolean;
  readonly vague?: boolean;
  readonly grpc?: readonly string[];
  readonly http?: readonly number[];
  readonly exit?: readonly number[];
  readonly cicd?: readonly string[];
  readonly tokens?: readonly string[];
  readonly sqlstates?: readonly string[];
  readonly exceptions?: readonly string[];
  readonly phrases?: readonly string[];
}
