import { keepMetadata } from '../../events/keep-metadata'

type Method = (this: unknown, ...values: unknown[]) => unknown

/** As a legacy decorator (`experimentalDecorators`), and as a standard one. */
export interface MethodDecorator {
  <Value extends (...values: never[]) => unknown>(
    target: object,
    key: string | symbol,
    descriptor: TypedPropertyDescriptor<Value>,
  ): void
  <Value extends (...values: never[]) => unknown>(value: Value, context: ClassMethodDecoratorContext): Value
}

/** Puts a function made of the method in its place; what other decorators have noted on the method stays known. */
export function methodDecorator(wrap: (method: Method, name: string) => Method): MethodDecorator {
  const replaced = (method: Method, name: string): Method => {
    const wrapper = wrap(method, name)
    keepMetadata(method, wrapper)
    return wrapper
  }
  return ((target: unknown, key: unknown, descriptor?: TypedPropertyDescriptor<Method>): unknown => {
    if (descriptor?.value === undefined) return replaced(target as Method, String((key as { name: unknown }).name))
    descriptor.value = replaced(descriptor.value, String(key))
    return undefined
  }) as MethodDecorator
}
