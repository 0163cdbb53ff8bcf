import { openSync, readFileSync, writeSync } from 'node:fs'

/**
 * What a process did, told in a way that survives SIGKILL: each line is one `write` to a file opened for appending, and
 * what was written is in the kernel's hands.
 *
 * `dispatching`, `accepted`, `known` (a duplicate: accepted before), `refused` (nothing was stored), `joining` (it is
 * dispatched in a transaction of the host, whose own row tells how that ended): an event id.
 * `claimed`, `settled`, `released` (given back, its exchange perhaps cut off), `lost` (another one had its lease when it
 * was to be settled), `unwritten` (the store failed when it was to be settled or released): a delivery id. `error`: a
 * line of the log.
 */
const MARKS = [
  'dispatching',
  'joining',
  'accepted',
  'known',
  'refused',
  'claimed',
  'settled',
  'released',
  'lost',
  'unwritten',
  'error',
] as const
export type Mark = (typeof MARKS)[number]

export interface Entry {
  readonly mark: Mark
  readonly text: string
  /** Epoch ms; of what was claimed: the time that the claim was made with. */
  readonly at: number
}

export type Note = (mark: Mark, texts: readonly string[], at?: number) => void

export function openJournal(path: string): Note {
  const file = openSync(path, 'a')
  return (mark, texts, at = Date.now()) => {
    if (texts.length > 0) writeSync(file, texts.map((text) => `${mark} ${at} ${text}\n`).join(''))
  }
}

export function readJournal(path: string): readonly Entry[] {
  const lines = readFileSync(path, 'utf8').split('\n')
  // whatever follows the last newline was being written when the process died
  lines.pop()
  return lines.map((line) => {
    const [, said, at, text = ''] = /^(\w+) (\d+) (.*)$/.exec(line) ?? []
    const mark = MARKS.find((known) => known === said)
    if (mark === undefined) throw new Error(`not a line of a journal: ${line}`)
    return { mark, text, at: Number(at) }
  })
}

/** Events whose fate the process never learnt: it died before, or the store failed in the middle. */
export function inDoubt(entries: readonly Entry[]): readonly string[] {
  const open = new Set<string>()
  for (const { mark, text } of entries) {
    if (mark === 'dispatching') open.add(text)
    else if (mark === 'accepted' || mark === 'known' || mark === 'refused') open.delete(text)
  }
  return [...open]
}

/** Deliveries that the process held when it ended; one that it had claimed again after a lost lease, once for each. */
export function inFlight(entries: readonly Entry[]): readonly string[] {
  const held = new Map<string, number>()
  for (const { mark, text } of entries) {
    if (mark === 'claimed') held.set(text, (held.get(text) ?? 0) + 1)
    else if (mark === 'settled' || mark === 'released') held.set(text, (held.get(text) ?? 0) - 1)
  }
  return [...held].flatMap(([id, times]) => Array.from({ length: Math.max(0, times) }, () => id))
}
