/** A promise that others wait for. */
export function turn(): { promise: Promise<void>; done: () => void } {
  let done = (): void => undefined
  const promise = new Promise<void>((resolve) => {
    done = resolve
  })
  return { promise, done }
}
