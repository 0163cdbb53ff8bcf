import { badBody, incomplete, tooLarge } from './errors.ts'

/** Reads the body of a Fetch `Request`, and stops where it is too large. @throws ReceiveError */
export async function readFetchBody(request: Request, maxBodyBytes: number): Promise<Uint8Array> {
  if (request.bodyUsed) {
    throw badBody(500, 'was read already: hand the request over first, or a clone of it')
  }
  if (Number(request.headers.get('content-length')) > maxBodyBytes) throw tooLarge(maxBodyBytes)
  const chunks: Uint8Array[] = []
  let size = 0
  const reader = request.body?.getReader()
  if (reader === undefined) return new Uint8Array()
  for (;;) {
    const { done, value } = await next(reader)
    if (done) break
    size += value.byteLength
    if (size > maxBodyBytes) {
      reader.cancel().catch(() => {})
      throw tooLarge(maxBodyBytes)
    }
    chunks.push(value)
  }
  return Buffer.concat(chunks, size)
}

async function next(reader: ReadableStreamDefaultReader<Uint8Array>): ReturnType<typeof reader.read> {
  try {
    return await reader.read()
  } catch {
    throw incomplete()
  }
}
