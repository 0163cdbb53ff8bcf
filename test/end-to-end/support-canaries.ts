import { randomBytes } from 'node:crypto'
import { inspect } from 'node:util'

/** A secret made to be looked for. */
export interface Canary {
  readonly name: string
  /** As it is configured. */
  readonly text: string
  /** What is looked for: pieces of it, so that a secret that was cut in two is found as well. */
  readonly pieces: readonly Buffer[]
}

/** Two random halves around characters that JSON, URLs and `inspect` write in another way, so that each has to be met. */
export function canary(name: string, wrap: (left: string, right: string) => string = joined): Canary {
  const left = `c${randomBytes(9).toString('hex')}`
  const right = `c${randomBytes(9).toString('hex')}`
  return { name, text: wrap(left, right), pieces: [Buffer.from(left), Buffer.from(right)] }
}

const joined = (left: string, right: string) => `${left}-${right}`

/** 32 random bytes as the base64 of a key; their text and the bytes themselves are looked for. */
export function keyCanary(name: string, prefix = ''): Canary {
  let bytes: Buffer
  // Without the characters that URLs write in another way: the halves have to stay as they are.
  do bytes = randomBytes(32)
  while (/[+/]/.test(bytes.toString('base64')))
  const text = bytes.toString('base64')
  const pieces = [
    bytes.subarray(0, 16),
    bytes.subarray(16),
    Buffer.from(text.slice(0, 20)),
    Buffer.from(text.slice(20, 43)),
  ]
  return { name, text: `${prefix}${text}`, pieces }
}

export interface Finding {
  readonly canary: string
  readonly as: string
}

/** Whatever spelling of a canary is in a text: plain (URLs and JSON leave the halves as they are), hex, or base64. */
export type Finder = (text: string) => Finding[]

export function createFinder(canaries: readonly Canary[]): Finder {
  const needles = canaries.flatMap(({ name, pieces }) =>
    pieces.flatMap((piece) => spellings(piece).map(([as, needle]) => ({ canary: name, as, needle }))),
  )
  return (text) => needles.filter(({ needle }) => text.includes(needle)).map(({ canary, as }) => ({ canary, as }))
}

function spellings(piece: Buffer): (readonly [string, string])[] {
  const hex = piece.toString('hex')
  const base64 = [0, 1, 2].flatMap((offset) => {
    // Wherever it begins inside of what was encoded: the characters that depend on nothing else.
    const whole = Buffer.concat([Buffer.alloc(offset), piece])
    const usable = whole.subarray(offset === 0 ? 0 : 3, whole.length - (whole.length % 3))
    return [...new Set([usable.toString('base64'), usable.toString('base64url')])]
  })
  return [
    ['plain', piece.toString('latin1')],
    ['hex', hex],
    ['HEX', hex.toUpperCase()],
    ...base64.map((text) => ['base64', text] as const),
  ]
}

/** Everything that a value could tell whoever prints it: fields that are hidden, causes and stacks included. */
export function tellAll(value: unknown): string {
  const texts = [
    inspect(value, {
      depth: Number.POSITIVE_INFINITY,
      showHidden: true,
      showProxy: true,
      maxArrayLength: null,
      maxStringLength: null,
      breakLength: Number.POSITIVE_INFINITY,
    }),
    JSON.stringify(value) ?? '',
  ]
  const seen = new Set<unknown>()
  for (let error = value; error instanceof Error && !seen.has(error); error = error.cause) {
    seen.add(error)
    texts.push(String(error), error.message, error.stack ?? '', tellAll({ ...error }))
  }
  return texts.join('\n')
}

/** A copy without the fields of these names, at any depth. */
export function without(value: unknown, names: ReadonlySet<string>): unknown {
  if (typeof value !== 'object' || value === null || value instanceof Error) return value
  if (Array.isArray(value)) return value.map((item) => without(item, names))
  const kept = Object.entries(value).filter(([name]) => !names.has(name))
  return Object.fromEntries(kept.map(([name, item]) => [name, without(item, names)]))
}
