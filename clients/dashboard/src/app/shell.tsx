// What stands around every page: the way to the others, whether it is live, language,
// theme, keyboard.
import { Link, Outlet, useRouterState } from "@tanstack/react-router";
import { useEffect, useRef, useState } from "react";
import { useLanguage, useTexts } from "../i18n/language";
import { KeyboardIcon, MoonIcon, SunIcon, SystemIcon } from "../ui/icons";
import { LivePill, OfflineBanner } from "./live_pill";
import { ShortcutsDialog, useShortcuts } from "./shortcuts";
import { THEMES, useTheme } from "./theme";

const PAGES = [
  { to: "/", name: "overview" },
  { to: "/runs", name: "runs" },
  { to: "/failures", name: "failures" },
  { to: "/hosts", name: "hosts" },
] as const;

export function Shell() {
  const texts = useTexts();
  const [isHelpOpen, setHelpOpen] = useState(false);
  useShortcuts(() => setHelpOpen(true));
  return (
    <div className="flex min-h-dvh flex-col">
      <a href="#content" className="button sr-only z-50 focus:not-sr-only focus:absolute focus:top-2 focus:left-2">
        {texts.nav.skip}
      </a>
      <header className="sticky top-0 z-30 border-b border-line bg-surface">
        <div className="mx-auto flex h-12 max-w-[1600px] items-center gap-x-5 px-4 max-sm:h-auto max-sm:flex-wrap max-sm:gap-x-2 max-sm:pt-2">
          <Link to="/" className="flex items-center gap-2 font-semibold tracking-tight text-ink">
            <Mark />
            livespan
          </Link>
          <nav aria-label={texts.nav.main} className="flex h-full items-stretch gap-1 max-sm:order-last max-sm:w-full max-sm:justify-between">
            {PAGES.map(({ to, name }) => (
              <Link
                key={to}
                to={to}
                activeOptions={{ exact: to === "/", includeSearch: false }}
                className="flex items-center border-b-2 border-transparent px-2.5 pt-0.5 font-medium text-ink-2 hover:text-ink max-sm:py-2 data-[status=active]:border-accent data-[status=active]:text-ink"
              >
                {texts.nav[name]}
              </Link>
            ))}
          </nav>
          <div className="ms-auto flex items-center gap-1.5">
            <LivePill />
            <LanguageSwitch />
            <ThemeSwitch />
            <button type="button" className="button w-8 px-0! max-sm:hidden" aria-label={texts.keys.title} title={`${texts.keys.title} (?)`} onClick={() => setHelpOpen(true)}>
              <KeyboardIcon />
            </button>
          </div>
        </div>
        <OfflineBanner />
      </header>
      <main id="content" tabIndex={-1} className="mx-auto w-full max-w-[1600px] flex-1 px-4 py-5 outline-none max-sm:px-3 max-sm:py-3">
        <Outlet />
      </main>
      <Announcer />
      <ShortcutsDialog isOpen={isHelpOpen} onClose={() => setHelpOpen(false)} />
    </div>
  );
}

function Mark() {
  return (
    <svg viewBox="0 0 20 20" aria-hidden="true" className="size-5 text-accent">
      <rect x="1" y="3" width="10" height="3.4" rx="1.7" fill="currentColor" opacity=".45" />
      <rect x="5" y="8.300" width="14" height="3.400" rx="1.700" fill="currentColor" />
      <rect x="8" y="13.600" width="7" height="3.400" rx="1.700" fill="currentColor" opacity=".7" />
    </svg>
  );
}

function LanguageSwitch() {
  const { language, texts, speak } = useLanguage();
  const other = language === "zh" ? "en" : "zh";
  return (
    <button type="button" lang={other === "zh" ? "zh-CN" : "en"} className="button px-2!" aria-label={`${texts.language.label}: ${other === "zh" ? "中文" : "English"}`} onClick={() => speak(other)}>
      {other === "zh" ? "中文" : "EN"}
    </button>
  );
}

const THEME_ICONS = { system: SystemIcon, light: SunIcon, dark: MoonIcon };

function ThemeSwitch() {
  const texts = useTexts();
  const [theme, setTheme] = useTheme();
  const next = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length] ?? "system";
  const Icon = THEME_ICONS[theme];
  const label = `${texts.theme.label}: ${texts.theme[theme]}`;
  return (
    <button type="button" className="button w-8 px-0!" aria-label={label} title={label} onClick={() => setTheme(next)}>
      <Icon />
    </button>
  );
}

/** Tells those who don't see it that another page is there. */
function Announcer() {
  const path = useRouterState({ select: (state) => state.resolvedLocation?.pathname ?? "" });
  const [title, setTitle] = useState("");
  const first = useRef(true);
  useEffect(() => {
    if (path === "") return;
    // Pages set their title when they are there.
    const timer = setTimeout(() => {
      if (!first.current) setTitle(document.title);
      first.current = false;
    }, 150);
    return () => clearTimeout(timer);
  }, [path]);
  return (
    <div role="status" aria-live="polite" className="sr-only">
      {title}
    </div>
  );
}

export function useTitle(title: string): void {
  useEffect(() => {
    document.title = title === "" ? "livespan" : `${title} · livespan`;
  }, [title]);
}

export function NotFound() {
  const texts = useTexts();
  useTitle(texts.notFound.title);
  return (
    <div className="py-20 text-center">
      <h1 className="mb-3 text-lg font-semibold">{texts.notFound.title}</h1>
      <Link to="/" className="button">
        {texts.notFound.back}
      </Link>
    </div>
  );
}

export function Crash({ error }: { error: unknown }) {
  const texts = useTexts();
  return (
    <div role="alert" className="py-20 text-center">
      <h1 className="mb-2 text-lg font-semibold">{texts.crash.title}</h1>
      <p className="mb-3 text-ink-2">{texts.crash.hint}</p>
      <pre className="user-text mx-auto max-w-prose text-start text-xs text-ink-3">{error instanceof Error ? error.message : String(error)}</pre>
    </div>
  );
}
