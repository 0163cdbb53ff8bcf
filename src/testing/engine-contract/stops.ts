import assert from 'node:assert/strict'
import { type Case, names } from './world.ts'

export const stopCases: readonly Case[] = [
  {
    name: 'stop: waits for what is under way, and calls nothing after it',
    async run(world) {
      const engine = world.engine()
      let release = (): void => {}
      const held = new Promise<void>((resolve) => {
        release = resolve
      })
      const process = await world.begin(engine, { onlyWork: true, send: () => held })
      await engine.schedule(world.put(0, 'a'))
      await world.until('the delivery', () => world.taken.length === 1)
      let stopped = false
      const stopping = engine.stop().then(() => {
        stopped = true
      })
      await world.pass(100)
      assert.equal(stopped, false, 'stop did not wait')
      release()
      await world.inTime('stop', stopping)
      assert.equal(process.running, 0)
      const calls = process.calls
      world.put(0, 'b')
      await world.inTime('schedule', engine.schedule([{ deliveryId: 'b', dueAt: world.now() }]))
      await world.pass(300)
      assert.equal(process.calls, calls, 'the handler was called after stop')
      assert.deepEqual(world.takenIds(), ['a'])
    },
  },
  {
    name: 'stop: before start, and twice',
    async run(world) {
      const never = world.engine()
      await world.inTime('stop', never.stop())
      await world.inTime('stop again', never.stop())
      const scheduled = world.engine()
      await scheduled.schedule(world.put(60_000, 'a'))
      await world.inTime('stop', scheduled.stop())
      const started = world.engine()
      await world.begin(started)
      await world.inTime('stop', Promise.all([started.stop(), started.stop()]))
    },
  },
  {
    name: 'stop: with much scheduled for later, at once',
    async run(world) {
      const engine = world.engine()
      await world.begin(engine)
      await engine.schedule(world.put(3_000_000, ...names('d', 500)))
      await world.inTime('stop', engine.stop(), 4 * world.lateMs)
      assert.deepEqual(world.taken, [])
    },
  },
  {
    name: 'stop: what the rest of the shutdown schedules reaches another process',
    shared: true,
    async run(world) {
      const leaving = world.engine()
      await world.begin(leaving)
      let end = (): void => {}
      const last = new Promise<void>((resolve) => {
        end = resolve
      })
      let stopped = false
      const stopping = leaving.stop(last).then(() => {
        stopped = true
      })
      await world.begin(world.engine())
      await world.pass(300)
      assert.equal(stopped, false, 'stop did not wait for `last`')
      const told = leaving.schedule(world.put(0, 'a'))
      end()
      await world.inTime('stop', Promise.all([told, stopping]))
      await world.until('the delivery', () => world.taken.some(({ id, by }) => id === 'a' && by === 1))
    },
  },
  {
    name: 'stop: `last` that fails is no failure of it',
    async run(world) {
      const engine = world.engine()
      await world.begin(engine)
      const last = Promise.reject(new Error('of somebody else'))
      last.catch(() => {})
      await world.inTime('stop', engine.stop(last))
    },
  },
]
