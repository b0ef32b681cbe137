/** A word as a shell, and `tokens`, read it back: inside the quote that was opened (what follows it), else with backslashes. Pure. */
export function quote (text: string, opened: string): string {
  if (opened === "'") return text.replaceAll("'", String.raw`'\''`)
  if (opened === '"') return text.replace(/["\\$`]/g, String.raw`\$&`)
  return text.replace(/[^\w@%+=:,./-]/g, String.raw`\$&`)
}

/** The quote that a word begins with, if any. */
export const openedBy = (raw: string): string => /^['"]/.exec(raw)?.[0] ?? ''
