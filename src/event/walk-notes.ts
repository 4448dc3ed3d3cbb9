import { TRUNCATED, UNREADABLE } from './walk-options'

/** Where a walk is, and what it has to tell of it. */
export class WalkNotes {
  readonly truncated: string[] = []
  readonly unreadable: string[] = []
  readonly masked: string[] = []
  /** Paths that are to be hashed, but there is no key. */
  readonly unkeyed: string[] = []
  protected readonly path: string[] = []

  protected at(key: string): string {
    return this.path.length === 0 ? key : `${this.path.join('.')}.${key}`
  }

  protected noteMasked(key: string): void {
    this.masked.push(this.at(key))
  }

  protected truncate(key: string): string {
    this.truncated.push(this.at(key))
    return TRUNCATED
  }

  protected unread(key: string): string {
    this.unreadable.push(this.at(key))
    return UNREADABLE
  }
}
