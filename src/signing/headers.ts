import type { HeadersLike } from '../contracts/signature.ts'

/**
 * The value of a header, its name in lower case; `undefined` where it is missing. Repeated values come joined with
 * `, `, as Fetch `Headers` and Node join them, so that all forms of the same request are judged alike.
 */
export function readHeader(headers: HeadersLike, name: string): string | undefined {
  if (isFetchHeaders(headers)) return headers.get(name) ?? undefined
  const exact = headers[name]
  if (typeof exact === 'string') return exact
  for (const key of Object.keys(headers)) {
    if (key.length === name.length && key.toLowerCase() === name) return joined(headers[key])
  }
  return undefined
}

/** Fetch `Headers` of any implementation: `instanceof` would see this process's own class only. */
function isFetchHeaders(headers: HeadersLike): headers is Headers {
  return typeof headers.get === 'function'
}

function joined(value: string | readonly string[] | undefined): string | undefined {
  if (typeof value === 'string') return value
  return Array.isArray(value) && value.length > 0 ? value.join(', ') : undefined
}
