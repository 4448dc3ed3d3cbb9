/** AWS keys, in the shape the AWS SDK takes. Structural, so that the application never loads the SDK. */
export interface AwsCredentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string
}

/** A function that fetches keys when they are needed, such as the SDK's `fromNodeProviderChain()`. */
export type AwsCredentialsProvider = () => Promise<AwsCredentials>
