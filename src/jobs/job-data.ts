/** What a job carries. Other versions read it too: fields are only added. */
export interface JobData {
  readonly deliveryIds: readonly string[]
  /** Epoch ms. */
  readonly dueAt: number
}

export function toData(deliveryIds: readonly string[], dueAt: number): JobData {
  return { deliveryIds, dueAt }
}

/** Read from a queue that others may write to: what is not understood wakes, and names no delivery. */
export function idsOf(data: unknown): readonly string[] {
  if (typeof data !== 'object' || data === null || !('deliveryIds' in data)) return []
  const { deliveryIds } = data
  return Array.isArray(deliveryIds) ? deliveryIds.filter((id) => typeof id === 'string' && id !== '') : []
}
