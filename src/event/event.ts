import type { ActorFields } from '../../config/actor'

import type { EventPart } from './part'

/**
 * The audit event, version 1: one JSON object a line. Absent means unknown.
 * Field names come from django-audit-logger where it has them, so that dashboards carry over.
 */

/** A value that JSON can carry and that nobody else holds a reference to. */
export type JsonValue = null | boolean | number | string | JsonValue[] | { [key: string]: JsonValue }
export type JsonObject = { [key: string]: JsonValue }

export const EVENT_VERSION = 1

/** The actions this package makes itself; `sendLog` takes any other name as well. */
export type Action =
  | 'OBJ_CREATE'
  | 'OBJ_UPDATE'
  | 'OBJ_DELETE'
  | 'OBJ_VIEWED'
  | 'OBJ_FIELDS'
  | 'DATA_EXPORTED'
  | 'SYSTEM_EVENT'
  | 'DB_MIGRATED'
  | 'USER_LOGIN'
  | 'USER_LOGIN_FAILED'
  | 'USER_LOGIN_BLOCKED'
  | 'USER_LOGOUT'
  | 'PASSWORD_CHANGED'
  | 'IMPERSONATION_STARTED'
  | 'IMPERSONATION_ENDED'
  | (string & {})

export type Outcome = 'success' | 'failure'
export type ActorType = NonNullable<ActorFields['type']>
export type EntryPoint = 'http' | 'job' | 'cli' | 'system'

/** Who did it. `organisation` is the string form, `organisation_id` the primary key. */
export interface Actor extends ActorFields {
  /** Who really acts, while the user is another's account that he took on. */
  impersonator?: Impersonator
}

export type Impersonator = Pick<ActorFields, 'pk' | 'type' | 'username'>

/** What it was done to. `pk` is a string; a composite key is canonical JSON. */
export interface Instance {
  model: string
  table?: string
  pk?: string
  name?: string
  fields: string[]
  timestamp: string
}

/** By property name: update `{from, to}`, create `{to}`, delete `{from}`; relations `{added[], removed[]}`. */
export type Change = { from?: JsonValue; to?: JsonValue } | { added?: JsonValue[]; removed?: JsonValue[] }
export type Changes = Record<string, Change>

export interface RequestFields {
  id?: string
  method?: string
  url?: string
  route?: string
  user_agent?: string
  [field: string]: JsonValue | undefined
}

export interface AuditEvent {
  v: typeof EVENT_VERSION
  /** UUIDv7; the key for removing duplicates. */
  id: string
  /** ISO 8601, milliseconds, UTC: when it happened. Also CloudWatch's timestamp. */
  date: string
  action: Action
  outcome?: Outcome
  reason?: string
  user?: Actor
  instance?: Instance
  changes?: Changes
  content?: JsonObject
  request?: RequestFields
  entry_point?: EntryPoint
  /** One id per outermost transaction, n (from 1, without gaps) the position in it. */
  transaction?: { id: string; n: number }
  trace_id?: string
  span_id?: string
  /** Set where a before-image or an id could not be had; `coverage_reason` says why. */
  coverage?: 'partial'
  coverage_reason?: string
  /** Paths whose values were masked. */
  masked?: string[]
  /** Paths whose values were cut. */
  truncated?: string[]
  stack?: string[]
  /**
   * Added on delivery: CloudWatch does not take an event of this `date` any more (older than 14 days, or than the
   * retention of the log group), so its timestamp there is the time at which it was stored.
   */
  late?: { reason: LateReason }
  /** Added on delivery: this document is one part of an event that is larger than CloudWatch takes. */
  part?: EventPart
}

export type LateReason = 'too_old' | 'expired'
