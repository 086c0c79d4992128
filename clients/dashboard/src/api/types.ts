// The API's messages under their own names. schema.ts is generated from the server's
// /api/openapi.json (`make clients-dashboard`).
import type { components } from "./schema";

type Schemas = components["schemas"];
export type ActiveRun = Schemas["ActiveRun"];
export type Artifact = Schemas["Artifact"];
export type FailureGroup = Schemas["FailureGroup"];
export type FailureSite = Schemas["FailureSite"];
export type Host = Schemas["Host"];
export type LastAliveSpan = Schemas["LastAliveSpan"];
export type Progress = Schemas["Progress"];
export type ReasonKind = Schemas["ReasonKind"];
export type RunGraph = Schemas["GetRunGraphResponse"];
export type RunSummary = Schemas["RunSummary"];
export type Span = Schemas["Span"];
export type SpanError = Schemas["SpanError"];
export type Status = Schemas["Status"];
export type StuckRun = Schemas["StuckRun"];
export type Timeline = Schemas["GetTimelineResponse"];
export type Verdict = Schemas["Verdict"];
