/** A line on a terminal, made of pieces that may have a colour: measured, cut and padded before it is painted. */
import { escape, width } from './escape.js'

/** ANSI's eight colours, which every terminal sets so that they can be read on its own background. */
const codes = { plain: '', bold: '1', dim: '2', red: '31', green: '32', yellow: '33', blue: '34', magenta: '35', cyan: '36', reverse: '7' } as const
export type Style = keyof typeof codes

export interface Piece { readonly text: string, readonly style: Style }
export type Strip = readonly Piece[]

/** Text that may hold anything, made safe to show. */
export const piece = (text: string, style: Style = 'plain'): Piece => ({ text: escape(text), style })

export const columns = (strip: Strip): number => strip.reduce((sum, { text }) => sum + width(text), 0)

/** At most so many columns; what is cut off has `mark` in its place. */
export function cut (strip: Strip, most: number, mark: string): Strip {
  if (columns(strip) <= most) return strip
  if (most < width(mark)) return []
  const kept: Piece[] = []
  let left = most - width(mark)
  for (const { text, style } of strip) {
    let fits = ''
    for (const character of text) {
      const wide = width(character)
      if (wide > left) return [...kept, { text: `${fits}${mark}`, style }]
      fits += character
      left -= wide
    }
    kept.push({ text: fits, style })
  }
  return kept
}

/** Exactly so many columns. */
export function fit (strip: Strip, wide: number, { mark, fill = ' ' }: { readonly mark: string, readonly fill?: string }): Strip {
  const short = cut(strip, wide, mark)
  const left = wide - columns(short)
  return left > 0 ? [...short, { text: fill.repeat(left), style: 'plain' }] : short
}

/** As it is written, without blanks at the end. */
export function paint (strip: Strip, colours: boolean): string {
  const whole = strip.map(({ text, style }) => colours && codes[style] !== '' && text !== '' ? `\u001b[${codes[style]}m${text}\u001b[0m` : text).join('')
  return whole.replace(/ +$/, '')
}
