import { styleText } from 'node:util'

export type Format = 'bold' | 'dim' | 'red' | 'green' | 'cyan'
export type Style = (format: Format, text: string) => string

/** Colours on a terminal that has them (Node's own check knows NO_COLOR and FORCE_COLOR), plain text everywhere else. */
export function styleFor(stream: NodeJS.WriteStream): Style {
  const coloured = stream.isTTY === true && stream.hasColors()
  return (format, text) => (coloured ? styleText(format, text, { validateStream: false }) : text)
}
