import { defineCatalog } from '../../catalog/define.ts'
import type { Catalog, EventSummary } from '../../contracts/catalog.ts'
import { checkOptions } from '../../errors.ts'
import type {
  GhostCmsCategories,
  GhostCmsCategory,
  GhostCmsDefinition,
  GhostCmsEvent,
  GhostCmsEventType,
  GhostCmsSchema,
} from './events.ts'
import { schemas } from './schemas.ts'
import { type Summarise, summarising } from './summary.ts'

export interface GhostCmsCatalogOptions {
  /**
   * Absolute http or https URL: where events lead that name no URL of their own (deletions, members, the site).
   * @default Ghost's documentation of webhooks
   */
  readonly siteUrl?: string
}

/**
 * The catalog of Ghost CMS: 29 events in five categories.
 * @throws SignalboxError `invalid_input` when `siteUrl` is no absolute http or https URL.
 */
export function ghostCmsCatalogFor(options: GhostCmsCatalogOptions): Catalog<GhostCmsEvent, GhostCmsCategory> {
  checkOptions(options, ['siteUrl'] satisfies (keyof GhostCmsCatalogOptions)[])
  return defineCatalog({ categories: categoriesOf(summarising(options.siteUrl)) })
}

/** To extend: `defineCatalog({ categories: { ...ghostCms.categories, … } })`. */
export const ghostCmsCategories: GhostCmsCategories = categoriesOf(summarising(undefined))

/** The catalog of Ghost CMS with the defaults. */
export const ghostCmsCatalog: Catalog<GhostCmsEvent, GhostCmsCategory> = defineCatalog({
  categories: ghostCmsCategories,
})

/** The 29 events, in the order of the catalog. */
export const ghostCmsEvents: readonly GhostCmsEventType[] = Object.freeze(
  Object.values(ghostCmsCatalog.categories).flatMap(({ events }) => Object.keys(events) as GhostCmsEventType[]),
)

/** The category that an event belongs to. */
export function categoryOf(event: GhostCmsEventType): GhostCmsCategory {
  return event.slice(0, event.indexOf('.')) as GhostCmsCategory
}

function categoriesOf(summarise: Summarise): GhostCmsCategories {
  const event = <M extends object>(
    label: string,
    description: string,
    metadata: GhostCmsSchema<M>,
  ): GhostCmsDefinition<M> => ({ label, description, metadata, summary: (change) => summarise(label, change) })
  const siteChanged = {
    label: 'Site changed',
    description: 'Anything in the content or the settings changed: rebuild, drop caches',
    summary: (): EventSummary => summarise('Site changed', {}),
  }
  const { added, edited, deleted, tagged } = schemas.post
  const { tag, member } = schemas
  return {
    site: { label: 'Site', description: 'The catch-all', events: { 'site.changed': siteChanged } },
    post: {
      label: 'Posts',
      description: 'Writing, publishing, scheduling and tagging posts',
      events: {
        'post.added': event('Post added', 'A post was created, whatever its status', added),
        'post.deleted': event('Post deleted', 'A post was deleted for good', deleted),
        'post.edited': event('Post edited', 'A post was edited', edited),
        'post.published': event('Post published', 'A post moved to published', edited),
        'post.published.edited': event('Published post edited', 'A post was edited and stays published', edited),
        'post.unpublished': event('Post unpublished', 'A post went from published back to draft', edited),
        'post.scheduled': event('Post scheduled', 'A post was given a date to be published at', edited),
        'post.unscheduled': event('Post unscheduled', 'The date of a scheduled post was removed', edited),
        'post.rescheduled': event('Post rescheduled', 'The date of a scheduled post was changed', edited),
        'post.tag.attached': event('Tag attached to post', 'A tag was attached to a post', tagged),
        'post.tag.detached': event('Tag detached from post', 'A tag was detached from a post', tagged),
      },
    },
    page: {
      label: 'Pages',
      description: 'Writing, publishing, scheduling and tagging pages',
      events: {
        'page.added': event('Page added', 'A page was created, whatever its status', added),
        'page.deleted': event('Page deleted', 'A page was deleted for good', deleted),
        'page.edited': event('Page edited', 'A page was edited', edited),
        'page.published': event('Page published', 'A page moved to published', edited),
        'page.published.edited': event('Published page edited', 'A page was edited and stays published', edited),
        'page.unpublished': event('Page unpublished', 'A page went from published back to draft', edited),
        'page.scheduled': event('Page scheduled', 'A page was given a date to be published at', edited),
        'page.unscheduled': event('Page unscheduled', 'The date of a scheduled page was removed', edited),
        'page.rescheduled': event('Page rescheduled', 'The date of a scheduled page was changed', edited),
        'page.tag.attached': event('Tag attached to page', 'A tag was attached to a page', tagged),
        'page.tag.detached': event('Tag detached from page', 'A tag was detached from a page', tagged),
      },
    },
    tag: {
      label: 'Tags',
      description: 'The tags of the site',
      events: {
        'tag.added': event('Tag added', 'A tag was created', tag.added),
        'tag.edited': event('Tag edited', 'A tag was edited', tag.edited),
        'tag.deleted': event('Tag deleted', 'A tag was deleted for good', tag.deleted),
      },
    },
    member: {
      label: 'Members',
      description: 'The people who signed up',
      events: {
        'member.added': event('Member added', 'A member signed up or was created', member.added),
        'member.edited': event('Member edited', 'A member was edited', member.edited),
        'member.deleted': event('Member deleted', 'A member was deleted for good', member.deleted),
      },
    },
  }
}
