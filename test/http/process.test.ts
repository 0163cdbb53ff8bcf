import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { rawServer } from './support/raw-server.ts'

it.each(['undiciHttp', 'fetchHttp'])('%s lets the process end without being closed', async (name) => {
  const server = await rawServer({
    onRequest: (socket) => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'),
  })
  const module = new URL('../../src/http/index.ts', import.meta.url).href
  const code = `
    import { ${name} } from ${JSON.stringify(module)}
    const http = ${name}({ allow: [{ cidr: '127.0.0.0/8', plainHttp: true }] })
    const url = 'http://127.0.0.1:${server.port}/'
    const { text } = await http.request({ method: 'POST', url, headers: {}, body: 'x', deadlineAt: Date.now() + 600_000 })
    console.log(text)`
  try {
    // Well before the deadline of ten minutes; the timeout is there for a process that hangs.
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', code], {
      timeout: 15_000,
    })
    expect(stdout.trim()).toBe('ok')
  } finally {
    await server.close()
  }
})
