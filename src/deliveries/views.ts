import type { AttemptRecord, DeliveryRecord } from '../contracts/delivery.ts'
import type { AttemptView, DeliveryView } from './types.ts'

export function deliveryView(record: DeliveryRecord): DeliveryView {
  return {
    id: record.id,
    orgId: record.orgId,
    connectionId: record.connectionId,
    kind: record.kind,
    messageId: record.messageId,
    ...(record.eventId === undefined ? {} : { eventId: record.eventId }),
    ...(record.digest === undefined ? {} : { digest: record.digest }),
    status: record.status,
    dueAt: record.dueAt,
    createdAt: record.createdAt,
    ...(record.finishedAt === undefined ? {} : { finishedAt: record.finishedAt }),
    attemptCount: record.attempts,
    ...(record.code === undefined ? {} : { code: record.code }),
    ...(record.httpStatus === undefined ? {} : { httpStatus: record.httpStatus }),
    ...(record.failure === undefined ? {} : { failure: record.failure }),
    ...(record.receipt === undefined ? {} : { receipt: record.receipt }),
  }
}

export function attemptView(record: AttemptRecord): AttemptView {
  const { deliveryId: _delivery, orgId: _org, connectionId: _connection, ...view } = record
  return view
}
