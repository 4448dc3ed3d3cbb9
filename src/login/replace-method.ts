type Method = (this: unknown, ...values: never[]) => unknown

/**
 * Puts another function in the place of a method of one object. Returns the undoing of it, which leaves alone what
 * others have put on top meanwhile.
 */
export function replaceMethod(target: object, name: string, make: (original: Method) => Method): () => void {
  const own = Object.getOwnPropertyDescriptor(target, name)
  const original: unknown = Reflect.get(target, name)
  if (typeof original !== 'function') return () => undefined
  const replacement = make(original as Method)
  const enumerable = own?.enumerable ?? false
  Object.defineProperty(target, name, { value: replacement, configurable: true, writable: true, enumerable })
  return () => {
    if (Reflect.get(target, name) !== replacement) return
    if (own === undefined) Reflect.deleteProperty(target, name)
    else Object.defineProperty(target, name, own)
  }
}
