import { AuditError } from '../../config/errors'
import { type DecoratedMask, MASK_ACCEPTED, type MaskOption, maskOption } from './mask-option'

/** The actions that capture makes of changes to entities. */
export const OBJECT_ACTIONS = ['OBJ_CREATE', 'OBJ_UPDATE', 'OBJ_DELETE'] as const
export type ObjectAction = (typeof OBJECT_ACTIONS)[number]

const SHORT_ACTIONS = { create: 'OBJ_CREATE', update: 'OBJ_UPDATE', delete: 'OBJ_DELETE' } as const
const OPTIONS = ['actions', 'only', 'except', 'mask', 'label'] as const

/** What `@AuditUpdateDelete` takes. Properties are named as in the entity: `total`, `customer`, `address.city`. */
export interface AuditOptions<Entity = never> {
  /** Which changes are logged; all unless given. */
  actions?: readonly (ObjectAction | keyof typeof SHORT_ACTIONS)[]
  /** Only changes of these properties are logged. */
  only?: readonly string[]
  /** Changes of these properties are not logged; an update of nothing else yields no event. */
  except?: readonly string[]
  /** Changes of these properties are logged without their values: a list, or `{ iban: 'hash', card: 'partial' }`. */
  mask?: MaskOption
  /** What `instance.name` is: a property, or a function of the entity. The entity's own `toString` unless given. */
  label?: string | ((entity: Entity) => string | null | undefined)
}

/** The options, checked. */
export interface Decoration extends DecoratedMask {
  readonly actions: readonly ObjectAction[]
  readonly only?: readonly string[]
  readonly except: readonly string[]
  readonly label?: string | ((entity: never) => unknown)
}

/** What holds for an entity that is logged without being decorated. */
export const PLAIN: Decoration = Object.freeze({ actions: OBJECT_ACTIONS, except: [], mask: [] })

/** @throws AuditError naming the class, what was given and what is accepted */
export function checkOptions(entity: string, options: unknown): Decoration {
  const refuse = (option: string, given: unknown, accepted: string): never => {
    throw new AuditError('AUDIT_DECORATION_INVALID', { entity, option, given: show(given), accepted })
  }
  if (options === undefined) return PLAIN
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    return refuse('the argument', options, `nothing, or an object with ${OPTIONS.join(', ')}`)
  }
  const { actions, only, except, mask, label, ...unknown } = options as Record<string, unknown>
  for (const [name, value] of Object.entries(unknown)) refuse(name, value, OPTIONS.join(', '))
  const names = (option: string, value: unknown): readonly string[] | undefined => {
    if (value === undefined) return undefined
    const valid = Array.isArray(value) && value.length > 0 && value.every((name) => isName(name))
    return valid ? Object.freeze([...value]) : refuse(option, value, "a list of property names, such as ['total']")
  }
  if (only !== undefined && except !== undefined) refuse('except', except, 'either only or except, not both')
  if (label !== undefined && typeof label !== 'function' && !isName(label)) {
    refuse('label', label, 'a property name, or a function that takes the entity and returns a text')
  }
  const shown = names('only', only)
  return Object.freeze({
    actions: actionsOf(actions, (given) => refuse('actions', given, "a list of 'create', 'update' and 'delete'")),
    ...(shown && { only: shown }),
    except: names('except', except) ?? [],
    ...(maskOption(mask) ?? refuse('mask', mask, MASK_ACCEPTED)),
    ...(label !== undefined && { label: label as NonNullable<Decoration['label']> }),
  })
}

function actionsOf(given: unknown, refuse: (given: unknown) => never): readonly ObjectAction[] {
  if (given === undefined) return OBJECT_ACTIONS
  if (!Array.isArray(given) || given.length === 0) return refuse(given)
  const actions = given.map((name: unknown) => {
    const long = typeof name === 'string' && Object.hasOwn(SHORT_ACTIONS, name)
    const action = long ? SHORT_ACTIONS[name as keyof typeof SHORT_ACTIONS] : name
    return (OBJECT_ACTIONS as readonly unknown[]).includes(action) ? (action as ObjectAction) : refuse(name)
  })
  return Object.freeze([...new Set(actions)])
}

function isName(name: unknown): name is string {
  return typeof name === 'string' && name.trim() !== ''
}

function show(given: unknown): string {
  if (typeof given === 'function') return 'a function'
  try {
    return JSON.stringify(given) ?? String(given)
  } catch {
    // Circular, or a bigint: the error must name it all the same.
    return Object.prototype.toString.call(given)
  }
}
