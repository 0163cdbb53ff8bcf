import type { Redis } from 'ioredis'
import type { KeyValue, KeyValueEntry } from '../../../src/stores/key-value.ts'

/** Entries in a hash, their keys in a sorted set beside it. A script is atomic. */
const LIST = `
local keys = redis.call('ZRANGEBYLEX', KEYS[2], ARGV[1], ARGV[2], 'LIMIT', 0, ARGV[3])
if #keys == 0 then return {{}, {}} end
return {keys, redis.call('HMGET', KEYS[1], unpack(keys))}`

const COMMIT = `
local checks = tonumber(ARGV[1])
for n = 2, checks * 2, 2 do
  local entry = redis.call('HGET', KEYS[1], ARGV[n])
  local version = entry and string.match(entry, '^%d+') or ''
  if version ~= ARGV[n + 1] then return 0 end
end
local version = redis.call('INCR', KEYS[3])
for n = checks * 2 + 2, #ARGV, 2 do
  local value = ARGV[n + 1]
  if value == '' then
    redis.call('HDEL', KEYS[1], ARGV[n])
    redis.call('ZREM', KEYS[2], ARGV[n])
  else
    redis.call('HSET', KEYS[1], ARGV[n], version .. ':' .. value)
    redis.call('ZADD', KEYS[2], 0, ARGV[n])
  end
end
return 1`

/** A database in Redis: what it takes there to be one for `keyValueStore`. */
export function redisKv(client: Redis, prefix: string): KeyValue {
  const names = [`${prefix}:entries`, `${prefix}:keys`, `${prefix}:version`] as const
  const entryOf = (key: string, stored: string): KeyValueEntry => {
    const colon = stored.indexOf(':')
    return { key, value: stored.slice(colon + 1), version: stored.slice(0, colon) }
  }
  return {
    async get(key) {
      const stored = await client.hget(names[0], key)
      return stored === null ? undefined : entryOf(key, stored)
    },
    async list(prefix, after, limit) {
      const from = after >= prefix && after !== '' ? `(${after}` : `[${prefix}`
      const answer = await client.eval(LIST, 2, names[0], names[1], from, `[${prefix}\u{10ffff}`, limit)
      const [keys, values] = answer as [string[], string[]]
      return keys.map((key, n) => entryOf(key, values[n] ?? ''))
    },
    async commit(checks, writes) {
      const pairs = [
        ...[...checks].map(([key, version]) => [key, version === undefined ? '' : String(version)]),
        ...[...writes].map(([key, value]) => [key, value ?? '']),
      ]
      return (await client.eval(COMMIT, 3, ...names, checks.size, ...pairs.flat())) === 1
    },
  }
}
