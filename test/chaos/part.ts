/** A part of `npm run chaos`. */
export interface Part {
  /** What `--only` names. */
  readonly name: string
  /** What `--store` names: a part that has one is left out where it names another. */
  readonly store: 'sqlite' | 'postgres'
  run(options: PartOptions): Promise<PartReport>
}

export interface PartOptions {
  readonly kills: number
  readonly seed: number
  /** Tells how far it is. */
  log(line: string): void
}

export interface PartReport {
  /** Figures for people, several lines. */
  readonly text: string
  /** What must not be: empty when every guarantee held. */
  readonly problems: readonly string[]
}
