import { describe, expect, it } from 'vitest'
import { ran, SECRET } from './support.ts'

describe('the command line', () => {
  it('tells its version', async () => {
    expect(await ran(['--version'])).toEqual({ code: 0, out: '1.2.3\n', err: '' })
  })

  it.each([[['--help']], [['help', 'listen']], [['listen', '--help']], [['send', '--help']]])(
    '%j prints help and ends well',
    async (argv) => {
      const { code, out, err } = await ran(argv)
      expect({ code, err }).toEqual({ code: 0, err: '' })
      expect(out).toContain('Usage: signalbox')
    },
  )

  it('says in its help where URLs may lead, and who can see a secret', async () => {
    for (const command of ['listen', 'send']) {
      const { out } = await ran([command, '--help'])
      expect(out).toContain('private networks')
      expect(out).toContain('WEBHOOK_SECRET')
    }
  })

  it.each([
    [[], 'Usage: signalbox'],
    [['lisen'], '(Did you mean listen?)'],
    [['listen', '--prot', '1'], "unknown option '--prot'"],
    [['listen', 'now'], 'too many arguments'],
    [['listen', '--port', '70000'], 'whole number from 0 to 65535'],
    [['listen', '--port', '4e3'], 'whole number'],
    [['listen', '--scheme', 'svix'], 'Allowed choices are standard, ghost, ghost-cms, stripe, github'],
    [['listen', '--forward-to', 'localhost:3000'], 'absolute http: or https: URL'],
    [['listen', '--secret', 'short'], 'secrets[0]'],
    [['listen', '--forward-to', 'http://169.254.169.254/latest'], 'the URL is blocked'],
    [['send', '--secret', SECRET], "required option '--url <url>' not specified"],
    [['send', '--url', 'https://example.com/'], 'needs a secret: --secret or WEBHOOK_SECRET'],
    [['send', '--url', 'ftp://example.com/', '--secret', SECRET], 'absolute http: or https: URL'],
    [['send', '--url', 'http://93.184.216.34/', '--secret', SECRET], 'http: is not allowed there'],
    [['send', '--url', 'https://example.com/', '--secret', 'short'], 'secret'],
    [['send', '--url', 'https://example.com/', '--secret', SECRET, '--count', '0'], 'whole number from 1'],
    [['send', '--url', 'https://example.com/', '--secret', SECRET, '--metadata', '[1]'], 'Must be a JSON object'],
    [['send', '--url', 'https://example.com/', '--secret', SECRET, '--format', 'xml'], 'Allowed choices'],
  ])('%j is a mistake: told on stderr, exit code 2', async (argv, words) => {
    const { code, out, err } = await ran(argv)
    expect({ code, out }).toEqual({ code: 2, out: '' })
    expect(err).toContain(words)
  })

  it.each([
    [['listen', '--secret', 'cA7n4ry']],
    [['listen', '--secrt=cA7n4ry']],
    [['send', '--url', 'https://example.com/', '--secret', 'cA7n4ry']],
  ])('%j is refused without repeating the secret', async (argv) => {
    const { code, out, err } = await ran(argv)
    expect(code).toBe(2)
    expect(out + err).not.toContain('cA7n4ry')
  })
})
