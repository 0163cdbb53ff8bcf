import { describe, expect, it } from 'vitest'
import { allowedHosts } from '../../src/http/allowed-hosts.ts'

const isAllowed = (hosts: readonly string[], url: string): boolean => allowedHosts(hosts)(new URL(url))

describe('the hosts that a URL may be at', () => {
  it.each([
    ['example.com', 'https://example.com/x', true],
    ['example.com', 'https://EXAMPLE.com:443/x', true],
    ['example.com', 'https://example.com:8443/x', false],
    ['example.com', 'https://a.example.com/x', false],
    ['example.com', 'https://example.com./x', false],
    ['example.com:8443', 'https://example.com:8443/x', true],
    ['127.0.0.1:8080', 'http://127.0.0.1:8080/x', true],
    ['[::1]:8080', 'http://[::1]:8080/x', true],
    ['*.example.com', 'https://a.example.com/x', true],
    ['*.example.com', 'https://a.b.example.com/x', true],
    ['*.example.com', 'https://a.example.com:8443/x', false],
    ['*.example.com', 'https://example.com/x', false],
    ['*.example.com', 'https://evilexample.com/x', false],
    ['*.example.com', 'https://example.com.evil.test/x', false],
    ['*.example.com', 'https://evil.test/.example.com', false],
    ['*.example.com', 'https://a.example.com@evil.test/', false],
  ])('%s and %s: %s', (host, url, expected) => {
    expect(isAllowed([host], url)).toBe(expected)
    expect(isAllowed(['other.test', host], url)).toBe(expected)
  })

  it.each([
    [[], 'hosts'],
    ['example.com', 'hosts'],
    [['https://example.com'], 'hosts[0]'],
    [['example.com', 'example.com/x'], 'hosts[1]'],
    [['*'], 'hosts[0]'],
    [['*.'], 'hosts[0]'],
    [['a.*.com'], 'hosts[0]'],
    [['*example.com'], 'hosts[0]'],
    [['.example.com'], 'hosts[0]'],
    [[''], 'hosts[0]'],
    [[5], 'hosts[0]'],
  ])('refuses the list %j', (hosts, field) => {
    expect(() => allowedHosts(hosts as never)).toThrow(expect.objectContaining({ code: 'invalid_input', field }))
  })
})
