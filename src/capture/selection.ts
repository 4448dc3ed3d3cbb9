import type { DataSource, EntityMetadata } from 'typeorm'
import type { Settings } from '../../config/settings'
import type { Reports } from '../report'
import { type Decoration, OBJECT_ACTIONS, PLAIN } from './decoration'
import { decorationOf } from './decorator'
import { uniteMasks } from './mask-option'
import { propertiesOf } from './properties'
import type { RelationMetadata } from './typeorm'

/** The side of a many-to-many relation that its changes are told of. */
export interface JunctionSide {
  readonly metadata: EntityMetadata
  readonly relation: RelationMetadata
  readonly decoration: Decoration
  /** Whether the side owns the junction table. */
  readonly owning: boolean
}

const NOT_AUDITED = null

/** Which entities are logged, and how. Asked for every write, so it remembers its answers for each entity. */
export class Selection {
  readonly #settings: Pick<Settings, 'models' | 'exclude'>
  readonly #reports: Reports
  readonly #exact = new WeakMap<EntityMetadata, Decoration | typeof NOT_AUDITED>()
  readonly #family = new WeakMap<EntityMetadata, Decoration | typeof NOT_AUDITED>()
  readonly #junctions = new WeakMap<EntityMetadata, JunctionSide | typeof NOT_AUDITED>()

  constructor(settings: Pick<Settings, 'models' | 'exclude'>, reports: Reports) {
    this.#settings = settings
    this.#reports = reports
  }

  /** How this very entity is logged; undefined when it is not. */
  of(metadata: EntityMetadata): Decoration | undefined {
    const known = this.#exact.get(metadata)
    if (known !== undefined) return known ?? undefined
    const decoration = this.#decide(metadata)
    if (decoration !== undefined) this.#checkProperties(metadata, decoration)
    this.#exact.set(metadata, decoration ?? NOT_AUDITED)
    return decoration
  }

  /** How a write is logged that may concern this entity or, in a table that they share, one of its subclasses. */
  ofFamily(metadata: EntityMetadata): Decoration | undefined {
    const known = this.#family.get(metadata)
    if (known !== undefined) return known ?? undefined
    const all = [metadata, ...metadata.childEntityMetadatas].flatMap((one) => this.of(one) ?? [])
    const decoration = all.length > 1 ? unite(all) : all[0]
    this.#family.set(metadata, decoration ?? NOT_AUDITED)
    return decoration
  }

  /** The side that a junction table's rows are told of: the owner's if it is logged, else the other one. */
  ofJunction(junction: EntityMetadata): JunctionSide | undefined {
    const known = this.#junctions.get(junction)
    if (known !== undefined) return known ?? undefined
    const side = this.#junctionSide(junction)
    this.#junctions.set(junction, side ?? NOT_AUDITED)
    return side
  }

  /** Warns of names in the settings that no entity of the data source has: what was meant is then not logged. */
  checkNames({ entityMetadatas }: DataSource): void {
    const { models, exclude } = this.#settings
    const known = new Set(entityMetadatas.filter(isTable).flatMap((metadata) => [metadata.name, metadata.targetName]))
    const check = (setting: string, names: readonly string[]) => {
      for (const name of names) {
        if (!known.has(name)) this.#reports.report('AUDIT_MODEL_UNKNOWN', { setting, name }, `${setting} ${name}`)
      }
    }
    if (typeof models !== 'string') check('models', models)
    check('exclude', exclude)
  }

  #decide(metadata: EntityMetadata): Decoration | undefined {
    if (!isTable(metadata)) return undefined
    const { models, exclude } = this.#settings
    const { name, targetName, target } = metadata
    if (exclude.includes(name) || exclude.includes(targetName)) return undefined
    const decoration = decorationOf(target)
    if (models === 'decorated') return decoration
    const listed = models === 'all' || models.includes(name) || models.includes(targetName)
    return listed ? (decoration ?? PLAIN) : undefined
  }

  #junctionSide(junction: EntityMetadata): JunctionSide | undefined {
    // Not by the key that the junction refers to: classes that share a table have one key, and relations of their own.
    const relation = junction.ownerColumns[0]?.relationMetadata
    if (relation === undefined) return undefined
    const { entityMetadata } = relation
    const classes = [entityMetadata, ...entityMetadata.childEntityMetadatas]
    const owner = classes.find(({ target }) => target === relation.target) ?? entityMetadata
    const decoration = this.ofFamily(owner)
    if (decoration !== undefined) return { metadata: owner, relation, decoration, owning: true }
    const { inverseRelation: inverse } = relation
    const other = inverse && this.ofFamily(inverse.entityMetadata)
    return inverse && other && { metadata: inverse.entityMetadata, relation: inverse, decoration: other, owning: false }
  }

  /** A misspelt name would leave unmasked what should be masked, and nobody would notice. */
  #checkProperties(metadata: EntityMetadata, { only = [], except, mask, maskModes, label }: Decoration): void {
    const relations = metadata.relations.map((relation) => relation.propertyPath)
    const names = new Set([...propertiesOf(metadata).map((property) => property.name), ...relations])
    const starts = new Set([...names].map((name) => name.split('.')[0]))
    const given = [...only, ...except, ...mask, ...(maskModes?.keys() ?? [])]
    for (const name of given) {
      if (names.has(name) || starts.has(name.split('.')[0])) continue
      this.#reports.report('AUDIT_PROPERTY_UNKNOWN', { entity: metadata.name, name }, `${metadata.name} ${name}`)
    }
    if (typeof label !== 'string' || starts.has(label.split('.')[0])) return
    const prototype: unknown = typeof metadata.target === 'function' ? metadata.target.prototype : undefined
    if (typeof prototype === 'object' && prototype !== null && label in prototype) return
    this.#reports.report('AUDIT_PROPERTY_UNKNOWN', { entity: metadata.name, name: label }, `${metadata.name} ${label}`)
  }
}

/** Entities with rows of their own: no views, junction or closure tables. */
function isTable({ tableType }: EntityMetadata): boolean {
  return tableType === 'regular' || tableType === 'entity-child'
}

/** Whose row it is cannot be said, so what one of the classes masks is masked, and what one shows is shown. */
function unite(all: readonly Decoration[]): Decoration {
  const [first] = all
  if (first !== undefined && all.every((one) => one === first)) return first
  return {
    actions: OBJECT_ACTIONS.filter((action) => all.some((one) => one.actions.includes(action))),
    except: first?.except.filter((name) => all.every((one) => one.except.includes(name))) ?? [],
    ...uniteMasks(all),
  }
}
