import type { HeadersLike } from '../contracts/signature.ts'

/** Headers as a plain object: names in lower case, repeated values joined with `, `, as Fetch joins them. */
export function plainHeaders(headers: HeadersLike): Readonly<Record<string, string>> {
  const plain = new Map<string, string>()
  const add = (name: string, value: string): void => {
    const lower = name.toLowerCase()
    const before = plain.get(lower)
    plain.set(lower, before === undefined ? value : `${before}, ${value}`)
  }
  if (isFetchHeaders(headers)) headers.forEach((value, name) => void add(name, value))
  else {
    for (const [name, value] of Object.entries(headers)) {
      if (typeof value === 'string') add(name, value)
      else if (Array.isArray(value)) for (const one of value) if (typeof one === 'string') add(name, one)
    }
  }
  // Own properties only: a header may be named `__proto__`.
  return Object.fromEntries(plain)
}

/** Fetch `Headers` of any implementation: `instanceof` would see this process's own class only. */
function isFetchHeaders(headers: HeadersLike): headers is Headers {
  return typeof headers.get === 'function' && typeof headers.forEach === 'function'
}
