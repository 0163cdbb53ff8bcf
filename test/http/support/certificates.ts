import { createHash, createSign, generateKeyPairSync, type KeyObject } from 'node:crypto'

/** Certificates made on the spot, so that no key lies in the repository. DER by hand: X.690, RFC 5280. */

export interface Certificate {
  readonly cert: string
  readonly key: string
}

export interface Authority extends Certificate {
  issue(leaf: { readonly dns?: string; readonly ip?: string; readonly notAfter?: Date }): Certificate
}

const DAY_MS = 86_400_000

export function certificateAuthority(): Authority {
  const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const name = 'signalbox test authority'
  const cert = certificate({
    subject: name,
    issuer: name,
    publicKey: keys.publicKey,
    signer: keys.privateKey,
    ca: true,
  })
  return {
    cert,
    key: pem(keys.privateKey),
    issue({ dns, ip, notAfter }) {
      const leaf = generateKeyPairSync('ec', { namedCurve: 'P-256' })
      return {
        cert: certificate({
          subject: 'leaf',
          issuer: name,
          publicKey: leaf.publicKey,
          signer: keys.privateKey,
          ...(dns === undefined ? {} : { dns }),
          ...(ip === undefined ? {} : { ip }),
          ...(notAfter === undefined ? {} : { notAfter }),
        }),
        key: pem(leaf.privateKey),
      }
    },
  }
}

interface Contents {
  readonly subject: string
  readonly issuer: string
  readonly publicKey: KeyObject
  readonly signer: KeyObject
  readonly ca?: boolean
  readonly dns?: string
  readonly ip?: string
  readonly notAfter?: Date
}

function certificate(contents: Contents): string {
  const notAfter = contents.notAfter ?? new Date(Date.now() + DAY_MS)
  const notBefore = new Date(Math.min(Date.now(), notAfter.getTime()) - DAY_MS)
  const spki = contents.publicKey.export({ type: 'spki', format: 'der' })
  const serial = createHash('sha256').update(spki).digest().subarray(0, 8)
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40
  const body = sequence(
    tagged(0xa0, integer(Buffer.from([2]))),
    integer(serial),
    ECDSA_SHA256,
    nameOf(contents.issuer),
    sequence(time(notBefore), time(notAfter)),
    nameOf(contents.subject),
    spki,
    tagged(0xa3, sequence(...extensions(contents))),
  )
  const signature = createSign('sha256').update(body).sign(contents.signer)
  const der = sequence(body, ECDSA_SHA256, tagged(0x03, Buffer.concat([Buffer.from([0]), signature])))
  const lines = der.toString('base64').match(/.{1,64}/g) ?? []
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`
}

function extensions({ ca, dns, ip }: Contents): Buffer[] {
  const list: Buffer[] = []
  if (ca === true) {
    const basic = sequence(tagged(0x01, Buffer.from([0xff])))
    list.push(sequence(oid(0x55, 0x1d, 0x13), tagged(0x01, Buffer.from([0xff])), tagged(0x04, basic)))
  }
  const names: Buffer[] = []
  if (dns !== undefined) names.push(tagged(0x82, Buffer.from(dns)))
  if (ip !== undefined) names.push(tagged(0x87, Buffer.from(ip.split('.').map(Number))))
  if (names.length > 0) list.push(sequence(oid(0x55, 0x1d, 0x11), tagged(0x04, sequence(...names))))
  return list
}

function pem(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString()
}

function tagged(tag: number, contents: Buffer): Buffer {
  const { length } = contents
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.from([tag, ...size]), contents])
}

function sequence(...parts: Buffer[]): Buffer {
  return tagged(0x30, Buffer.concat(parts))
}

function integer(bytes: Buffer): Buffer {
  return tagged(0x02, bytes)
}

function oid(...bytes: number[]): Buffer {
  return tagged(0x06, Buffer.from(bytes))
}

function nameOf(common: string): Buffer {
  return sequence(tagged(0x31, sequence(oid(0x55, 0x04, 0x03), tagged(0x0c, Buffer.from(common)))))
}

function time(date: Date): Buffer {
  const digits = date
    .toISOString()
    .replace(/\.\d+/, '')
    .replace(/[^\dZ]/g, '')
  return date.getUTCFullYear() < 2050 ? tagged(0x17, Buffer.from(digits.slice(2))) : tagged(0x18, Buffer.from(digits))
}

const ECDSA_SHA256: Buffer = sequence(oid(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02))
