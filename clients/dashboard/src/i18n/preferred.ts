// The language that a browser asks for.

export type Language = "en" | "zh";

/** The first of the browser's languages that the page speaks; English where it speaks none. */
export function preferred(languages: readonly string[]): Language {
  for (const language of languages) {
    const primary = language.toLowerCase().split("-")[0];
    if (primary === "zh" || primary === "en") return primary;
  }
  return "en";
}
