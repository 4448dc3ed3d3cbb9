import type { MaskTreatment } from '../../config/mask'
import { maskCardNumbers } from './card-number'
import { masked } from './mask-modes'
import { maskPairs, type PairMask } from './mask-pairs'
import { decode, MASK, maskUrl, maskUrls, type OnSecret } from './mask-url'
import { DEFAULT_TREATMENT } from './treatment'

/** What is found in texts whatever the name they stand under: `Bearer …`, JSON web tokens, private keys. */
const BEARER = /\b(bearer\s+)([\w.~+/-]{8,}=*)/gi
const TOKEN = /\beyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?/g
const PRIVATE_KEY = /-----BEGIN ([A-Z ]{0,30}PRIVATE KEY)-----[^-]*(?:-----END \1-----)?/g

/** How a text is masked. */
export interface TextRules {
  /** What is to be done with values under this name, if anything. */
  treatmentOf(name: string): MaskTreatment | undefined
  /** Of hashes. */
  key: string | undefined
  /** What is to be done with card numbers; undefined leaves them. */
  cards: MaskTreatment | undefined
}

/** Finds what is secret inside of texts. */
export class TextScan {
  readonly #rules: TextRules

  constructor(rules: TextRules) {
    this.#rules = rules
  }

  /**
   * The text without its secrets; one without any is returned as it is.
   *
   * @param isUrl the whole text is an address, also where it does not look like one (`/reset?token=…`)
   * @param onSecret told of the raw values that were masked
   */
  mask(text: string, isUrl: boolean, onSecret: OnSecret): string {
    const { length } = text
    if (length < 4) return text
    const equals = text.indexOf('=')
    const colon = text.includes(':')
    let safe = text
    if (isUrl && (equals !== -1 || text.includes('@'))) safe = maskUrl(safe, onSecret, this.#parameter)
    if (colon && safe.includes('://')) safe = maskUrls(safe, onSecret, this.#parameter)
    // Behind its question mark an address has only parameters.
    const pairs = equals !== -1 && !(isUrl && inQuery(text, equals))
    if (pairs || (colon && !isUrl)) safe = maskPairs(safe, this.#pairs, onSecret)
    if (length < 13) return safe
    const { cards, key } = this.#rules
    if (cards !== undefined) {
      safe = maskCardNumbers(safe, (raw) => {
        onSecret(raw)
        return String(masked(raw.replaceAll(/%20|\D/g, ''), cards, key) ?? MASK)
      })
    }
    return length < 20 ? safe : this.#tokens(safe, onSecret)
  }

  #tokens(text: string, onSecret: OnSecret): string {
    const hide = (raw: string): string => {
      onSecret(raw)
      return MASK
    }
    let safe = text
    if (safe.includes('earer ') || safe.includes('EARER ')) {
      safe = safe.replace(BEARER, (_, scheme: string, token: string) => scheme + hide(token))
    }
    if (safe.includes('eyJ')) safe = safe.replace(TOKEN, hide)
    if (safe.includes('PRIVATE KEY-----')) safe = safe.replace(PRIVATE_KEY, hide)
    return safe
  }

  readonly #parameter = (name: string, raw: string, onSecret?: OnSecret): string | undefined => {
    const treatment = this.#treatmentOf(name)
    return treatment && this.#inText(raw, treatment, onSecret)
  }

  readonly #pairs: PairMask = {
    hides: (name) => this.#treatmentOf(name) !== undefined,
    shown: (name, value, onSecret) => {
      // In prose `token=expired` may be no secret at all, and then every `expired` of the event would be masked.
      const tells = (value.length >= 6 && /\d/.test(value)) || value.length >= 16
      return this.#inText(value, this.#treatmentOf(name) ?? DEFAULT_TREATMENT, tells ? onSecret : undefined)
    },
  }

  #treatmentOf(name: string): MaskTreatment | undefined {
    const treatment = this.#rules.treatmentOf(name)
    return treatment?.mode === 'allow' ? undefined : treatment
  }

  /** Decoded, so that a value has the same hash in an address as elsewhere. */
  #inText(raw: string, treatment: MaskTreatment, onSecret: OnSecret | undefined): string {
    const value = decode(raw)
    onSecret?.(raw)
    if (value !== raw) onSecret?.(value)
    return String(masked(value, treatment, this.#rules.key) ?? MASK)
  }
}

function inQuery(url: string, at: number): boolean {
  const query = url.indexOf('?')
  return query !== -1 && query < at
}
