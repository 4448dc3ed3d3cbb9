/** The parsed URL, or undefined; `URL.parse` does not exist in every Node 20. */
export function parseUrl(text: string): URL | undefined {
  return URL.canParse(text) ? new URL(text) : undefined
}
