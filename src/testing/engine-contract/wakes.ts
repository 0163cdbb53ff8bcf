import assert from 'node:assert/strict'
import { type Case, names } from './world.ts'

export const wakeCases: readonly Case[] = [
  {
    name: 'start: works off what waited before, although nobody announced it',
    async run(world) {
      world.put(0, 'a', 'b')
      await world.begin(world.engine())
      await world.until('what was due', () => world.taken.length === 2)
    },
  },
  {
    name: 'start: looks again when work says',
    async run(world) {
      world.put(400, 'a')
      world.put(800, 'b')
      await world.begin(world.engine())
      await world.until('the first instant', () => world.takenIds().includes('a'), 400 + world.lateMs)
      await world.until('the second', () => world.takenIds().includes('b'), 400 + world.lateMs)
    },
  },
  {
    name: 'schedule: what is due is worked off at once',
    async run(world) {
      const engine = world.engine()
      await world.begin(engine)
      for (const id of ['a', 'b', 'c']) {
        await engine.schedule(world.put(0, id))
        await world.until(id, () => world.takenIds().includes(id))
      }
    },
  },
  {
    name: 'schedule: what is due later is worked off then, and nobody asks again and again until it is',
    async run(world) {
      const engine = world.engine()
      const process = await world.begin(engine)
      const before = process.calls
      await engine.schedule(world.put(900, 'later'))
      await engine.schedule(world.put(600, 'sooner'))
      await world.pass(400)
      const asked = process.calls - before
      assert.ok(asked <= 3, `${asked} calls while nothing was due`)
      assert.deepEqual(world.taken, [])
      await world.until('the sooner one', () => world.takenIds().includes('sooner'), 200 + world.lateMs)
      await world.until('the later one', () => world.takenIds().includes('later'), 300 + world.lateMs)
    },
  },
  {
    name: 'schedule: many instants, each in its turn',
    async run(world) {
      const engine = world.engine()
      await world.begin(engine)
      const items = names('d', 40).flatMap((id, n) => world.put(200 + ((n * 17) % 40) * 20, id))
      const dueAt = new Map(items.map((item) => [item.deliveryId, item.dueAt]))
      await engine.schedule(items)
      await world.until('all of them', () => world.taken.length === 40, 1000 + world.lateMs)
      for (const { id, at } of world.taken) {
        const late = at - (dueAt.get(id) ?? 0)
        assert.ok(late <= world.lateMs, `${id} was ${late} ms late`)
      }
    },
  },
  {
    name: 'schedule: before start, without waiting for it',
    async run(world) {
      const engine = world.engine()
      await world.inTime('schedule', engine.schedule(world.put(300, 'a')))
      await world.begin(engine)
      await world.until('the delivery', () => world.taken.length === 1, 300 + world.lateMs)
    },
  },
  {
    name: 'schedule: an empty id has somebody look, now and later',
    async run(world) {
      const engine = world.engine()
      await world.begin(engine)
      world.put(0, 'now')
      await engine.schedule([{ deliveryId: '', dueAt: world.now() }])
      await world.until('now', () => world.taken.length === 1)
      world.put(500, 'digest')
      const dueAt = world.now() + 500
      await engine.schedule(names('', 100).map(() => ({ deliveryId: '', dueAt })))
      await world.until('the digest', () => world.taken.length === 2, 500 + world.lateMs)
    },
  },
  {
    name: 'schedule: while a look is under way, one more follows',
    async run(world) {
      const engine = world.engine()
      let release = (): void => {}
      const held = new Promise<void>((resolve) => {
        release = resolve
      })
      await world.begin(engine, { send: (ids) => (ids.includes('first') ? held : undefined) })
      await engine.schedule(world.put(0, 'first'))
      try {
        await world.until('the first', () => world.taken.length === 1)
        await engine.schedule(world.put(0, 'second'))
        await world.until('the second, beside the first', () => world.taken.length === 2)
      } finally {
        release()
      }
    },
  },
  {
    name: 'schedule: a thousand deliveries take no thousand calls',
    async run(world) {
      const engine = world.engine()
      const process = await world.begin(engine)
      const before = process.calls
      for (let part = 0; part < 10; part++) await engine.schedule(world.put(0, ...names(`d${part}_`, 100)))
      await world.until('all of them', () => world.taken.length === 1000, 4 * world.lateMs)
      const calls = process.calls - before
      assert.ok(calls <= 100, `${calls} calls for 1000 deliveries`)
    },
  },
  {
    name: 'schedule: one delivery many times over is a few calls',
    async run(world) {
      const engine = world.engine()
      const process = await world.begin(engine)
      const before = process.calls
      const [item] = world.put(300, 'a')
      assert.ok(item)
      for (let n = 0; n < 200; n++) void engine.schedule([item])
      await world.until('the delivery', () => world.taken.length === 1, 300 + world.lateMs)
      const calls = process.calls - before
      assert.ok(calls <= 20, `${calls} calls for one delivery`)
    },
  },
  {
    name: 'schedule: deliveries that are gone or were never there harm none beside them',
    async run(world) {
      const engine = world.engine()
      await world.begin(engine)
      const gone = names('gone', 50).map((deliveryId) => ({ deliveryId, dueAt: world.now() }))
      await engine.schedule([...gone, ...world.put(0, 'a'), { deliveryId: 'odd \u0000 : "id"', dueAt: world.now() }])
      await world.until('the one that is there', () => world.taken.length === 1)
      await engine.schedule(world.put(0, 'b'))
      await world.until('the next one', () => world.taken.length === 2)
    },
  },
  {
    name: 'schedule: what attempt may not begin, work does when its time has come',
    async run(world) {
      const engine = world.engine()
      await world.begin(engine, { onlyWork: true, perCall: 1 })
      const now = world.put(0, 'a', 'b')
      await engine.schedule([...now, ...world.put(300, 'c')])
      await world.until('all three', () => world.taken.length === 3, 300 + world.lateMs)
    },
  },
  {
    name: 'schedule: what had to wait for another to end follows it',
    async run(world) {
      const engine = world.engine()
      const ends = new Map<string, () => void>()
      const send = ([id = '']: readonly string[]): Promise<void> =>
        new Promise((resolve) => {
          if (id.startsWith('second')) resolve()
          else ends.set(id, resolve)
        })
      await world.begin(engine, { send })
      // one that ends soon, and one that takes its time
      for (const sendMs of [20, 700]) {
        const [first, second] = [`first${sendMs}`, `second${sendMs}`]
        await engine.schedule(world.put(0, first))
        await world.until(first, () => ends.has(first))
        await engine.schedule(world.putBehind(first, second))
        await world.pass(sendMs)
        ends.get(first)?.()
        await world.until(second, () => world.takenIds().includes(second))
      }
    },
  },
]
