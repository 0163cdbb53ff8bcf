/** Seals what must not be readable in the store. */
export interface Encryption {
  /** Names the key that `seal` uses now. */
  readonly keyId: string
  /** `aad` binds the result to its place: organisation, record, field. */
  seal(plaintext: string, aad: string): string | Promise<string>
  /** @throws when the key is unknown, the text was tampered with, or the place is another one. Never with the text in the message. */
  open(sealed: string, aad: string): string | Promise<string>
  /** Which key sealed this text; for rotation. */
  keyIdOf(sealed: string): string
}
