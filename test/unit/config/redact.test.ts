import { describe, expect, it } from 'vitest'
import { redactUrl } from '../../../config/redact'

describe('redactUrl', () => {
  it.each([
    ['redis://127.0.0.1:6379', 'redis://127.0.0.1:6379'],
    ['redis://app:hunter2@cache:6379/1', 'redis://***@cache:6379/1'],
    ['rediss://:hunter2@cache', 'rediss://***@cache'],
    ['redis://hunter2@cache', 'redis://***@cache'],
    ['redis://cache?password=hunter2', 'redis://cache?***'],
    ['https://token:hunter2@logs.example.com:8443/path#hunter2', 'https://***@logs.example.com:8443/path?***'],
    ['redis://[::1]:6379/0', 'redis://[::1]:6379/0'],
    ['/var/run/redis.sock?password=hunter2', '/var/run/redis.sock?***'],
    ['redis://app:1/hunter2@cache', 'redis://***'],
    ['redis://:hunter2', 'redis://***'],
    ['hunter2', '***'],
    ['//:hunter2@cache', '***'],
    ['', '***'],
  ])('shows %s as %s', (url, shown) => {
    expect(redactUrl(url)).toBe(shown)
  })
})
