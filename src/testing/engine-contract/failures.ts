import assert from 'node:assert/strict'
import type { Case } from './world.ts'

/** Looks so often by itself where a case is about that, in ms. */
const SWEEP_MS = 500

export const failureCases: readonly Case[] = [
  {
    name: 'failure: goes on after the store failed',
    sweepMs: SWEEP_MS,
    async run(world) {
      const engine = world.engine()
      let isDown = true
      const process = await world.begin(engine, {
        onCall() {
          if (isDown) throw new Error('the store is down')
        },
      })
      await engine.schedule(world.put(0, 'a', 'b'))
      await world.until('more calls that fail', () => process.calls >= 3, SWEEP_MS * 2 + world.lateMs * 2)
      isDown = false
      await world.until('what was due', () => world.taken.length === 2, SWEEP_MS + world.lateMs)
      await engine.schedule(world.put(0, 'c'))
      await world.until('what became due', () => world.taken.length === 3)
    },
  },
  {
    name: 'sweep: finds what nobody announced',
    sweepMs: SWEEP_MS,
    async run(world) {
      await world.begin(world.engine())
      for (const id of ['a', 'b']) {
        world.put(0, id)
        await world.until(id, () => world.takenIds().includes(id), SWEEP_MS + world.lateMs)
      }
    },
  },
  {
    name: 'sweep: wakes what lost jobs would have woken',
    shared: true,
    sweepMs: SWEEP_MS,
    async run(world) {
      const host = world.engine()
      await host.schedule([...world.put(200, 'sooner'), ...world.put(900, 'later')])
      await world.begin(world.engine())
      await host.schedule(world.put(400, 'announced'))
      await world.lose()
      await world.until('all three', () => world.taken.length === 3, 900 + SWEEP_MS + world.lateMs)
    },
  },
  {
    name: 'failure: after all jobs were lost, the next ones wake as before',
    shared: true,
    async run(world) {
      const engine = world.engine()
      await world.begin(engine)
      await engine.schedule(world.put(0, 'before'))
      await world.until('what was due before', () => world.taken.length === 1)
      await world.lose()
      await engine.schedule(world.put(0, 'now'))
      await world.until('what is due', () => world.takenIds().includes('now'))
      await engine.schedule(world.put(500, 'later'))
      await world.until('what is due later', () => world.taken.length === 3, 500 + world.lateMs)
    },
  },
  {
    name: 'failure: without its queue schedule ends, and sweeps find the work',
    shared: true,
    sweepMs: SWEEP_MS,
    async run(world) {
      const engine = world.engine()
      await world.begin(engine)
      const mend = await world.cut()
      try {
        const told = Promise.resolve(engine.schedule(world.put(0, 'a')))
        // looked at below: until then it is nobody's
        told.catch(() => {})
        await world.until('the delivery', () => world.taken.length === 1, SWEEP_MS + world.lateMs)
        await world.inTime('schedule', told)
        await world.inTime('schedule again', engine.schedule(world.put(0, 'b')))
        await world.until('the next one', () => world.taken.length === 2, SWEEP_MS + world.lateMs)
      } finally {
        await mend()
      }
    },
  },
  {
    name: 'failure: starts without its queue, and is woken by it once it is there',
    shared: true,
    sweepMs: 2000,
    async run(world) {
      const mend = await world.cut()
      try {
        world.put(0, 'waited')
        await world.begin(world.engine())
        await world.until('what was due', () => world.taken.length === 1)
      } finally {
        await mend()
      }
      const host = world.engine()
      const deadline = world.now() + 30_000
      // sweeps are further apart than that: two such in a row were announced
      for (let quick = 0, n = 0; quick < 2; n++) {
        const since = world.now()
        assert.ok(since < deadline, 'the queue wakes nobody')
        await host.schedule(world.put(0, `d${n}`))
        await world.until(`d${n}`, () => world.takenIds().includes(`d${n}`), 2000 + world.lateMs)
        quick = world.now() - since < 1000 ? quick + 1 : 0
      }
    },
  },
  {
    name: 'failure: stops without its queue',
    shared: true,
    async run(world) {
      const engine = world.engine()
      const process = await world.begin(engine)
      await engine.schedule(world.put(0, 'a'))
      await world.until('what was due', () => world.taken.length === 1 && process.running === 0)
      const mend = await world.cut()
      try {
        const told = Promise.resolve(engine.schedule(world.put(60_000, 'b')))
        told.catch(() => {})
        await world.inTime('stop', engine.stop())
        await world.inTime('schedule', told)
      } finally {
        await mend()
      }
    },
  },
]
