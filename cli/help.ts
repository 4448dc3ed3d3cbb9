export const HELP = `audit-logger: ships audit events from Redis to CloudWatch Logs

Usage: audit-logger <command> [--json]

  worker               flush every LOG_INTERVAL minutes until SIGTERM
  flush                flush once and exit
  status               what is pending, in flight, deferred and dead, and how the last flush went
  check                try Redis, credentials, log group and stream, permissions and clocks
  dead-letter list     the events that CloudWatch will never take, with their reasons
  dead-letter show ID  one of them whole
  dead-letter replay   put them back on the pending list
  dead-letter purge    delete them for good; asks first, or takes --yes

  --json               one JSON object on stdout; logs are on stderr either way
  --watch              status: again every 2 s (--every SECONDS) until Ctrl-C; with --json one object a line
  --reason A,B         dead-letter list, replay and purge: only those with such a reason
  --since, --until T   only those from T on, or before T: 2026-11-20T10:00:00Z, or 30m, 2h, 7d ago
  --id ID, --limit N   only those of one event; only the N oldest
  --help               this page

Settings come from the environment; see docs/settings.md.`
