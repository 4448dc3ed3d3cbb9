import { partsOf, plainName } from './secret-key'
import { later, type Treatment } from './treatment'

/** One step of the rules' paths, shared by all that begin alike. */
interface PathNode {
  readonly named: Map<string, PathNode>
  /** `*` */
  any: PathNode | undefined
  /** `**`: stays where it is, whatever comes. */
  deep: PathNode | undefined
  readonly stays: boolean
  treatment: Treatment | undefined
}

/** How many places are kept in mind; more come from names that change from event to event. */
const MOST_KNOWN = 20_000

/**
 * Where a walk stands in the rules' paths: made when it is first come to, and kept, so that the next event looks each
 * step up in a map. Undefined in the place of one means that no path leads on from there.
 */
export class PathState {
  /** Of the rule that ends here; of several, the last. */
  readonly treatment: Treatment | undefined
  /** False for those beyond the bound, which are made again each time. */
  readonly kept: boolean
  readonly #nodes: readonly PathNode[]
  readonly #states: States
  readonly #numbered: boolean
  readonly #next = new Map<string, PathState | undefined>()
  #items: PathState | undefined

  constructor(nodes: readonly PathNode[], states: States, kept: boolean) {
    this.kept = kept
    this.#nodes = nodes
    this.#states = states
    this.treatment = nodes.reduce<Treatment | undefined>((last, { treatment }) => later(last, treatment), undefined)
    this.#numbered = nodes.some(({ named }) => [...named.keys()].some((name) => /^\d+$/.test(name)))
  }

  /** The place of a member of this name; a name with dots or brackets (`card[number]`) may be several steps. */
  step(name: string): PathState | undefined {
    const known = this.#next.get(name)
    if (known !== undefined || this.#next.has(name)) return known
    const nodes = new Set(after(this.#nodes, name))
    const parts = partsOf(name)
    if (parts.length > 1) for (const node of throughAll(this.#nodes, parts)) nodes.add(node)
    return this.#remember(name, nodes)
  }

  /** The place of an item: a list is no step of its own, so that `items.price` is found in each of the items. */
  item(index: number): PathState | undefined {
    if (!this.#numbered && this.#items !== undefined) return this.#items
    const name = `#${this.#numbered ? index : ''}`
    const known = this.#next.get(name)
    if (known !== undefined) return known
    const nodes = new Set([...this.#nodes, ...after(this.#nodes, String(index))])
    const state = this.#remember(name, nodes)
    if (!this.#numbered && state?.kept === true) this.#items = state
    return state
  }

  #remember(name: string, nodes: Set<PathNode>): PathState | undefined {
    const state = this.#states.of(nodes)
    if (state?.kept === false) return state
    // Names come from outside; what is forgotten is found again.
    if (this.#next.size >= 1_000) this.#next.clear()
    this.#next.set(name, state)
    return state
  }
}

/** One state for each set of nodes, so that places below which the same rules hold are one. */
class States {
  readonly #known = new Map<string, PathState>()
  readonly #numbers = new Map<PathNode, number>()

  of(nodes: Set<PathNode>): PathState | undefined {
    if (nodes.size === 0) return undefined
    const key = [...nodes]
      .map((node) => this.#number(node))
      .toSorted((a, b) => a - b)
      .join(' ')
    const known = this.#known.get(key)
    if (known !== undefined) return known
    const kept = this.#known.size < MOST_KNOWN
    const state = new PathState([...nodes], this, kept)
    if (kept) this.#known.set(key, state)
    return state
  }

  #number(node: PathNode): number {
    const number = this.#numbers.get(node) ?? this.#numbers.size
    this.#numbers.set(node, number)
    return number
  }
}

/** Where every walk begins: above the fields of the event. Undefined when no rule has a path. */
export function rootOf(paths: readonly { readonly path: readonly string[]; readonly treatment: Treatment }[]) {
  const root = newNode(false)
  for (const { path, treatment } of paths) {
    let node = root
    for (const step of path) node = grow(node, step)
    node.treatment = later(node.treatment, treatment)
  }
  return new States().of(closure(paths.length === 0 ? [] : [root]))
}

function newNode(stays: boolean): PathNode {
  return { named: new Map(), any: undefined, deep: undefined, stays, treatment: undefined }
}

function grow(node: PathNode, step: string): PathNode {
  if (step === '*') {
    node.any ??= newNode(false)
    return node.any
  }
  if (step === '**') {
    node.deep ??= newNode(true)
    return node.deep
  }
  const name = plainName(step)
  const next = node.named.get(name) ?? newNode(false)
  node.named.set(name, next)
  return next
}

function after(nodes: Iterable<PathNode>, name: string): Set<PathNode> {
  const plain = plainName(name)
  const next: PathNode[] = []
  for (const node of nodes) {
    const named = node.named.get(plain)
    if (named !== undefined) next.push(named)
    if (node.any !== undefined) next.push(node.any)
    if (node.stays) next.push(node)
  }
  return closure(next)
}

function throughAll(nodes: Iterable<PathNode>, names: readonly string[]): Set<PathNode> {
  let current = new Set(nodes)
  for (const name of names) current = after(current, name)
  return current
}

/** `**` stands for no step, too. */
function closure(nodes: readonly PathNode[]): Set<PathNode> {
  const all = new Set<PathNode>()
  for (let node of nodes) {
    all.add(node)
    while (node.deep !== undefined) {
      node = node.deep
      all.add(node)
    }
  }
  return all
}
