/** What is read of a response body where the request does not say; the rest is discarded. */
const MAX_BODY_BYTES = 16_384

/** The beginning of a body. */
export interface BodyStart {
  readonly maxBytes: number
  chunks: Uint8Array[]
  size: number
  truncated: boolean
}

export function bodyStart(maxBytes: number = MAX_BODY_BYTES): BodyStart {
  return { maxBytes, chunks: [], size: 0, truncated: false }
}

/** Answers whether there is room for more. */
export function addChunk(body: BodyStart, chunk: Uint8Array): boolean {
  const room = body.maxBytes - body.size
  if (chunk.byteLength > room) body.truncated = true
  if (room > 0) body.chunks.push(chunk.byteLength > room ? chunk.subarray(0, room) : chunk)
  body.size += Math.min(room, chunk.byteLength)
  return !body.truncated
}

export function bodyText({ chunks, truncated }: BodyStart): string {
  const [first] = chunks
  if (first === undefined) return ''
  const all = chunks.length === 1 ? toBuffer(first) : Buffer.concat(chunks)
  return all.toString('utf8', 0, truncated ? codePointEnd(all, all.length) : all.length)
}

function toBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/** The last end of a UTF-8 code point at or before `end`: bytes of a character that was cut in two are left out. */
export function codePointEnd(bytes: Uint8Array, end: number): number {
  let start = end
  while (start > 0 && end - start < 3 && ((bytes[start - 1] ?? 0) & 0xc0) === 0x80) start -= 1
  const lead = bytes[start - 1] ?? 0
  const length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1
  return start - 1 + length > end ? start - 1 : end
}
