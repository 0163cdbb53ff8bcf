import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** Bytes of what is still referred to, in JavaScript's heap and beside it. Collects garbage first. */
export async function heapBytes(): Promise<number> {
  for (let pass = 0; pass < 3; pass++) {
    // what the last turn of the event loop held is let go in the next
    await new Promise(setImmediate)
    collect()
  }
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}
