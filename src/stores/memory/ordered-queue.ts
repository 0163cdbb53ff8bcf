/**
 * An item that has one place in a queue, under one key. `seq` breaks ties and never changes. A queue is the only
 * writer of `place`.
 */
export interface Queued {
  readonly seq: number
  /** The key that it is queued under; {@link NOWHERE} where it is not. */
  place: number
}

export const NOWHERE = -1

/**
 * A priority queue for keys that mostly arrive in ascending order: those are appended to a run, in O(1), and only the
 * others go through a heap. Moving or removing an item leaves its old entry behind, to be dropped when it is met.
 */
export interface OrderedQueue<T extends Queued> {
  readonly run: Entries<T>
  /** Index of the first entry of the run that was not taken. */
  head: number
  readonly heap: Entries<T>
  /** Entries left behind, at least. */
  stale: number
}

/** Parallel arrays: no object for an entry. */
interface Entries<T> {
  keys: number[]
  items: (T | undefined)[]
}

export function orderedQueue<T extends Queued>(): OrderedQueue<T> {
  return { run: { keys: [], items: [] }, head: 0, heap: { keys: [], items: [] }, stale: 0 }
}

/** Puts `item` in its place under `key`, wherever it was in this queue before. */
export function place<T extends Queued>(queue: OrderedQueue<T>, item: T, key: number): void {
  if (item.place === key) return
  if (item.place !== NOWHERE) leave(queue, item)
  item.place = key
  const { run } = queue
  const last = run.keys.length - 1
  const lastKey = run.keys[last]
  const lastItem = run.items[last]
  if (lastKey === undefined || lastItem === undefined || isBefore(lastKey, lastItem, key, item)) {
    run.keys.push(key)
    run.items.push(item)
  } else {
    siftUp(queue.heap, key, item)
  }
}

/** Takes `item` out of its place, if it has one. */
export function leave<T extends Queued>(queue: OrderedQueue<T>, item: T): void {
  if (item.place === NOWHERE) return
  item.place = NOWHERE
  queue.stale++
  if (queue.stale > 1000 && queue.stale * 2 > queue.run.keys.length - queue.head + queue.heap.keys.length) tidy(queue)
}

/** The item with the lowest key. */
export function first<T extends Queued>(queue: OrderedQueue<T>): T | undefined {
  const fromRun = firstOfRun(queue)
  const fromHeap = firstOfHeap(queue)
  if (fromHeap === undefined) return fromRun
  if (fromRun === undefined) return fromHeap
  return isBefore(fromRun.place, fromRun, fromHeap.place, fromHeap) ? fromRun : fromHeap
}

/** Removes the item that {@link first} answers. */
export function takeFirst<T extends Queued>(queue: OrderedQueue<T>): T | undefined {
  const item = first(queue)
  if (item === undefined) return undefined
  // its entry is now at the head of the run or of the heap, and is dropped when it is met
  item.place = NOWHERE
  if (queue.run.items[queue.head] === item) dropHead(queue)
  else if (queue.heap.items[0] === item) siftDown(queue.heap)
  return item
}

/** All items, in no particular order. */
export function itemsOf<T extends Queued>(queue: OrderedQueue<T>): readonly T[] {
  const found = new Set<T>()
  collect(queue.run, queue.head, found)
  collect(queue.heap, 0, found)
  return [...found]
}

function collect<T extends Queued>(entries: Entries<T>, from: number, found: Set<T>): void {
  for (let n = from; n < entries.items.length; n++) {
    const item = entries.items[n]
    if (item !== undefined && item.place === entries.keys[n]) found.add(item)
  }
}

function isBefore(keyA: number, a: Queued, keyB: number, b: Queued): boolean {
  return keyA < keyB || (keyA === keyB && a.seq < b.seq)
}

function firstOfRun<T extends Queued>(queue: OrderedQueue<T>): T | undefined {
  const { run } = queue
  while (queue.head < run.items.length) {
    const item = run.items[queue.head]
    if (item !== undefined && item.place === run.keys[queue.head]) return item
    dropHead(queue)
    queue.stale--
  }
  return undefined
}

function firstOfHeap<T extends Queued>(queue: OrderedQueue<T>): T | undefined {
  const { heap } = queue
  while (heap.items.length > 0) {
    const item = heap.items[0]
    if (item !== undefined && item.place === heap.keys[0]) return item
    siftDown(heap)
    queue.stale--
  }
  return undefined
}

function dropHead<T extends Queued>(queue: OrderedQueue<T>): void {
  const { run } = queue
  run.items[queue.head] = undefined
  queue.head++
  if (queue.head === run.items.length) {
    run.keys = []
    run.items = []
    queue.head = 0
  } else if (queue.head > 4096 && queue.head * 2 > run.items.length) {
    run.keys = run.keys.slice(queue.head)
    run.items = run.items.slice(queue.head)
    queue.head = 0
  }
}

/** Drops what was left behind: each entry is moved once for every entry that was left, so this adds O(log n) to a move. */
function tidy<T extends Queued>(queue: OrderedQueue<T>): void {
  const items = [...itemsOf(queue)].sort((a, b) => a.place - b.place || a.seq - b.seq)
  queue.run.keys = items.map((item) => item.place)
  queue.run.items = items
  queue.heap.keys = []
  queue.heap.items = []
  queue.head = 0
  queue.stale = 0
}

function siftUp<T extends Queued>({ keys, items }: Entries<T>, key: number, item: T): void {
  let at = items.length
  while (at > 0) {
    const up = (at - 1) >> 1
    const upKey = keys[up]
    const upItem = items[up]
    if (upKey === undefined || upItem === undefined || isBefore(upKey, upItem, key, item)) break
    keys[at] = upKey
    items[at] = upItem
    at = up
  }
  keys[at] = key
  items[at] = item
}

/** Removes the top of the heap. */
function siftDown<T extends Queued>({ keys, items }: Entries<T>): void {
  const key = keys.pop()
  const item = items.pop()
  if (key === undefined || item === undefined || items.length === 0) return
  let at = 0
  for (;;) {
    let down = at * 2 + 1
    let downKey = keys[down]
    let downItem = items[down]
    if (downKey === undefined || downItem === undefined) break
    const rightKey = keys[down + 1]
    const rightItem = items[down + 1]
    if (rightKey !== undefined && rightItem !== undefined && isBefore(rightKey, rightItem, downKey, downItem)) {
      down++
      downKey = rightKey
      downItem = rightItem
    }
    if (isBefore(key, item, downKey, downItem)) break
    keys[at] = downKey
    items[at] = downItem
    at = down
  }
  keys[at] = key
  items[at] = item
}
