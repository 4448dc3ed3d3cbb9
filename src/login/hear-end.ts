type Callback = (this: unknown, ...results: unknown[]) => unknown

/**
 * Calls a function that tells of its end by a callback (its last argument that is one), by a promise or by returning,
 * and hears of that end just before its caller does. Nothing else changes: arguments, result and errors are the same.
 */
export function hearEnd<T>(
  call: (args: unknown[]) => T,
  args: readonly unknown[],
  heard: (error: unknown) => void,
): T | PromiseLike<unknown> {
  let told = false
  const ended = (error?: unknown): void => {
    if (told) return
    told = true
    heard(error ?? undefined)
  }
  const index = args.findLastIndex((one) => typeof one === 'function')
  try {
    const result = call(index === -1 ? [...args] : args.toSpliced(index, 1, hearing(args[index] as Callback, ended)))
    if (index !== -1) return result
    if (isPromise(result)) return afterPromise(result, ended)
    ended()
    return result
  } catch (error) {
    ended(error)
    throw error
  }
}

function hearing(callback: Callback, ended: (error?: unknown) => void): Callback {
  return function (this: unknown, ...results) {
    ended(results[0])
    return Reflect.apply(callback, this, results)
  }
}

function afterPromise(promise: PromiseLike<unknown>, ended: (error?: unknown) => void): PromiseLike<unknown> {
  return promise.then(
    (value) => {
      ended()
      return value
    },
    (error: unknown) => {
      ended(error ?? new Error('it was rejected'))
      throw error
    },
  )
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
}
