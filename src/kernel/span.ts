/** Stretches of addresses or ports, first and last value as big-endian bytes. */
export interface Span { readonly first: Uint8Array, readonly last: Uint8Array }

/** The same values by the fewest stretches, in order: the kernel's interval sets take none that overlap. */
export function merged (spans: readonly Span[]): readonly Span[] {
  const found: Span[] = []
  for (const span of spans.toSorted((a, b) => Buffer.compare(a.first, b.first))) {
    const before = found.at(-1)
    if (before === undefined || !touches(before.last, span.first)) found.push(span)
    else if (Buffer.compare(before.last, span.last) < 0) found[found.length - 1] = { first: before.first, last: span.last }
  }
  return found
}

/** Whether a stretch that begins with `first` overlaps or follows one that ends with `last`. */
function touches (last: Uint8Array, first: Uint8Array): boolean {
  return Buffer.compare(first, last) <= 0 || number(first) === number(last) + 1n
}

const number = (bytes: Uint8Array): bigint => BigInt(`0x${Buffer.from(bytes).toString('hex')}`)
