import type { Entry } from './entry'
import type { Claim, Rejection } from './sort-rejected'

/**
 * A part of a batch on its way to a known outcome. A batch begins as one portion; each transition (one method of
 * `Course`) turns a portion into none, when what became of its entries is known, or into further ones:
 *
 *     unsent  ── stored ─────────────────────────────▶ known: stored
 *             ── throttled, unreachable, missing ────▶ unsent, after a pause
 *             ── stored in part ─────────────────────▶ rejected, and unknown where times contradict the answer
 *             ── refused ────────────────────────────▶ refused
 *             ── timeout, reset, 5xx, unreadable ────▶ unknown
 *     unknown ── in the stream ──────────────────────▶ known: stored
 *             ── absent ─────────────────────────────▶ unsent, or rejected when that is what CloudWatch had said
 *     rejected── too new ────────────────────────────▶ known: deferred
 *             ── too old, past retention ────────────▶ unsent, with the current time; known: dead when it was that already
 *     refused ── several entries ────────────────────▶ two halves, unsent
 *             ── one entry ──────────────────────────▶ known: dead
 */
export type Portion = Unsent | Unknown | Rejected | Refused

/** Surely not stored. */
export interface Unsent {
  readonly state: 'unsent'
  readonly entries: readonly Entry[]
}

/** May be stored. */
export interface Unknown {
  readonly state: 'unknown'
  readonly entries: readonly Entry[]
  readonly cause: string
  /** By key: what is to be done with those that are absent; the others are sent again. */
  readonly rejections?: ReadonlyMap<string, Rejection>
}

/** Surely not stored, because of their time. */
export interface Rejected {
  readonly state: 'rejected'
  readonly claims: readonly Claim[]
}

/** Surely not stored, because of at least one of them. */
export interface Refused {
  readonly state: 'refused'
  readonly entries: readonly Entry[]
  readonly cause: string
}
