/** A bar on the terminal while many changes are made; gone when they are done. */
import type { Progress } from '../../index.js'
import { escape } from '../print/escape.js'

export interface Bar {
  readonly show: (progress: Progress) => void
  /** Takes it off the screen. Twice is fine. */
  readonly end: () => void
}

const LONGEST = 50

/** Begins at the first `show`, and only where there is more than one thing to do. */
export async function openBar (stream: NodeJS.WriteStream): Promise<Bar> {
  const { Presets, SingleBar } = (await import('cli-progress')).default
  const bar = new SingleBar({ stream, clearOnComplete: true, hideCursor: true, gracefulExit: false, format: '{bar} {value}/{total} {what}', barsize: 30 }, Presets.shades_grey)
  let begun = false
  return {
    show: ({ done, total, change }) => {
      if (total < 2) return
      const what = escape(change?.what ?? '').slice(0, LONGEST)
      if (begun) bar.update(done, { what })
      else bar.start(total, done, { what })
      begun = true
    },
    end: () => {
      if (begun) bar.stop()
      begun = false
    },
  }
}
