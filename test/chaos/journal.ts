import { openSync, readFileSync, writeSync } from 'node:fs'

/**
 * What a process did, told in a way that survives SIGKILL: each line is one `write` to a file opened for appending, and
 * what was written is in the kernel's hands.
 *
 * `dispatching`, `accepted`, `known` (a duplicate: accepted before), `refused`: an event id. `claimed`, `settled`
 * (released ones too), `lost` (its lease ran out while it was running): a delivery id. `error`: a line of the log.
 */
const MARKS = ['dispatching', 'accepted', 'known', 'refused', 'claimed', 'settled', 'lost', 'error'] as const
export type Mark = (typeof MARKS)[number]

export interface Entry {
  readonly mark: Mark
  readonly text: string
}

export type Note = (mark: Mark, ...texts: readonly string[]) => void

export function openJournal(path: string): Note {
  const file = openSync(path, 'a')
  return (mark, ...texts) => {
    if (texts.length > 0) writeSync(file, texts.map((text) => `${mark} ${text}\n`).join(''))
  }
}

export function readJournal(path: string): readonly Entry[] {
  const lines = readFileSync(path, 'utf8').split('\n')
  // whatever follows the last newline was being written when the process died
  lines.pop()
  return lines.map((line) => {
    const space = line.indexOf(' ')
    const mark = MARKS.find((known) => known === line.slice(0, space))
    if (mark === undefined) throw new Error(`not a line of a journal: ${line}`)
    return { mark, text: line.slice(space + 1) }
  })
}

/** Events whose fate the process did not live to tell. */
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
    else if (mark === 'settled') held.set(text, (held.get(text) ?? 0) - 1)
  }
  return [...held].flatMap(([id, times]) => Array.from({ length: Math.max(0, times) }, () => id))
}
