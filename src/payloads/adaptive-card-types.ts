/**
 * A card as Teams takes it. The elements are open, so that a card of your own, e.g. one built with
 * `@microsoft/teams.cards`, has this type too.
 * @see https://adaptivecards.microsoft.com
 */
export interface AnyAdaptiveCard {
  readonly type: 'AdaptiveCard'
  readonly $schema?: string | undefined
  /** `1.5` is the highest that Teams shows. */
  readonly version?: string | undefined
  readonly body?: readonly object[] | undefined
  readonly actions?: readonly object[] | undefined
}

/** What `adaptiveCard` builds: its text is in `RichTextBlock`s, which read no Markdown. */
export interface AdaptiveCard extends AnyAdaptiveCard {
  readonly $schema: string
  readonly version: '1.5'
  readonly body: readonly RichTextBlock[]
  readonly actions?: readonly OpenUrlAction[]
}

export interface RichTextBlock {
  readonly type: 'RichTextBlock'
  readonly inlines: readonly TextRun[]
  readonly spacing?: 'None' | 'Small' | 'Medium'
}

/** Text as it stands: no Markdown, no HTML. */
export interface TextRun {
  readonly type: 'TextRun'
  readonly text: string
  readonly size?: 'Small' | 'Large'
  readonly weight?: 'Bolder'
  readonly color?: 'Warning' | 'Attention'
  readonly isSubtle?: true
  /** Makes the run a link. */
  readonly selectAction?: OpenUrlAction
}

export interface OpenUrlAction {
  readonly type: 'Action.OpenUrl'
  /** On a button; a run that is a link has its own text. */
  readonly title?: string
  readonly url: string
}
