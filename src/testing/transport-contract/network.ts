import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { expectRetry } from './answers.ts'
import { told } from './outcomes.ts'
import { deadOrigin } from './service.ts'
import { type ExchangeCase, failure, type World, within } from './world.ts'

/** Long enough for a request to arrive on a busy machine: no case waits for more than one. */
const DEADLINE_MS = 500
const CLOSE_MS = 2_500

export const networkCases: readonly ExchangeCase[] = [
  {
    name: 'network: a refused connection is tried again, and nothing can have arrived',
    async run(world) {
      const outcome = await world.send(await deadOrigin())
      expectRetry(outcome, 'a refused connection')
      assert.equal(outcome.code, 'connection_refused', `a refused connection is ${told(outcome)}`)
      assert.ok(outcome.ambiguous !== true, 'a refused connection is called ambiguous: nothing was sent')
    },
  },
  {
    name: 'network: a connection that breaks before the answer is tried again, and is ambiguous',
    async run(world) {
      await expectAmbiguous(world, (socket) => socket.resetAndDestroy(), 'a reset connection')
      await expectAmbiguous(world, (socket) => socket.end(), 'a closed connection')
      const start = 'HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nthe beginn'
      await expectAmbiguous(world, (socket) => socket.write(start, () => socket.destroy()), 'a broken answer')
    },
  },
  {
    name: 'network: an answer that is no HTTP is tried again, and is ambiguous',
    run: (world) => expectAmbiguous(world, (socket) => socket.end('SSH-2.0-OpenSSH_9.9\r\n\r\n'), 'an answer of SSH'),
  },
  {
    name: 'network: endless headers end the exchange as a failure',
    async run(world) {
      const service = await world.raw((socket) =>
        flood(socket, 'HTTP/1.1 200 OK\r\n', `x-more: ${'a'.repeat(1000)}\r\n`),
      )
      const outcome = await world.send(service.origin)
      assert.notEqual(outcome.kind, 'delivered', 'an answer that never began counts as delivered')
      await within(CLOSE_MS, service.disconnected, 'the connection is left open')
    },
  },
  {
    name: 'network: of an endless body the beginning is read, and the connection is closed',
    async run(world) {
      const head = 'HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\n'
      const service = await world.raw((socket) => flood(socket, head, 'a'.repeat(65_536)))
      await world.send(service.origin)
      await within(CLOSE_MS, service.disconnected, 'the connection is left open')
    },
  },
  {
    name: 'network: a service that never answers is a timeout by deadlineAt, and the connection is closed',
    run: (world) => expectTimeout(world, () => {}, 'no answer'),
  },
  {
    name: 'network: a service that stops in the middle is a timeout by deadlineAt, and the connection is closed',
    async run(world) {
      const head = 'HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n'
      await Promise.all([
        expectTimeout(world, (socket) => socket.write(head), 'half a head'),
        expectTimeout(world, (socket) => socket.write(`${head}\r\nthe beginn`), 'half a body'),
      ])
    },
  },
  {
    name: 'network: with a signal that was aborted nothing is sent',
    async run(world) {
      const service = await world.service()
      const reason = new Error('the worker stops')
      await expectAborted(world, service.origin, AbortSignal.abort(reason), reason)
      assert.equal(service.requests.length, 0, 'a request was sent after the abort')
    },
  },
  {
    name: 'network: an abort ends the exchange with signal.reason, and closes the connection',
    async run(world) {
      const controller = new AbortController()
      const reason = new Error('the worker stops')
      const service = await world.raw(() => controller.abort(reason))
      await expectAborted(world, service.origin, controller.signal, reason)
      await within(CLOSE_MS, service.disconnected, 'the connection is left open after the abort')
    },
  },
]

async function expectAmbiguous(world: World, onRequest: (socket: Socket) => void, what: string): Promise<void> {
  const service = await world.raw(onRequest)
  const outcome = await world.send(service.origin)
  expectRetry(outcome, what)
  assert.equal(outcome.ambiguous, true, `${what} is not called ambiguous: the message may have arrived`)
  assert.equal(service.arrived(), 1, `after ${what} the transport tried again: that is the dispatcher's to decide`)
}

async function expectTimeout(world: World, onRequest: (socket: Socket) => void, what: string): Promise<void> {
  const service = await world.raw(onRequest)
  const outcome = await world.send(service.origin, { deadlineMs: DEADLINE_MS })
  expectRetry(outcome, what)
  assert.equal(outcome.code, 'timeout', `${what} is ${told(outcome)}, not a timeout`)
  assert.equal(outcome.ambiguous, true, `${what} is not called ambiguous: the message may have arrived`)
  await within(CLOSE_MS, service.disconnected, 'the connection is left open after the deadline')
}

async function expectAborted(world: World, origin: string, signal: AbortSignal, reason: Error): Promise<void> {
  // Both ways: a rejection with `undefined` is one too.
  const ended = world.begin(origin, { signal }).then(
    (outcome) => ({ outcome }),
    (error: unknown) => ({ error }),
  )
  const result = await within(CLOSE_MS, ended, 'the send goes on after the abort')
  if ('outcome' in result)
    throw failure(`an aborted send rejects with signal.reason; this one answered ${told(result.outcome)}`)
  if (result.error !== reason)
    throw failure('an aborted send rejects with another error than signal.reason', result.error)
}

/** Writes without end, as fast as it is read. */
function flood(socket: Socket, head: string, part: string): void {
  const more = (): void => {
    while (socket.writable && socket.write(part));
  }
  socket.on('drain', more)
  socket.write(head)
  more()
}
