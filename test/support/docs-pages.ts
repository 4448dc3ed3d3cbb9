import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from './spawn-process'

/** A fenced block of a page. */
export interface Block {
  /** From the root of the repository: `docs/events.md`. */
  readonly page: string
  /** Of its first line of code, counted from 1. */
  readonly line: number
  /** What follows the fence: `ts`, `ts run`, `json output`. */
  readonly info: string
  readonly code: string
}

/** The pages that readers follow, from the root of the repository. */
export function docsPages(): string[] {
  const pages = readdirSync(join(ROOT, 'docs')).filter((name) => name.endsWith('.md'))
  const examples = readdirSync(join(ROOT, 'examples')).map((name) => `examples/${name}/README.md`)
  return ['README.md', 'CHANGELOG.md', ...examples.sort(), ...pages.sort().map((name) => `docs/${name}`)]
}

export function readPage(page: string): string {
  return readFileSync(join(ROOT, page), 'utf8')
}

/** The fenced blocks of a page, those inside of a list without its indentation. */
export function blocksOf(page: string): Block[] {
  const blocks: Block[] = []
  let open: { line: number; info: string; indent: string; lines: string[] } | undefined
  for (const [index, text] of readPage(page).split('\n').entries()) {
    const fence = /^(\s*)```(.*)$/.exec(text)
    if (open === undefined) {
      if (fence) open = { line: index + 2, info: fence[2]?.trim() ?? '', indent: fence[1] ?? '', lines: [] }
    } else if (fence) {
      blocks.push({ page, line: open.line, info: open.info, code: open.lines.join('\n') })
      open = undefined
    } else {
      open.lines.push(text.startsWith(open.indent) ? text.slice(open.indent.length) : text)
    }
  }
  if (open !== undefined) throw new Error(`${page}:${open.line - 1}: the block is not closed`)
  return blocks
}

/** The addresses of a page's links, code left out. */
export function linksOf(page: string): string[] {
  const text = readPage(page)
    .replaceAll(/^\s*```[\s\S]*?^\s*```$/gm, '')
    .replaceAll(/`[^`\n]*`/g, '')
  return [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, address = '']) => address)
}

/** The anchors of a page, as GitHub makes them of its headings. */
export function anchorsOf(page: string): string[] {
  const headings = [...readPage(page).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => heading)
  return headings.map((heading) =>
    heading
      .trim()
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(/\s/g, '-'),
  )
}
