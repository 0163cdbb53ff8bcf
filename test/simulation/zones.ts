/**
 * Local time by the platform's own tables, and by no code of the library: offsets are read from `Intl`, an hour at a
 * time (the zones in use change on whole hours of UTC).
 */

const HOUR_MS = 3_600_000
const MINUTE_MS = 60_000

export interface Zone {
  /** Local time as if it were UTC: epoch ms of the wall clock's reading. */
  local(at: number): number
  /** The instants at which the wall clock reads `local`: none where it is skipped, two where it is repeated. */
  instants(local: number): readonly number[]
}

export function createZone(timeZone: string): Zone {
  const format = new Intl.DateTimeFormat('en-GB', {
    timeZone,
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
  })
  const offsets = new Map<number, number>()

  function offsetAt(at: number): number {
    const hour = Math.floor(at / HOUR_MS)
    let offset = offsets.get(hour)
    if (offset === undefined) {
      const parts = format.formatToParts(hour * HOUR_MS)
      const number = (type: string): number => Number(parts.find((part) => part.type === type)?.value)
      const local = Date.UTC(number('year'), number('month') - 1, number('day'), number('hour'), number('minute'))
      offset = local - hour * HOUR_MS
      offsets.set(hour, offset)
    }
    return offset
  }

  return {
    local: (at) => at + offsetAt(at),
    instants(local) {
      const around = [-26 * HOUR_MS, 26 * HOUR_MS].map((ms) => offsetAt(local + ms))
      const found = [...new Set(around)].map((offset) => local - offset).filter((at) => at + offsetAt(at) === local)
      return found.sort((a, b) => a - b)
    },
  }
}

/** What a wall clock shows, and the weekday, 0 for Sunday. */
export function readings(local: number): { readonly minute: number; readonly hour: number; readonly weekday: number } {
  const date = new Date(local)
  return { minute: date.getUTCMinutes(), hour: date.getUTCHours(), weekday: date.getUTCDay() }
}

export { HOUR_MS, MINUTE_MS }
