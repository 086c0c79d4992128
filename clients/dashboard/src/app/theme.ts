// Light, dark, or as the system has it. public/theme.js sets it before the first paint.
import { useEffect, useState } from "react";
import { recall, remember } from "./memory";

export const THEMES = ["system", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];

export function useTheme(): [Theme, (theme: Theme) => void] {
  const [theme, setTheme] = useState<Theme>(() => {
    const chosen = recall("theme");
    return chosen === "light" || chosen === "dark" ? chosen : "system";
  });
  useEffect(() => {
    const system = matchMedia("(prefers-color-scheme: dark)");
    const apply = () => {
      document.documentElement.dataset["theme"] = theme === "system" ? (system.matches ? "dark" : "light") : theme;
    };
    apply();
    system.addEventListener("change", apply);
    return () => system.removeEventListener("change", apply);
  }, [theme]);
  return [
    theme,
    (chosen) => {
      remember("theme", chosen === "system" ? null : chosen);
      setTheme(chosen);
    },
  ];
}
