/** systemctl, where systemd runs this system; where it does not, as in a container or below another root, there is nobody to tell. */
import { access } from 'node:fs/promises'

/** Whether systemd is running here. Source: sd_booted(3). */
export async function booted (): Promise<boolean> {
  return await access('/run/systemd/system').then(() => true, () => false)
}

/** Runs it; resolves with what it printed, undefined where it is missing or fails. */
export async function systemctl (...words: readonly string[]): Promise<string | undefined> {
  const { execFile } = await import('node:child_process')
  return await new Promise((resolve) => {
    execFile('systemctl', words, { timeout: 30_000, encoding: 'utf8' }, (error, stdout) => { resolve(error === null ? stdout : undefined) })
  })
}
