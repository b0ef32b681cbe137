/** The whole terminal, for as long as it is needed: another buffer, no cursor, keys as they are pressed. Left as it was found, whatever ends the process but SIGKILL. */

const ENTER = '\u001b[?1049h\u001b[?25l\u001b[?7l'
const LEAVE = '\u001b[?7h\u001b[?25h\u001b[?1049l'

export interface Screen {
  readonly size: () => { readonly wide: number, readonly high: number }
  /** Shows these lines, which fit. */
  readonly draw: (lines: readonly string[]) => void
  /** Twice is fine. */
  readonly leave: () => void
}

/** What the program is told: keys as the terminal sends them, and that it must draw again. */
export interface Listener { readonly key: (key: string) => void, readonly redraw: () => void }

/** Takes the terminal. `keys`: where they are read, if they are. */
export function takeScreen (out: NodeJS.WriteStream, keys: NodeJS.ReadStream | undefined, { key, redraw }: Listener): Screen {
  let taken = false
  const enter = (): void => {
    if (taken) return
    taken = true
    keys?.setRawMode(true)
    out.write(ENTER) // to a terminal, a write is done when it returns
  }
  const leave = (): void => {
    if (!taken) return
    taken = false
    try { keys?.setRawMode(false) } catch { /* the terminal is gone */ }
    if (!out.destroyed) out.write(LEAVE)
  }
  const stop = (whom: number): void => { leave(); process.kill(whom, 'SIGSTOP') }
  const onKey = (data: Buffer): void => { for (const one of keysIn(data.toString('utf8'))) if (!signalled(one, stop)) key(one) }
  const handlers = [
    ['exit', leave], ['uncaughtExceptionMonitor', leave], ['SIGTSTP', () => { stop(process.pid) }], ['SIGCONT', () => { enter(); redraw() }],
    ['SIGQUIT', () => { end(); process.kill(process.pid, 'SIGQUIT') }],
  ] as const
  const end = (): void => {
    leave()
    for (const [name, handler] of handlers) process.off(name, handler)
    out.off('resize', redraw)
    keys?.off('data', onKey).pause()
  }
  for (const [name, handler] of handlers) process.on(name, handler)
  out.on('resize', redraw)
  keys?.on('data', onKey).resume()
  enter()
  return {
    size: () => ({ wide: Math.max(1, out.columns), high: Math.max(1, out.rows) }),
    draw: (lines) => { if (taken) out.write(`\u001b[H${lines.map((line) => `${line}\u001b[0m\u001b[K`).join('\r\n')}\u001b[J`) },
    leave: end,
  }
}

/** What a terminal makes signals of, while it is left to it. */
function signalled (key: string, stop: (whom: number) => void): boolean {
  switch (key) {
    case '\u0003': process.kill(process.pid, 'SIGINT'); return true
    case '\u001a': stop(0); return true // all that the terminal would stop
    case '\u001c': process.kill(process.pid, 'SIGQUIT'); return true
    default: return false
  }
}

/** Keys, a name each: `up`, `down`, `pageup`, `pagedown`, or the character. Several may come at once. */
export function keysIn (text: string): string[] {
  const names: Readonly<Record<string, string>> = { '[A': 'up', '[B': 'down', OA: 'up', OB: 'down', '[5~': 'pageup', '[6~': 'pagedown' }
  return [...text.matchAll(/\u001b(\[[0-9;]*[A-Za-z~]|O[A-Z])|[^]/gu)].flatMap(([character, code]) => code === undefined ? [character] : names[code] ?? []) // eslint-disable-line no-control-regex -- what keys send
}
