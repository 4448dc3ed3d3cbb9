import { isUtf8 } from 'node:buffer'

/** Where an element stands: from `start` to `end` of some bytes. */
export interface Place {
  readonly bytes: Buffer
  /** The same bytes, to be read several at a time. */
  readonly view: DataView
  readonly start: number
  readonly end: number
}

/** Several elements, one behind the other. */
interface Piece {
  readonly bytes: Buffer
  readonly view: DataView
  readonly isUtf8: boolean
}

/**
 * Elements of a list as they were read. Of most of them no text is ever made: a text for each would be the larger part
 * of what a flush leaves to be collected.
 */
export class Elements {
  readonly #pieces: readonly Piece[]
  /** Of each element: which piece, and where it begins and ends there. */
  readonly #piece: Uint32Array
  readonly #start: Uint32Array
  readonly #end: Uint32Array

  /**
   * @param pieces the elements, one behind the other, in pieces that end where an element ends
   * @param lengths of each element, in bytes
   */
  constructor(pieces: readonly Buffer[], lengths: readonly number[]) {
    this.#pieces = pieces.map((bytes) => ({
      bytes,
      view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length),
      isUtf8: isUtf8(bytes),
    }))
    this.#piece = new Uint32Array(lengths.length)
    this.#start = new Uint32Array(lengths.length)
    this.#end = new Uint32Array(lengths.length)
    let piece = 0
    let at = 0
    for (let i = 0; i < lengths.length; i += 1) {
      while (at === (pieces[piece]?.length ?? 0) && piece + 1 < pieces.length) {
        piece += 1
        at = 0
      }
      this.#piece[i] = piece
      this.#start[i] = at
      at += Number(lengths[i])
      this.#end[i] = at
      if (at > (pieces[piece]?.length ?? 0)) throw new Error('an element does not end where its piece does')
    }
  }

  get count(): number {
    return this.#piece.length
  }

  /** In bytes. */
  size(index: number): number {
    return (this.#end[index] as number) - (this.#start[index] as number)
  }

  place(index: number): Place {
    const { bytes, view } = this.#pieceOf(index)
    return { bytes, view, start: this.#start[index] as number, end: this.#end[index] as number }
  }

  /** False for bytes that are no text, so that the text made of them would not be what stands on the list. */
  isUtf8(index: number): boolean {
    const { bytes, start, end } = this.place(index)
    // Where a whole is UTF-8, a part is too unless it begins or ends in the middle of a character.
    if (this.#pieceOf(index).isUtf8 && beginsCharacter(bytes, start) && beginsCharacter(bytes, end)) return true
    return isUtf8(bytes.subarray(start, end))
  }

  text(index: number): string {
    const { bytes, start, end } = this.place(index)
    return bytes.toString('utf8', start, end)
  }

  #pieceOf(index: number): Piece {
    return this.#pieces[this.#piece[index] as number] as Piece
  }
}

function beginsCharacter(bytes: Buffer, at: number): boolean {
  return at === bytes.length || ((bytes[at] as number) & 0xc0) !== 0x80
}
