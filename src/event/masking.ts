import type { ParsedMaskRule } from '../../config/mask'
import type { MaskedMembers } from './hidden'
import { NameRules, type NameVerdict } from './mask-names'
import { type PathState, rootOf } from './mask-path'
import { TextScan } from './mask-scan'
import { plainName } from './secret-key'
import { DEFAULT_TREATMENT, type Treatment } from './treatment'

/**
 * The members of an entity with its own mask, or undefined when it has none.
 *
 * @param form what is read in its place, when it has a `toJSON`
 */
export type MaskEntity = (entity: object, form: object) => MaskedMembers | undefined

/** What masking is told of the settings. */
export interface MaskingOptions {
  mask?: readonly ParsedMaskRule[] | undefined
  maskKey?: string | undefined
  maskEntity?: MaskEntity | undefined
}

/** The keys of rows: an event could not be told whose it is, so only a rule that names the very path masks one. */
const KEYS = ['user.pk', 'user.impersonator.pk', 'instance.pk']

/** The rules of one logger, made ready once. */
export class Masking {
  /** Above the fields of the event; undefined when no rule has a path. */
  readonly root: PathState | undefined
  /** Of keyed hashes. */
  readonly key: string | undefined
  readonly texts: TextScan
  /** What is done with card numbers; undefined when they are left. */
  readonly cards: Treatment | undefined
  readonly maskEntity: MaskEntity | undefined
  readonly #names: NameRules
  readonly #keys = new Map<string, Treatment>()

  constructor({ mask = [], maskKey, maskEntity }: MaskingOptions = {}) {
    const rules = mask.map((rule, order) => ({ rule, treatment: { mode: rule.mode, keep: rule.keep, order } }))
    const cards = rules.findLast(({ rule }) => rule.value === 'card-number')?.treatment ?? DEFAULT_TREATMENT
    this.cards = cards.mode === 'allow' ? undefined : cards
    this.#names = new NameRules(mask, this.cards !== undefined)
    this.root = rootOf(
      rules.flatMap(({ rule: { path }, treatment }) => (path === undefined ? [] : [{ path, treatment }])),
    )
    this.key = maskKey
    this.maskEntity = maskEntity
    for (const { rule, treatment } of rules) {
      const path = rule.path?.map(plainName).join('.') ?? ''
      if (KEYS.includes(path)) this.#keys.set(path, treatment)
    }
    this.texts = new TextScan({
      treatmentOf: (name) => this.#names.of(name).treatment,
      key: maskKey,
      cards: this.cards,
    })
  }

  /** What a name says. */
  name(name: string): NameVerdict {
    return this.#names.of(name)
  }

  /** What a rule says of the key at this very path. */
  ofKey(path: string): Treatment | undefined {
    return this.#keys.get(path)
  }

  /** The place of a field of the event. */
  at(...steps: readonly string[]): PathState | undefined {
    return steps.reduce<PathState | undefined>((state, step) => state?.step(step), this.root)
  }
}

/** Without any settings: the defaults. */
export const DEFAULT_MASKING = new Masking()
