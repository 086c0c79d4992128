// What the browser remembers for the page. It may be forbidden to: then nothing is.

export function recall(name: string): string | null {
  try {
    return localStorage.getItem(`livespan.${name}`);
  } catch {
    return null;
  }
}

export function remember(name: string, value: string | null): void {
  try {
    if (value === null) localStorage.removeItem(`livespan.${name}`);
    else localStorage.setItem(`livespan.${name}`, value);
  } catch {
    // Then it holds until the page is left.
  }
}
