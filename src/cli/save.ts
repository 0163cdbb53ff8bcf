import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** Keeps raw bodies as files of a folder, in the order of their arrival. */
export function createSaver(
  folder: string,
): (at: number, type: string | undefined, raw: Uint8Array) => Promise<string> {
  let number = 0
  return async (at, type = 'webhook', raw) => {
    number += 1
    const time = new Date(at).toISOString().replaceAll(/[-:.]/g, '')
    // The type came from outside: it names no folder.
    const name = `${time}-${String(number).padStart(4, '0')}-${type.replaceAll(/[^\w.-]/g, '_').slice(0, 60)}.body`
    const file = join(folder, name)
    await mkdir(folder, { recursive: true })
    await writeFile(file, raw, { flag: 'wx' })
    return file
  }
}
