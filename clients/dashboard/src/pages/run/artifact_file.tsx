// Files that steps left behind: images and texts shown here, the rest to download. The
// server serves what it stored, and says of no file that a browser should run it.
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { ApiProblem } from "../../api/client";
import type { Artifact } from "../../api/types";
import { bytes } from "../../format/duration";
import { instant } from "../../format/time";
import { useTexts } from "../../i18n/language";
import { FileIcon } from "../../ui/icons";
import { Paragraph, Line } from "../../ui/text";
import { At } from "../../ui/time";

/** How much of a text is shown. */
const SHOWN_BYTES = 64 * 1024;

export const artifactUrl = (id: string) => `/api/v1/artifacts/${encodeURIComponent(id)}`;

/** Pictures that browsers show and that can hold no script. */
function isPicture(type: string): boolean {
  return /^image\/(png|jpeg|gif|webp|avif|bmp)$/.test(type);
}

function isText(type: string): boolean {
  return /^text\/|^application\/(json|yaml|x-yaml|xml|x-ndjson|toml)$|\+(json|xml)$/.test(type);
}

export function Picture({ artifactId, alt, className = "" }: { artifactId: string; alt: string; className?: string }) {
  const [isGone, setGone] = useState(false);
  if (isGone) return null;
  return (
    <a href={artifactUrl(artifactId)} target="_blank" rel="noreferrer" className="shrink-0">
      <img src={artifactUrl(artifactId)} alt={alt} decoding="async" className={className} onError={() => setGone(true)} />
    </a>
  );
}

export function ArtifactFile({ artifact }: { artifact: Artifact }) {
  const texts = useTexts();
  const type = artifact.content_type.split(";")[0]?.trim().toLowerCase() ?? "";
  const expires = instant(artifact.expires_at);
  const name = artifact.file_name === "" ? artifact.artifact_type : artifact.file_name;
  return (
    <figure className="overflow-hidden rounded-md border border-line">
      <figcaption className="flex min-w-0 flex-wrap items-center gap-x-2 gap-y-0.5 bg-raised px-2.5 py-1.5 text-xs">
        <FileIcon />
        <Line text={name} className="font-medium" />
        <span className="text-ink-3">
          {artifact.artifact_type} · {bytes(Number(artifact.size_bytes))}
        </span>
        {expires !== null && (
          <span className="text-ink-3">
            <At at={expires} />
          </span>
        )}
        <a href={artifactUrl(artifact.artifact_id)} download={name} className="link ms-auto">
          {texts.run.download}
        </a>
      </figcaption>
      {isPicture(type) && <LargePicture artifact={artifact} name={name} />}
      {isText(type) && <TextFile artifact={artifact} />}
    </figure>
  );
}

function LargePicture({ artifact, name }: { artifact: Artifact; name: string }) {
  const texts = useTexts();
  const [isGone, setGone] = useState(false);
  if (isGone) return <p className="px-2.5 py-2 text-xs text-ink-3">{texts.run.gone}</p>;
  return (
    <a href={artifactUrl(artifact.artifact_id)} target="_blank" rel="noreferrer" className="block bg-raised">
      <img src={artifactUrl(artifact.artifact_id)} alt={name} loading="lazy" className="mx-auto max-h-80 max-w-full" onError={() => setGone(true)} />
    </a>
  );
}

function TextFile({ artifact }: { artifact: Artifact }) {
  const texts = useTexts();
  const size = Number(artifact.size_bytes);
  const text = useQuery({
    queryKey: ["artifact", artifact.artifact_id],
    queryFn: async ({ signal }) => {
      const answer = await fetch(artifactUrl(artifact.artifact_id), { headers: { range: `bytes=0-${SHOWN_BYTES - 1}` }, signal });
      if (!answer.ok) throw new ApiProblem(answer.status, answer.statusText);
      return (await firstOf(answer)).text;
    },
    staleTime: Number.POSITIVE_INFINITY,
    enabled: size > 0,
  });
  if (text.error) return <p className="px-2.5 py-2 text-xs text-ink-3">{texts.run.gone}</p>;
  return (
    <>
      <div tabIndex={0} role="group" aria-label={artifact.file_name} className="max-h-72 overflow-auto px-2.5 py-2 font-mono text-xs leading-5">
        <Paragraph text={text.data ?? ""} />
      </div>
      {size > SHOWN_BYTES && <p className="border-t border-line px-2.5 py-1 text-xs text-ink-3">{texts.run.cut(bytes(SHOWN_BYTES))}</p>}
    </>
  );
}

/** The beginning of a body, where the server sent all of it nevertheless. */
async function firstOf(answer: Response): Promise<{ text: string }> {
  const reader = answer.body?.getReader();
  const decoder = new TextDecoder();
  let [text, read] = ["", 0];
  while (reader && read < SHOWN_BYTES) {
    const { done, value } = await reader.read();
    if (done) break;
    read += value.byteLength;
    text += decoder.decode(value, { stream: true });
  }
  await reader?.cancel().catch(() => undefined);
  return { text };
}
