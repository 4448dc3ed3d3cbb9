import type { MaskTreatment } from '../../config/mask'

/**
 * A value together with what is to be done with it, put into the changes of an entity by its own mask: the key of hashes
 * is known only where the event is built. It overrides all rules of the settings.
 */
export class Hidden {
  readonly #value: unknown
  readonly treatment: MaskTreatment

  constructor(value: unknown, treatment: MaskTreatment) {
    this.#value = value
    this.treatment = treatment
  }

  get value(): unknown {
    return this.#value
  }

  /** Unlike `instanceof` this asks the object nothing: a revoked proxy would throw. */
  static is(value: unknown): value is Hidden {
    return typeof value === 'object' && value !== null && #value in value
  }
}

/** An object's members, some of them hidden. */
export interface MaskedMembers {
  members: Record<string, unknown>
  /** By their paths in the object: `password`, `card.number`. */
  masked: string[]
  secrets: string[]
}
