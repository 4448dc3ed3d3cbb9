/** An error in the shape of the AWS JSON 1.1 protocol: a name in `__type`, a message, an HTTP status. */
export class AwsError extends Error {
  readonly status: number

  constructor(name: string, message: string, status = 400) {
    super(message)
    this.name = name
    this.status = status
  }
}

export const invalidParameter = (message: string) => new AwsError('InvalidParameterException', message)
export const notFound = (what: 'group' | 'stream') =>
  new AwsError('ResourceNotFoundException', `The specified log ${what} does not exist.`)
export const alreadyExists = (what: 'group' | 'stream') =>
  new AwsError('ResourceAlreadyExistsException', `The specified log ${what} already exists`)
export const unreadable = (message: string) => new AwsError('SerializationException', message)
export const throttled = () => new AwsError('ThrottlingException', 'Rate exceeded')

/** What AWS answers when a member breaks the constraints of its shape, before it looks at anything else. */
export function violation(value: unknown, member: string, constraint: string): AwsError {
  const shown = value === undefined || value === null ? 'null' : `'${String(value).slice(0, 128)}'`
  return invalidParameter(
    `1 validation error detected: Value ${shown} at '${member}' failed to satisfy constraint: Member must ${constraint}`,
  )
}
