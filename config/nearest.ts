/** The name that was probably meant, if one is close: `grupName` → `groupName`, `AUDIT_LOGGER_GROUP_NAME` → `groupName`. */
export function nearestName(given: string, names: readonly string[]): string | undefined {
  if (given.length > 60) return undefined
  const plain = simplify(given)
  let nearest: string | undefined
  let least = Number.POSITIVE_INFINITY
  for (const name of names) {
    const distance = editDistance(plain, simplify(name))
    if (distance < least && distance <= Math.max(1, Math.floor(name.length / 4))) {
      nearest = name
      least = distance
    }
  }
  return nearest
}

function simplify(name: string): string {
  return name
    .replace(/^AUDIT_LOG(GER)?_/i, '')
    .replace(/[^a-z0-9]/gi, '')
    .toLowerCase()
}

/** Levenshtein: the least number of characters to insert, delete or replace. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (const [i, letter] of [...a].entries()) {
    const next = [i + 1]
    for (const [j, other] of [...b].entries()) {
      const replaced = (row[j] ?? 0) + (letter === other ? 0 : 1)
      next.push(Math.min(replaced, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1))
    }
    row = next
  }
  return row[b.length] ?? 0
}
