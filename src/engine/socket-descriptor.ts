/** The descriptor of a socket of the caller's. */
import { InputError } from '../errors.js'
import type { SocketLike } from './port-api.js'

/** A descriptor, or the one below a socket of Node's, which keeps it in its handle. Throws InputError. */
export function descriptorOf (socket: SocketLike): number {
  if ('writableLength' in socket && socket.writableLength !== 0) throw new InputError([{ path: 'socket', message: 'data waits in the socket: wait until it is written, or it would come between' }])
  const holder: unknown = '_handle' in socket ? socket._handle : socket
  const fd: unknown = typeof holder === 'object' && holder !== null && 'fd' in holder ? holder.fd : undefined
  if (typeof fd !== 'number' || !Number.isInteger(fd) || fd < 0) throw new InputError([{ path: 'socket', message: 'not a connected unix socket, nor a path to one' }])
  return fd
}
