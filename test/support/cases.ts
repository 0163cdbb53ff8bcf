import { it } from 'vitest'

/** A case of one of the exported contracts. */
export interface ContractCase {
  readonly name: string
  readonly skip?: string
  run(): Promise<void>
}

/** Each case as a test; why one is skipped is printed. `reason`: why one is, beside what the case says itself. */
export function testEach(
  cases: readonly ContractCase[],
  options: { readonly timeoutMs?: number; readonly reason?: (name: string) => string | undefined } = {},
): void {
  for (const { name, skip = options.reason?.(name), run } of cases) {
    if (skip === undefined) it(name, run, options.timeoutMs)
    else {
      console.info(`skipped: ${name}: ${skip}`)
      it.skip(`${name} (${skip})`)
    }
  }
}
