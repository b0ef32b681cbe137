export interface Daemons {
  start (networks: readonly import('./record.js').NetworkRecord[], options: { signal: AbortSignal | undefined, ports: readonly import('./record.js').PortRecord[] }): Promise<void>
  stop (networks: readonly import('./record.js').NetworkRecord[]): Promise<void>
  forget (networks: readonly import('./record.js').NetworkRecord[]): Promise<void>
}
