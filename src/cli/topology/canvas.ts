/** An SVG that is being drawn: shapes and measured text, with all that anybody else has named made safe. */
import { escape, width } from '../print/escape.js'
import { cut } from '../print/strip.js'

/** Text that may hold anything, as XML: nothing of it is markup, and no character that XML forbids is left. */
export function xml (text: string): string {
  const safe = escape(text).replace(/\p{Cs}|\ufffe|\uffff/gu, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`)
  return safe.replace(/[&<>"']/g, (character) => `&#${String(character.charCodeAt(0))};`)
}

/** Of the font's size, what a column takes: monospaced fonts have between 0.55 and 0.61. */
const COLUMN = 0.61

/** Sizes of text, pixels. */
export const sizes = { title: 15, text: 13, small: 11 } as const
export type Size = keyof typeof sizes

/** How wide a text is at most, pixels. */
export const measure = (text: string, size: Size): number => width(escape(text)) * sizes[size] * COLUMN

/** Cut to so many pixels. */
export function fitted (text: string, size: Size, most: number): string {
  const [kept] = cut([{ text: escape(text), style: 'plain' }], Math.floor(most / (sizes[size] * COLUMN) + 0.01), '…')
  return kept?.text ?? ''
}

export interface Box { readonly x: number, readonly y: number, readonly w: number, readonly h: number }
export interface TextStyle { readonly size?: Size, readonly class?: string, readonly anchor?: 'start' | 'middle' | 'end', /** Cut to so many pixels. */ readonly most?: number }

const number = (value: number): string => String(Math.round(value * 10) / 10)

export class Canvas {
  readonly #parts: string[] = []

  rect ({ x, y, w, h }: Box, kind: string, radius = 8): void {
    this.#parts.push(`<rect class="${kind}" x="${number(x)}" y="${number(y)}" width="${number(w)}" height="${number(h)}" rx="${String(radius)}"/>`)
  }

  /** `y` is the line on which the text stands. */
  text (x: number, y: number, text: string, { size = 'text', class: kind = 't', anchor = 'start', most }: TextStyle = {}): void {
    const shown = most === undefined ? text : fitted(text, size, most)
    const at = anchor === 'start' ? '' : ` text-anchor="${anchor}"`
    const whole = shown === escape(text) ? '' : `<title>${xml(text)}</title>`
    this.#parts.push(`<text class="${kind} ${size}" x="${number(x)}" y="${number(y)}"${at}>${xml(shown)}${whole}</text>`)
  }

  line (points: readonly (readonly [x: number, y: number])[], kind: string): void {
    this.#parts.push(`<path class="${kind}" d="${points.map(([x, y], i) => `${i === 0 ? 'M' : 'L'}${number(x)} ${number(y)}`).join('')}"/>`)
  }

  /** The head of an arrow whose point is there. */
  head (x: number, y: number, up: boolean, kind: string): void {
    const d = up ? 7 : -7
    this.#parts.push(`<path class="${kind}" d="M${number(x)} ${number(y)}l-4.5 ${String(d)}h9z"/>`)
  }

  dot (x: number, y: number, kind: string): void { this.#parts.push(`<circle class="${kind}" cx="${number(x)}" cy="${number(y)}" r="4"/>`) }

  /** A whole document of that size. */
  document ({ w, h }: Pick<Box, 'w' | 'h'>, { title, style }: { readonly title: string, readonly style: string }): string {
    return [
      `<svg xmlns="http://www.w3.org/2000/svg" width="${number(w)}" height="${number(h)}" viewBox="0 0 ${number(w)} ${number(h)}" role="img">`,
      `<title>${xml(title)}</title>`, `<style>${style}</style>`, ...this.#parts, '</svg>', '',
    ].join('\n')
  }
}
