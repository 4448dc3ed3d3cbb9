/** The part of reflect-metadata that is used, if the application has loaded it. */
interface Metadata {
  getOwnMetadataKeys?(target: object): unknown[]
  getOwnMetadata?(key: unknown, target: object): unknown
  defineMetadata?(key: unknown, value: unknown, target: object): void
}

/** Gives a wrapper what others look for on the method itself: name, length, own properties, and metadata (NestJS). */
export function keepMetadata<Method extends (...values: never[]) => unknown>(method: Method, wrapper: Method): Method {
  for (const key of Reflect.ownKeys(method)) {
    const descriptor = Object.getOwnPropertyDescriptor(method, key)
    const present = Object.getOwnPropertyDescriptor(wrapper, key)
    if (descriptor === undefined || present?.configurable === false) continue
    Object.defineProperty(wrapper, key, descriptor)
  }
  const { getOwnMetadataKeys, getOwnMetadata, defineMetadata } = Reflect as Metadata
  for (const key of getOwnMetadataKeys?.(method) ?? []) defineMetadata?.(key, getOwnMetadata?.(key, method), wrapper)
  return wrapper
}
