import { invalidInput } from '../errors.ts'

/** Metadata as it is stored and sent, with its JSON text. */
export interface CheckedMetadata {
  readonly value: object
  readonly json: string
}

/** JSON writes a lone surrogate as an escape, and a NUL too: their absence in the text proves the value clean. */
const SUSPECT = /\\u(?:0000|d[89ab])/i

/**
 * Takes a copy of metadata as JSON, so that later changes by the caller do not reach what was accepted.
 * @throws SignalboxError `invalid_input` for what JSON can't hold, and for NUL.
 */
export function checkMetadata(metadata: unknown): CheckedMetadata {
  if (typeof metadata !== 'object' || metadata === null || Array.isArray(metadata)) {
    throw invalidInput('metadata', 'must be an object')
  }
  const json = stringify(metadata)
  const value: unknown = JSON.parse(json)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalidInput('metadata', 'must be an object of JSON')
  }
  if (!SUSPECT.test(json)) return { value, json }
  const clean = wellFormed(value, 'metadata') as object
  return { value: clean, json: stringify(clean) }
}

function stringify(value: object): string {
  try {
    const json: string | undefined = JSON.stringify(value)
    if (json !== undefined) return json
  } catch {
    // a cycle, a BigInt, a toJSON that throws: the error's own text could hold data
  }
  throw invalidInput('metadata', 'must be JSON: no cycles, no BigInt')
}

function wellFormed(value: unknown, path: string): unknown {
  if (typeof value === 'string') {
    if (value.includes('\0')) throw invalidInput(path, 'must not contain NUL')
    return value.toWellFormed()
  }
  if (Array.isArray(value)) return value.map((item, index) => wellFormed(item, `${path}[${index}]`))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => {
      if (key.includes('\0')) throw invalidInput(path, 'must not contain NUL in a key')
      return [key.toWellFormed(), wellFormed(item, `${path}.${key.slice(0, 64).toWellFormed()}`)]
    }),
  )
}
