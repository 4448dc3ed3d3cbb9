/** What the promise gives within this time; undefined when it takes longer, or fails. Never rejects. */
export async function within<T>(ms: number, promise: Promise<T>): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, ms, undefined)
  })
  try {
    return await Promise.race([promise, late])
  } catch {
    // Whoever asks treats a failure as no answer.
    return undefined
  } finally {
    clearTimeout(timer)
  }
}
