/** UUIDs of networks. Source: RFC 9562; libvirt, virUUIDParse. */
import { randomUUID } from 'node:crypto'
import { InputError } from '../errors.js'

/** Lower-case hexadecimal digits with hyphens, 36 characters: `81ff0d90-c91e-6742-64da-4a736edb9a9b`. */
export type Uuid = string & { readonly brand: 'Uuid' }

const FORM = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/** Reads a UUID; upper case, no hyphens at all and white space around it are taken too, as libvirt does. `path` is the place named in the complaint. Throws InputError. */
export function parseUuid (text: string, path?: string): Uuid {
  const bare = text.length > 100 ? '' : text.trim().toLowerCase()
  const uuid = /^[0-9a-f]{32}$/.test(bare) ? bare.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-') : bare
  if (isUuid(uuid)) return uuid
  const message = `${JSON.stringify(text.slice(0, 100))} is not a UUID such as 81ff0d90-c91e-6742-64da-4a736edb9a9b`
  throw new InputError([path === undefined ? { message } : { message, path }])
}

/** Whether the text is a UUID in canonical form. */
export function isUuid (text: string): text is Uuid { return FORM.test(text) }

/** A random UUID (version 4). `uuidgen`. */
export function freshUuid (): Uuid { return randomUUID() as string as Uuid }
