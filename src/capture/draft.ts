import type { DataSource, EntityMetadata } from 'typeorm'
import { maskChanges, type RawChanges } from '../event/mask'
import { put } from '../event/put'
import type { Observation } from '../recorder'
import type { Changed } from './changes'
import type { Decoration, ObjectAction } from './decoration'
import { describeEntity } from './instance'
import { masksOf, secretsOf } from './masked'
import { hasName, nameOf } from './name'
import { namesOf } from './properties'

/** All that is known of one write to one entity, before its decoration has its say. */
export interface Draft {
  action: ObjectAction
  metadata: EntityMetadata
  decoration: Decoration
  pk?: string | undefined
  changed: Changed
  content?: Record<string, unknown> | undefined
  /** The entity that the event is called after; asked only when it is needed. */
  named?: (() => object) | undefined
}

/** The observation of a write; undefined when, after the decoration's filters, nothing was changed. */
export function observationOf(
  draft: Draft,
  dataSource: DataSource,
  date: Date,
  onUnreadable: (problem: unknown) => void,
): Observation | undefined {
  const { action, metadata, decoration, pk, content } = draft
  const { gaps } = draft.changed
  const { changes } = draft.changed
  const { only, except } = decoration
  const all = only === undefined && except.length === 0
  const shows = (name: string) => all || isShown(decoration, namesOf(metadata, name))
  const found = changes.size + gaps.names.length
  gaps.keep(shows)
  const shown = all ? [...changes.keys()] : [...changes.keys()].filter(shows)
  const missing = gaps.names
  const left = shown.length + missing.length
  if (action === 'OBJ_UPDATE' && left === 0 && (found > 0 || gaps.reason === undefined)) return undefined

  const raw: RawChanges = {}
  for (const name of shown) put(raw, name, changes.get(name) ?? {})
  const mask = masksOf(metadata, decoration)
  const { maskModes } = decoration
  const hidden = mask.length === 0 && maskModes === undefined ? undefined : maskChanges(raw, mask, maskModes)
  const named = draft.named !== undefined && hasName(metadata, decoration) ? draft.named() : undefined
  const secrets = named === undefined ? hidden?.secrets : [...(hidden?.secrets ?? []), ...secretsOf(named, mask)]
  return {
    action,
    date,
    instance: describeEntity(metadata, dataSource, {
      pk,
      name: named && nameOf(named, decoration, onUnreadable),
      fields: missing.length === 0 ? shown : [...new Set([...shown, ...missing])],
      date,
    }),
    ...(shown.length > 0 && { changes: hidden?.changes ?? raw }),
    ...(content !== undefined && { content }),
    coverageReason: gaps.reason,
    ...(hidden !== undefined && { masked: hidden.masked }),
    ...(secrets !== undefined && secrets.length > 0 && { secrets }),
  }
}

function isShown({ only, except }: Decoration, names: readonly string[]): boolean {
  const listed = (list: readonly string[]) =>
    list.some((one) => names.some((name) => name === one || name.startsWith(`${one}.`)))
  return only === undefined ? !listed(except) : listed(only)
}
