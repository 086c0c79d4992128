// An id with a button that copies it.
import { useEffect, useState } from "react";
import { useTexts } from "../i18n/language";
import { CheckIcon, CopyIcon } from "./icons";

export function CopyId({ id }: { id: string }) {
  const texts = useTexts();
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), 1500);
    return () => clearTimeout(timer);
  }, [copied]);
  const copy = () => {
    // Only where the page came from a place that browsers trust with it.
    void (navigator.clipboard as Clipboard | undefined)?.writeText(id).then(() => setCopied(true), () => setCopied(false));
  };
  return (
    <span className="inline-flex max-w-full min-w-0 items-center gap-1 font-mono text-xs text-ink-2">
      <span className="min-w-0 truncate" title={id}>
        {id}
      </span>
      <button type="button" onClick={copy} aria-label={`${copied ? texts.common.copied : texts.common.copy}: ${id}`} className="rounded p-0.5 text-ink-3 hover:text-ink">
        {copied ? <CheckIcon /> : <CopyIcon />}
      </button>
    </span>
  );
}
