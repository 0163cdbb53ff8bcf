/** What a host writes into the handler of a queue: stringify, sign, and a request by the client that it likes. */
import { createHmac, createSecretKey } from 'node:crypto'
import { Pool } from 'undici'
import { importPeer } from '../peers.ts'
import { type BenchEvent, bodyOf, SECRET } from './event.ts'

export type ClientName = 'undici' | 'fetch' | 'axios'

export interface Client {
  send(event: BenchEvent): Promise<void>
  close(): Promise<void>
}

export const PATH = '/counted'

/** `connections`: sockets at most, where the client takes a number. */
export async function openClient(name: ClientName, origin: string, connections: number): Promise<Client> {
  const key = createSecretKey(SECRET, 'utf8')
  const post = await openPost(name, origin, connections)
  return {
    async send(event) {
      const body = bodyOf(event)
      const status = await post.request(body, {
        'content-type': 'application/json',
        'x-ghost-signature': createHmac('sha256', key).update(body).digest('hex'),
        'x-ghost-timestamp': String(Math.floor(Date.now() / 1000)),
      })
      if (status !== 200) throw new Error(`${name}: HTTP ${status}`)
    },
    close: post.close,
  }
}

interface Post {
  /** Answers the status, once the body was read. */
  request(body: string, headers: Record<string, string>): Promise<number>
  close(): Promise<void>
}

async function openPost(name: ClientName, origin: string, connections: number): Promise<Post> {
  const url = `${origin}${PATH}`
  const close = async (): Promise<void> => {}
  if (name === 'axios') {
    const { default: axios } = await importPeer<Axios>('axios')
    return { request: async (body, headers) => (await axios.post(url, body, { headers })).status, close }
  }
  if (name === 'fetch') {
    const request: Post['request'] = async (body, headers) => {
      const response = await fetch(url, { method: 'POST', headers, body })
      await response.text()
      return response.status
    }
    return { request, close }
  }
  const pool = new Pool(origin, { connections })
  return {
    async request(body, headers) {
      const response = await pool.request({ method: 'POST', path: PATH, headers, body })
      await response.body.text()
      return response.statusCode
    },
    close: () => pool.close(),
  }
}

interface Axios {
  default: {
    post(url: string, body: string, options: { headers: Record<string, string> }): Promise<{ status: number }>
  }
}
