import { createInterface } from 'node:readline/promises'

/** Asks whoever sits at the terminal; anything but a clear yes is a no, the end of the input too. */
export async function ask(question: string): Promise<boolean> {
  // On stderr, so that the answer of a command is all there is on stdout.
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  const closed = new Promise<string>((resolve) => terminal.once('close', () => resolve('')))
  try {
    return /^y(es)?$/i.test((await Promise.race([terminal.question(question), closed])).trim())
  } finally {
    terminal.close()
  }
}
