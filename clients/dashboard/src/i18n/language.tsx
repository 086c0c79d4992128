// Which language the page speaks: the one chosen, else the browser's.
import { createContext, type ReactNode, useContext, useEffect, useMemo, useState } from "react";
import { recall, remember } from "../app/memory";
import { en, type Texts } from "./en";
import { type Language, preferred } from "./preferred";
import { zh } from "./zh";

interface Spoken {
  language: Language;
  texts: Texts;
  speak: (language: Language) => void;
}

const Spoken = createContext<Spoken | null>(null);

export function LanguageProvider({ children }: { children: ReactNode }) {
  const [language, setLanguage] = useState<Language>(() => {
    const chosen = recall("language");
    return chosen === "en" || chosen === "zh" ? chosen : preferred(navigator.languages);
  });
  useEffect(() => {
    document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  }, [language]);
  const spoken = useMemo<Spoken>(
    () => ({
      language,
      texts: language === "zh" ? zh : en,
      speak: (chosen) => {
        remember("language", chosen);
        setLanguage(chosen);
      },
    }),
    [language],
  );
  return <Spoken value={spoken}>{children}</Spoken>;
}

export function useLanguage(): Spoken {
  const spoken = useContext(Spoken);
  if (!spoken) throw new Error("LanguageProvider is missing");
  return spoken;
}

export function useTexts(): Texts {
  return useLanguage().texts;
}

/** The locale for dates and numbers: the browser's own of the page's language, with its region. */
export function useLocale(): string {
  const { language } = useLanguage();
  return navigator.languages.find((one) => one.toLowerCase().startsWith(language)) ?? language;
}
