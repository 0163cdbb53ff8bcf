import type { ConnectionRecord } from '../contracts/connection.ts'
import type { AttemptRecord, DeliveryRecord, FailureReason } from '../contracts/delivery.ts'
import type { TestMessage } from '../contracts/message.ts'
import type { Outcome } from '../contracts/outcome.ts'
import { invalidInput, SignalboxError } from '../errors.ts'
import { TEST_BODY, TEST_TITLE } from '../payloads/index.ts'
import { assess } from './assess.ts'
import { permit } from './authorize.ts'
import { checkCall, checkRef } from './check-input.ts'
import type { ConnectionsDeps } from './deps.ts'
import { connectionNotFound } from './errors.ts'
import type { TestCall, TestResult } from './types.ts'

const FIELDS = ['orgId', 'id', 'actor', 'href']

export async function sendTest(deps: ConnectionsDeps, call: TestCall): Promise<TestResult> {
  checkCall(call, FIELDS)
  const ref = checkRef(call)
  await permit(deps.authorize, 'connections.test', call)
  const record = await deps.store.connections.get(ref)
  if (record === undefined) throw connectionNotFound(ref)
  const { problem } = await assess(deps, record)
  // What can't be opened is found out, and recorded, by the attempt itself.
  if (problem !== undefined && problem.code !== 'secret_unreadable') {
    throw new SignalboxError('conflict', `the connection can't be tested yet: ${problem.text}`)
  }
  const message = await testMessage(deps, ref.orgId, call.href)
  const deliveryId = deps.ids('dlv')
  const createdAt = deps.clock.now()
  const { outcome, attempt } = await deps.attempt(record, message, deliveryId)
  const delivery = deliveryOf(record, { id: deliveryId, messageId: message.id, createdAt }, outcome, attempt)
  await deps.store.deliveries.record(delivery, [attempt], {
    deliveryId,
    status: outcome.kind === 'delivered' ? 'delivered' : 'failed',
    at: attempt.startedAt,
    ...(attempt.code === undefined ? {} : { code: attempt.code }),
    ...(attempt.status === undefined ? {} : { httpStatus: attempt.status }),
  })
  return {
    deliveryId,
    ok: outcome.kind === 'delivered',
    outcome: outcome.kind,
    ...(attempt.code === undefined ? {} : { code: attempt.code }),
    ...(attempt.status === undefined ? {} : { status: attempt.status }),
    latencyMs: attempt.durationMs,
    ...(attempt.detail === undefined ? {} : { detail: attempt.detail }),
  }
}

async function testMessage(deps: ConnectionsDeps, orgId: string, given: string | undefined): Promise<TestMessage> {
  const { name, settingsUrl } = await deps.organisation(orgId)
  const href = given ?? settingsUrl
  if (href === undefined) {
    throw invalidInput('href', 'is needed, because the dispatcher has no settingsUrl of the organisation')
  }
  if (typeof href !== 'string' || !/^https?:\/\//i.test(href) || !URL.canParse(href)) {
    throw invalidInput('href', 'must be an absolute http or https URL')
  }
  return {
    kind: 'test',
    id: deps.ids('msg'),
    orgId,
    orgName: name ?? orgId,
    timestamp: deps.clock.now(),
    title: TEST_TITLE,
    body: TEST_BODY,
    href,
  }
}

function deliveryOf(
  record: ConnectionRecord,
  base: Pick<DeliveryRecord, 'id' | 'messageId' | 'createdAt'>,
  outcome: Outcome,
  attempt: AttemptRecord,
): DeliveryRecord {
  return {
    ...base,
    orgId: record.orgId,
    connectionId: record.id,
    kind: 'test',
    status: outcome.kind === 'delivered' ? 'delivered' : 'failed',
    dueAt: base.createdAt,
    finishedAt: attempt.startedAt + attempt.durationMs,
    attempts: 1,
    rounds: 0,
    ...(attempt.code === undefined ? {} : { code: attempt.code }),
    ...(attempt.status === undefined ? {} : { httpStatus: attempt.status }),
    ...(outcome.kind === 'delivered' ? {} : { failure: failureOf(outcome.kind) }),
    ...(outcome.kind === 'delivered' && outcome.receipt ? { receipt: outcome.receipt } : {}),
  }
}

/** A test is never tried again. */
function failureOf(kind: Exclude<Outcome['kind'], 'delivered'>): FailureReason {
  return kind === 'retry' ? 'exhausted' : kind
}
