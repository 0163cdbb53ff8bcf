import { isDeepStrictEqual } from 'node:util'
import type { GhostCmsTag, NoFields, OpenFields } from './resources.ts'

/** What Ghost derives from other fields, or keeps beside them: it never tells how they were. */
const DERIVED: ReadonlySet<string> = new Set([
  'count',
  'email_segment',
  'excerpt',
  'post_revisions',
  'primary_author',
  'primary_tag',
  'reading_time',
  'url',
])

/** The fields that changed, as they were. */
export type GhostCmsChanged<B> = { readonly [F in keyof B]?: B[F] | null }

/**
 * The changed fields of `before`, as they were: `null` where a field is new. Ghost tells nothing of what it derives
 * (`url`, `excerpt`, `reading_time`, `primary_tag` …), nor do these; of related records (`authors`, `tags`, `tiers` …)
 * only which ones they are counts, not what is written in them. In the order of `before`; new ones, and then
 * `updated_at`, last. Pure.
 */
function changedFields<B extends object>(before: B, after: object): GhostCmsChanged<B> {
  const [then, now] = [new Map(Object.entries(before)), new Map(Object.entries(after))]
  const changed = [...new Set([...then.keys(), ...now.keys()])].filter(
    (field) => !DERIVED.has(field) && !isDeepStrictEqual(comparable(then.get(field)), comparable(now.get(field))),
  )
  const ordered = changed.filter((field) => field !== 'updated_at')
  if (ordered.length < changed.length) ordered.push('updated_at')
  // The keys are those of `before`, and of `after` where they are new.
  return Object.fromEntries(ordered.map((field) => [field, then.get(field) ?? null])) as GhostCmsChanged<B>
}

/** A field that is not there has no value, as one that is `null`. */
function comparable(value: unknown): unknown {
  return isRecords(value) ? value.map(({ id }) => id) : (value ?? null)
}

function isRecords(value: unknown): value is { readonly id: unknown }[] {
  const isRecord = (item: unknown) => typeof item === 'object' && item !== null && 'id' in item
  return Array.isArray(value) && value.length > 0 && value.every(isRecord)
}

/** Metadata of the events of Ghost CMS, in the shape that it sends. */
export interface GhostCmsChange {
  /** `*.added`: nothing came before. */
  added<R extends object>(current: R): { readonly current: R; readonly previous: NoFields }
  /**
   * Every event of what was there before and still is: `*.edited`, `post.published`, `post.scheduled` …
   * `previous` holds the changed fields only.
   */
  edited<B extends object, R extends object>(
    before: B,
    after: R,
  ): { readonly current: R; readonly previous: GhostCmsChanged<B> }
  /** `*.deleted`: the data are in `previous`. */
  deleted<R extends object>(before: R): { readonly current: NoFields; readonly previous: R }
  /** `*.tag.attached`, `*.tag.detached`: the post or page, and the tags that it had. */
  tagged<R extends object>(
    before: { readonly tags?: readonly OpenFields<GhostCmsTag>[] },
    after: R,
  ): { readonly current: R; readonly previous: { readonly tags: readonly OpenFields<GhostCmsTag>[] } }
  /** What `edited` gives as `previous`. */
  previous<B extends object>(before: B, after: object): GhostCmsChanged<B>
}

export const change: GhostCmsChange = {
  added: (current) => ({ current, previous: {} }),
  edited: (before, after) => ({ current: after, previous: changedFields(before, after) }),
  deleted: (before) => ({ current: {}, previous: before }),
  tagged: (before, after) => ({ current: after, previous: { tags: before.tags ?? [] } }),
  previous: changedFields,
}
