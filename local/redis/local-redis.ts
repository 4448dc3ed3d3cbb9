export interface LocalRedis {
  /** `redis://127.0.0.1:…` */
  readonly url: string
  readonly kind: 'redis-server' | 'js-redis-server'
  /** Ends the server and every connection to it; nothing of it remains. Safe to call twice. */
  close(): Promise<void>
}
