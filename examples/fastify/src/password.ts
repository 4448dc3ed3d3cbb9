import { randomBytes, scryptSync, timingSafeEqual } from 'node:crypto'

export function hashPassword(password: string, salt = randomBytes(16)): string {
  return `${salt.toString('hex')}:${scryptSync(password, salt, 32).toString('hex')}`
}

export function isPassword(password: string, stored: string): boolean {
  const [salt = '', hash = ''] = stored.split(':')
  const given = hashPassword(password, Buffer.from(salt, 'hex')).split(':')[1] ?? ''
  return given.length === hash.length && timingSafeEqual(Buffer.from(given), Buffer.from(hash))
}
