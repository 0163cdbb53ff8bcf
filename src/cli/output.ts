import type { Writable } from 'node:stream'
import { styleText } from 'node:util'
import { redactor } from 'signalbox/http'

export interface Output {
  /** Writes a line, without the secrets. */
  line(text: string): void
  /** Writes a line as it is: for the one that shows the generated secret. */
  plain(text: string): void
  /** Text that came from outside, safe to show: without secrets, on one line, then cut. */
  brief(text: string, maxLength?: number): string
  /** A payload for people: without secrets, indented, cut where it is long. */
  payload(payload: unknown, raw: Uint8Array): string
  /** Colours, where the terminal has them: styleText asks the stream, NO_COLOR and FORCE_COLOR. */
  style(format: 'green' | 'red' | 'yellow' | 'dim' | 'bold', text: string): string
}

const MAX_LINES = 40
const MAX_WIDTH = 200

export function createOutput(stream: Writable, secrets: readonly string[]): Output {
  // Before anything is cut: half a secret is not found.
  const redact = redactor(secrets)
  const plain = (text: string): void => void stream.write(`${text}\n`)
  return {
    plain,
    line: (text) => plain(redact(text)),
    brief: (text, maxLength = MAX_WIDTH) => cut(printable(redact(text)).replaceAll(/\s+/g, ' ').trim(), maxLength),
    payload(payload, raw) {
      const lines = printable(redact(toJson(payload, 2) ?? Buffer.from(raw).toString())).split('\n')
      const shown = lines.slice(0, MAX_LINES).map((line) => `  ${cut(line, MAX_WIDTH)}`)
      if (lines.length > MAX_LINES) shown.push(`  … ${lines.length - MAX_LINES} more lines`)
      return shown.join('\n')
    },
    style: (format, text) => styleText(format, text, { stream }),
  }
}

function cut(text: string, maxLength: number): string {
  return text.length > maxLength ? `${text.slice(0, maxLength).toWellFormed()}…` : text
}

/** What a terminal would obey or misread: control characters but the line feed and tab, and changes of direction. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const UNPRINTABLE = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g

/** Text that a terminal shows and does not obey: a request must not move the cursor, or hide what it says. */
function printable(text: string): string {
  return text.toWellFormed().replace(UNPRINTABLE, (found) => `\\u${found.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/** `undefined` where the value is nested deeper than the stack. */
export function toJson(value: unknown, indent = 0): string | undefined {
  try {
    return JSON.stringify(value, undefined, indent)
  } catch {
    return undefined
  }
}

export function size(bytes: number): string {
  return bytes < 1024 ? `${bytes} B` : `${(bytes / 1024).toFixed(1)} KiB`
}
