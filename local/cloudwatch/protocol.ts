import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { AwsError, unreadable } from './errors'

// The wire of the SDK's client: AWS JSON 1.1. A POST on /, the operation in `x-amz-target`, JSON in and out.
// https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html

const TARGET = 'Logs_20140328.'
const CONTENT_TYPE = 'application/x-amz-json-1.1'
const HTML = '<!DOCTYPE html>\n<html><body><h1>Sign in to continue</h1></body></html>\n'

/** The operation's name; empty when the request names none of this service. */
export function operationOf(request: IncomingMessage): string {
  const target = String(request.headers['x-amz-target'] ?? '')
  return target.startsWith(TARGET) ? target.slice(TARGET.length) : ''
}

/** Signatures are not verified, but an unsigned request is refused: a client without credentials must show up. */
export function checkSigned(request: IncomingMessage): void {
  if (/^AWS4-HMAC-SHA256 Credential=/.test(request.headers.authorization ?? '')) return
  throw new AwsError('MissingAuthenticationTokenException', 'Missing Authentication Token')
}

export async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

/** The JSON of a request, or undefined when it is none; `parseBody` is what the client hears about it. */
export function tryParse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'))
  } catch {
    // Not swallowed: the caller answers with `notJson`.
    return undefined
  }
}

export const notJson = () => unreadable('The request body is not JSON.')

/** Headers of every answer. `date` follows the endpoint's clock, because the SDK corrects its own by it. */
function headers(now: number, extra: Readonly<Record<string, string>>): Record<string, string> {
  return { 'x-amzn-requestid': randomUUID(), date: new Date(now).toUTCString(), ...extra }
}

export interface Reply {
  readonly status: number
  readonly body: string
  readonly contentType: string
}

export const jsonReply = (status: number, body: object): Reply => ({
  status,
  body: JSON.stringify(body),
  contentType: CONTENT_TYPE,
})

export const errorReply = (error: AwsError): Reply =>
  jsonReply(error.status, { __type: error.name, message: error.message })

/** What a proxy or a captive portal answers in the place of AWS. */
export const htmlReply = (): Reply => ({ status: 200, body: HTML, contentType: 'text/html; charset=utf-8' })

export function send(
  response: ServerResponse,
  reply: Reply,
  now: number,
  extra: Readonly<Record<string, string>> = {},
) {
  if (response.destroyed) return
  const { status, body, contentType } = reply
  const length = String(Buffer.byteLength(body))
  response.writeHead(status, headers(now, { 'content-type': contentType, 'content-length': length, ...extra }))
  response.end(body)
}
