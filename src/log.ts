/** The logger contract: any pino logger fits, and so does any object with these methods. */
export interface Logger {
  trace(data: object, message?: string): void
  debug(data: object, message?: string): void
  info(data: object, message?: string): void
  warn(data: object, message?: string): void
  error(data: object, message?: string): void
  /** A logger that adds these fields to every line, e.g. `{ network: 'red_nat' }`. */
  child(bindings: object): Logger
}

const nothing = (): void => undefined

/** The default: says nothing. A library never prints. */
export const silent: Logger = {
  trace: nothing, debug: nothing, info: nothing, warn: nothing, error: nothing, child: () => silent,
}
