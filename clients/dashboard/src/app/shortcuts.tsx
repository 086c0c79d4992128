// What keys do on every page; those of the timeline are in pages/run/gantt.tsx.
import { useNavigate } from "@tanstack/react-router";
import { useEffect, useRef } from "react";
import { useTexts } from "../i18n/language";
import { CloseIcon } from "../ui/icons";

/** Whether a key is meant for what has the focus. */
function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}

const GO_WITHIN_MS = 1_200;

/** g o, g r, g f, g h go to a page; / to its search; ? to the list of keys. */
export function useShortcuts(openHelp: () => void): void {
  const navigate = useNavigate();
  // Kept from one rendering to the next: one may come between two keys.
  const goUntil = useRef(0);
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target) || document.querySelector("dialog[open]")) return;
      const pages = new Map<string, "/" | "/runs" | "/failures" | "/hosts">([["o", "/"], ["r", "/runs"], ["f", "/failures"], ["h", "/hosts"]]);
      const page = pages.get(event.key);
      if (page && event.timeStamp < goUntil.current) {
        goUntil.current = 0;
        event.preventDefault();
        void navigate({ to: page });
      } else if (event.key === "g") goUntil.current = event.timeStamp + GO_WITHIN_MS;
      else if (event.key === "/") {
        const search = document.querySelector<HTMLElement>("[data-search]");
        if (search) event.preventDefault();
        search?.focus();
      } else if (event.key === "?") openHelp();
    };
    document.addEventListener("keydown", pressed);
    return () => document.removeEventListener("keydown", pressed);
  }, [navigate, openHelp]);
}

export function ShortcutsDialog({ isOpen, onClose }: { isOpen: boolean; onClose: () => void }) {
  const { keys, common } = useTexts();
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    if (isOpen) dialog.current?.showModal();
    else dialog.current?.close();
  }, [isOpen]);
  const list: [string[], string][] = [
    [["g", "o"], keys.goOverview],
    [["g", "r"], keys.goRuns],
    [["g", "f"], keys.goFailures],
    [["g", "h"], keys.goHosts],
    [["/"], keys.search],
    [["↑", "↓"], keys.rows],
    [["←", "→"], keys.openClose],
    [["Enter"], keys.details],
    [["+", "−"], keys.zoom],
    [["0"], keys.fit],
    [["Esc"], keys.close],
    [["?"], keys.help],
  ];
  return (
    <dialog ref={dialog} onClose={onClose} aria-labelledby="shortcuts-title" className="panel m-auto w-[min(26rem,calc(100vw-2rem))] p-0 text-ink backdrop:bg-black/40">
      <div className="flex items-center justify-between border-b border-line px-4 py-2.5">
        <h2 id="shortcuts-title" className="font-semibold">
          {keys.title}
        </h2>
        <button type="button" aria-label={common.close} className="rounded p-1 text-ink-3 hover:text-ink" onClick={onClose}>
          <CloseIcon />
        </button>
      </div>
      <dl className="grid grid-cols-[auto_1fr] gap-x-4 gap-y-2 px-4 py-3">
        {list.map(([combination, meaning]) => (
          <div key={meaning} className="contents">
            <dt className="flex gap-1">
              {combination.map((key) => (
                <kbd key={key} className="min-w-6 rounded border border-line-strong bg-raised px-1.5 text-center font-mono text-xs leading-5">
                  {key}
                </kbd>
              ))}
            </dt>
            <dd>{meaning}</dd>
          </div>
        ))}
      </dl>
    </dialog>
  );
}
