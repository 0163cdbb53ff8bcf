import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { EventDefinition, EventSummary } from '../contracts/catalog.ts'
import { invalidInput, SignalboxError } from '../errors.ts'

const MAX_ISSUES_TOLD = 5

/**
 * Checks an event's metadata with the schema of its definition and answers the schema's output, which is what is
 * stored. Without a schema any object passes, and so does none.
 *
 * @param field how errors name the metadata.
 * @throws SignalboxError `invalid_input`: each issue as `metadata.path: message`, and `field` the path of the first;
 *   also when the schema is asynchronous, throws, or answers something that is no object.
 */
export function parseMetadata(
  definition: Pick<EventDefinition, 'metadata'> | undefined,
  metadata: unknown,
  field = 'metadata',
): object | undefined {
  const schema = definition?.metadata
  if (schema === undefined) {
    if (metadata === undefined || isPlain(metadata)) return metadata
    throw invalidInput(field, 'must be an object')
  }
  const result = validate(schema, metadata, field)
  if (result instanceof Promise) {
    // Nobody awaits it: its rejection must not end the process.
    result.catch(() => {})
    throw invalidInput(field, 'its schema is asynchronous; only synchronous schemas are supported')
  }
  if (result.issues !== undefined) throw reported(result.issues, field)
  if (!isPlain(result.value)) throw invalidInput(field, 'the output of its schema must be an object')
  return result.value
}

/**
 * The title, body and href of an event: those given, the rest from the definition's `summary`.
 *
 * @param event its `metadata` is the schema's output.
 * @throws SignalboxError `invalid_input` naming what is missing, or when `summary` throws or answers no text.
 */
export function applySummary(
  definition: Pick<EventDefinition, 'summary'> | undefined,
  event: {
    readonly type: string
    readonly title?: string | undefined
    readonly body?: string | undefined
    readonly href?: string | undefined
    readonly metadata?: object | undefined
  },
): EventSummary {
  const { title, body, href } = event
  if (title !== undefined && body !== undefined && href !== undefined) return { title, body, href }
  const summary = summarise(definition, event)
  const word = (field: keyof EventSummary): string => {
    const given = event[field] ?? summary?.[field]
    if (typeof given === 'string') return given
    throw invalidInput(
      field,
      summary === undefined ? 'is required' : `the summary of '${event.type}' gives no text for it`,
    )
  }
  return { title: word('title'), body: word('body'), href: word('href') }
}

function summarise(
  definition: Pick<EventDefinition, 'summary'> | undefined,
  event: { readonly type: string; readonly metadata?: object | undefined },
): Partial<EventSummary> | undefined {
  if (definition?.summary === undefined) return undefined
  try {
    return definition.summary(event.metadata) ?? {}
  } catch (cause) {
    throw new SignalboxError('invalid_input', `type: the summary of '${event.type}' threw`, { field: 'type', cause })
  }
}

function validate(schema: StandardSchemaV1<unknown, object>, metadata: unknown, field: string) {
  try {
    return schema['~standard'].validate(metadata)
  } catch (cause) {
    throw new SignalboxError('invalid_input', `${field}: its schema threw`, { field, cause })
  }
}

function reported(issues: readonly StandardSchemaV1.Issue[], field: string): SignalboxError {
  const told = issues.slice(0, MAX_ISSUES_TOLD).map((issue) => ({ path: pathOf(issue, field), message: issue.message }))
  const more = issues.length > told.length ? `; and ${issues.length - told.length} more` : ''
  const text = told.map(({ path, message }) => `${path}: ${message}`).join('; ')
  return new SignalboxError('invalid_input', text === '' ? `${field}: is invalid` : text + more, {
    field: told[0]?.path ?? field,
  })
}

function pathOf(issue: StandardSchemaV1.Issue, field: string): string {
  return (issue.path ?? []).reduce<string>((path, segment) => {
    const key = typeof segment === 'object' ? segment.key : segment
    return typeof key === 'number' ? `${path}[${key}]` : `${path}.${String(key)}`
  }, field)
}

function isPlain(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
