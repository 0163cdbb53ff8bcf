import { describe, expect, it } from 'vitest'
import { egressFor } from '../../src/cli/egress.ts'
import { egressGuard } from '../../src/http/index.ts'

/** Whether a request to `url` may be tried, when `typed` is what a person has typed; addresses only, nothing is sent. */
function mayReach(typed: string, url = typed): boolean {
  const guard = egressGuard(egressFor(typed))
  try {
    guard.check(url)
    return true
  } catch {
    return false
  } finally {
    void guard.close()
  }
}

describe('what is typed may lead', () => {
  it.each([
    'http://localhost:3000/in',
    'http://127.0.0.1:3000/in',
    'http://[::1]:3000/in',
    'https://localhost/in',
    'http://api:8080/in',
    'http://receiver.internal/in',
    'http://10.1.2.3:8080/in',
    'http://192.168.0.7/in',
    'http://[fd00::7]/in',
    'https://hooks.example.com/in',
  ])('to %s', (url) => {
    expect(mayReach(url)).toBe(true)
  })

  it.each([
    'http://169.254.169.254/latest/meta-data',
    'https://169.254.169.254/',
    'http://[fe80::1]/',
    'http://0.0.0.0:3000/',
    'http://93.184.216.34/in',
    'https://user:password@localhost/in',
    'https://168.63.129.16/',
  ])('not to %s', (url) => {
    expect(mayReach(url)).toBe(false)
  })

  it('to no other port, and by no other name', () => {
    expect(mayReach('http://127.0.0.1:3000/', 'http://127.0.0.1:6379/')).toBe(false)
    expect(mayReach('http://localhost:3000/', 'http://db:3000/')).toBe(false)
  })
})
