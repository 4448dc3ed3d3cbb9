export const HELP = `audit-logger: ships audit events from Redis to CloudWatch Logs

Usage: audit-logger <command> [--json]

  worker               flush every LOG_INTERVAL minutes until SIGTERM
  flush                flush once and exit
  status               what is pending, in flight, deferred and dead, and how the last flush went
  check                try Redis, credentials, log group and stream, permissions and clocks
  dead-letter list     show the events that CloudWatch will never take, with their reasons
  dead-letter replay   put them back on the pending list
  dead-letter purge    delete them for good (needs --yes)

  --json               one JSON object on stdout; logs are on stderr either way
  --help               this page

Settings come from the environment; see docs/settings.md.`
