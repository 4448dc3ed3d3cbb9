import type { MonitorSettings, SuspiciousRule } from './options'

/** Longer addresses are oversized whatever they say, and the rules below stay cheap. */
const LONGEST_URL = 8_192
const OVERSIZED_URL = 4_096

const TRAVERSAL = /(^|[/\\?&=])\.\.([/\\]|$)|\0|\/etc\/(passwd|shadow)\b|\/proc\/self\/|\bwin\.ini\b/i
const PROBE =
  /^\/+(\.env|\.git|\.svn|\.hg|\.aws|\.ssh|\.htaccess|\.htpasswd|\.ds_store|wp-admin|wp-login\.php|wp-content|wp-includes|xmlrpc\.php|phpmyadmin|pma|cgi-bin|vendor\/phpunit|server-status|actuator\/(env|heapdump))([/?.]|$)/i
const SCANNER =
  /sqlmap|nikto|nmap|masscan|zgrab|nuclei|gobuster|dirbuster|dirb\b|ffuf|feroxbuster|wpscan|acunetix|nessus|openvas|netsparker|whatweb|w3af|arachni|hydra|metasploit|zmeu|\$\{jndi:/i

/** The built-in rules; docs/security-monitoring.md lists them. */
export function builtInRules({ headerBytes }: Pick<MonitorSettings, 'headerBytes'>): SuspiciousRule[] {
  return [
    { name: 'path-traversal', test: ({ decodedUrl }) => TRAVERSAL.test(decodedUrl) },
    { name: 'probe', test: ({ decodedUrl }) => PROBE.test(decodedUrl) },
    { name: 'scanner', test: ({ userAgent }) => SCANNER.test(userAgent) },
    { name: 'oversized-headers', test: (request) => request.headerBytes > headerBytes },
    { name: 'oversized-url', test: ({ url }) => url.length > OVERSIZED_URL },
  ]
}

/** The rules that hold: the built-in ones unless switched off, those of the application's own over them. */
export function rulesOf(settings: MonitorSettings): readonly SuspiciousRule[] {
  const named = new Map<string, SuspiciousRule>()
  const builtIn = settings.suspicious ? builtInRules(settings) : []
  for (const rule of [...builtIn, ...settings.rules]) named.set(rule.name, rule)
  return [...named.values()]
}

/** What is hidden by encoding must be seen by the rules: decoded twice, as careless servers do. */
export function decodedUrl(url: string): string {
  return decoded(decoded(url.slice(0, LONGEST_URL)))
}

function decoded(text: string): string {
  // Not decodeURIComponent, which refuses the whole text for one byte that is no UTF-8: the way to pass unseen.
  return text.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
}

/** As they came over the connection: names, values, and four characters a line. */
export function bytesOf(rawHeaders: readonly string[]): number {
  return rawHeaders.reduce((sum, text) => sum + text.length + 2, 0)
}
