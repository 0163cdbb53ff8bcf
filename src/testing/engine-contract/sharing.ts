import { type Case, names } from './world.ts'

export const sharingCases: readonly Case[] = [
  {
    name: 'share: a process that only schedules wakes one that works',
    shared: true,
    async run(world) {
      await world.begin(world.engine())
      const other = world.engine()
      await other.schedule(world.put(0, 'now'))
      await world.until('what is due', () => world.taken.length === 1)
      await other.schedule(world.put(500, 'later'))
      await world.until('what is due later', () => world.taken.length === 2, 500 + world.lateMs)
    },
  },
  {
    name: 'share: what is scheduled while nobody works waits for the first that does',
    shared: true,
    async run(world) {
      const host = world.engine()
      await host.schedule(world.put(400, ...names('d', 10)))
      await world.inTime('stop', host.stop())
      await world.begin(world.engine())
      await world.until('all of them', () => world.taken.length === 10, 400 + world.lateMs)
    },
  },
  {
    name: 'share: while one process is busy, another gets work',
    shared: true,
    async run(world) {
      const busy = new Set<number>()
      let release = (): void => {}
      const both = new Promise<void>((resolve) => {
        release = resolve
      })
      const send = (by: number) => (): Promise<void> => {
        busy.add(by)
        if (busy.size === 2) release()
        return both
      }
      // each call takes one, and none ends before both processes have one
      for (const by of [0, 1]) await world.begin(world.engine(), { perCall: 1, onlyWork: true, send: send(by) })
      const host = world.engine()
      try {
        for (const id of names('d', 300)) await host.schedule(world.put(0, id))
        await world.until('both processes', () => busy.size === 2)
      } finally {
        release()
      }
      await world.until('all of them', () => world.taken.length === 300, 4 * world.lateMs)
    },
  },
  {
    name: 'share: what had to wait for another to end follows it, whichever process has which',
    shared: true,
    async run(world) {
      const ends = new Map<string, () => void>()
      const send = ([id = '']: readonly string[]): Promise<void> =>
        new Promise((resolve) => {
          if (id.startsWith('second')) resolve()
          else ends.set(id, resolve)
        })
      const host = world.engine()
      for (let process = 0; process < 2; process++) await world.begin(world.engine(), { send })
      for (let round = 0; round < 6; round++) {
        const [first, second] = [`first${round}`, `second${round}`]
        await host.schedule(world.put(0, first))
        await world.until(first, () => ends.has(first))
        await host.schedule(world.putBehind(first, second))
        // soon in one round, late in the next
        await world.pass(round % 2 === 0 ? 50 : 400)
        ends.get(first)?.()
        await world.until(second, () => world.takenIds().includes(second))
      }
    },
  },
]
