/**
 * The one table of coded errors. A code is never reused for another meaning; each has its section in docs/errors.md
 * (a test compares the two). `{…}` parts are filled in from the error's details.
 */
export const ERRORS = {
  AUDIT_SETTINGS_INVALID: {
    what: 'The settings are not usable: {problems}',
    remedy: 'Correct every setting that is named; docs/settings.md lists what each accepts.',
  },
  AUDIT_SETTING_INVALID: {
    what: '{setting} is {given}.',
    remedy: 'Accepted: {accepted}.',
  },
  AUDIT_SETTING_MISSING: {
    what: '{setting} is not set.',
    remedy: 'Accepted: {accepted}.',
  },
  AUDIT_SETTING_UNKNOWN: {
    what: '{setting} does not exist.',
    remedy: 'Accepted: {accepted}.',
  },
  AUDIT_REDIS_UNAVAILABLE: {
    what: 'Redis cannot be reached: {cause}.',
    remedy: 'Check AUDIT_LOGGER_REDIS_URL and that Redis runs; the connection is tried again by itself.',
  },
  AUDIT_PUSH_DELAYED: {
    what: 'Events could not be pushed to Redis and wait in memory: {cause}.',
    remedy: 'Nothing is lost while they wait; see that Redis answers and accepts writes.',
  },
  AUDIT_BUFFER_FULL: {
    what: '{count} events were dropped because Redis took none and the buffer is full.',
    remedy: 'Make Redis reachable again; docs/outages.md states the bound of the buffer and how to extend it.',
  },
  AUDIT_CLOSED: {
    what: '{count} events were dropped because they came after close().',
    remedy: 'Call close() last, when no request is being served any more.',
  },
  AUDIT_CLOSE_INCOMPLETE: {
    what: '{count} events could not be pushed to Redis within {ms} ms of close() and are lost.',
    remedy: 'Make Redis reachable before the application ends, or set AUDIT_LOGGER_SPILL_DIRECTORY.',
  },
  AUDIT_EVENT_REFUSED: {
    what: 'The audit event could not be accepted now: {reason}.',
    remedy: 'Make Redis reachable again, or set AUDIT_LOGGER_SPILL_DIRECTORY to a disk with room.',
  },
  AUDIT_CLOSE_SPILLED: {
    what: '{count} events could not be pushed to Redis within {ms} ms of close() and wait in {directory}.',
    remedy: 'Nothing is lost: the next process with the same spill directory and prefix pushes them.',
  },
  AUDIT_SPILLING: {
    what: 'The buffer is full because Redis takes events too slowly or not at all; the oldest are written to {directory}.',
    remedy: 'Nothing is lost while the disk has room; make Redis reachable again.',
  },
  AUDIT_SPILL_FAILED: {
    what: 'The spill directory {directory} cannot be used: {problem}.',
    remedy: 'See that it exists on a local disk with room and that this process may write there; it is tried again.',
  },
  AUDIT_SPILL_FULL: {
    what: 'The spill files of this process have reached {bytes} bytes, the most that is allowed.',
    remedy: 'Make Redis reachable again, or raise AUDIT_LOGGER_SPILL_BYTES.',
  },
  AUDIT_SPILL_DAMAGED: {
    what: '{count} places of {file} hold no whole event and were passed over.',
    remedy: 'An unfinished line at the end is what a crash of the machine leaves; anything else points to the disk.',
  },
  AUDIT_SPILL_LOST: {
    what: '{count} events that waited in the spill directory {directory} are gone: {problem}.',
    remedy: 'Let nothing but this package change the spill directory.',
  },
  AUDIT_LEASE_LOST: {
    what: 'Another worker has taken over the lease of {owner}; nothing was changed.',
    remedy: 'Nothing to do: the other worker goes on. If it recurs, this process is stopped for longer than the lease.',
  },
  AUDIT_FLUSH_STOPPED: {
    what: 'The flush was asked to end before the outcome of its batch was known; the events are still pending.',
    remedy: 'Nothing to do: the next flush finds out which of them are stored.',
  },
  AUDIT_FLUSH_FAILED: {
    what: 'The flush failed: {cause}. The events are still pending.',
    remedy: 'Correct the cause; the next flush goes on where this one ended.',
  },
  AUDIT_NOTHING_FLUSHED: {
    what: '{count} events are pending, and for {minutes} minutes, two intervals, not one of them was flushed.',
    remedy: 'Nothing is lost; find what holds them up with `audit-logger status` and `audit-logger check`.',
  },
  AUDIT_CLOUDWATCH_DENIED: {
    what: 'CloudWatch Logs denies {permission} on {resource}: {cause}. The events are still pending.',
    remedy: 'Allow it (deploy/iam-policy.json has all that is needed), or see `audit-logger check`.',
  },
  AUDIT_CREDENTIALS_MISSING: {
    what: 'There are no AWS credentials: {cause}. The events are still pending.',
    remedy: 'Set AUDIT_LOGGER_KEY_ID and AUDIT_LOGGER_SECRET_ACCESS_KEY, or give the worker a role or a profile.',
  },
  AUDIT_CREDENTIALS_EXPIRED: {
    what: 'The AWS credentials have expired, or the clock of this machine is wrong: {cause}. The events are still pending.',
    remedy: 'Renew them, or use a role, whose credentials the SDK renews by itself; set the clock.',
  },
  AUDIT_CREDENTIALS_INVALID: {
    what: 'AWS does not know these credentials in region {region}: {cause}. The events are still pending.',
    remedy: 'Check the key, its secret, that it is active, and that the region is the right one.',
  },
  AUDIT_REGION_INVALID: {
    what: 'The AWS region ({region}) is missing or wrong: {cause}. The events are still pending.',
    remedy: 'Set AUDIT_LOGGER_REGION to the region of the log group.',
  },
  AUDIT_DESTINATION_INVALID: {
    what: 'CloudWatch Logs takes no {resource}: {cause}. The events are still pending.',
    remedy: 'Correct AUDIT_LOGGER_GROUP_NAME and AUDIT_LOGGER_STREAM_NAME.',
  },
  AUDIT_CLOUDWATCH_UNAVAILABLE: {
    what: 'CloudWatch Logs took nothing for too long: {cause}. The events are still pending.',
    remedy: 'Nothing is lost; the next flush tries again. See the AWS Health Dashboard and your quotas.',
  },
  AUDIT_CLOUDWATCH_UNREACHABLE: {
    what: 'CloudWatch Logs cannot be reached (region {region}): {cause}. The events are still pending.',
    remedy: 'Check AUDIT_LOGGER_REGION, AUDIT_LOGGER_ENDPOINT, DNS and the way out of this network.',
  },
  AUDIT_BATCH_REFUSED: {
    what: 'CloudWatch Logs refuses every event, {count} of them one by one: {cause}. They are still pending.',
    remedy: 'The reason is not in the events: correct what is named. None of this batch was made a dead letter.',
  },
  AUDIT_REJECTION_DOUBTED: {
    what: 'CloudWatch Logs answers ({answer}) what the times of {count} of {of} events contradict.',
    remedy: 'Nothing to do: the stream is read back to find out. If it recurs, check the clock of this machine.',
  },
  AUDIT_RETENTION_NOT_SET: {
    what: 'The log group {group} was made, but its retention of {days} days could not be set: {cause}.',
    remedy: 'Set it by hand and allow logs:PutRetentionPolicy; until then events are kept for ever.',
  },
  AUDIT_MESSAGE_INVALID: {
    what: 'A message of the log stream is no event: {problem}.',
    remedy: 'See what else writes to the stream; leave such messages out before you read.',
  },
  AUDIT_PARTS_INCOMPLETE: {
    what: 'Of {events} events that are stored in parts, some parts were not read: {missing}.',
    remedy: 'Read the stream from an earlier time to a later one.',
  },
  AUDIT_PARTS_CORRUPT: {
    what: 'The parts of event {id} do not give the event that was sent: {problem}.',
    remedy: 'Somebody changed or forged a message with this id; treat the event as not proven.',
  },
  AUDIT_RECONCILE_DENIED: {
    what: 'The log stream may not be read back ({cause}), so events of unknown outcome are sent again.',
    remedy: 'Allow logs:GetLogEvents to avoid duplicates; the id of an event tells them apart.',
  },
  AUDIT_DEAD_LETTER_UNKNOWN: {
    what: 'There is no dead letter with the id {id}.',
    remedy: 'See `audit-logger dead-letter list`; it may have been replayed or purged.',
  },
  AUDIT_HEALTH_UNAVAILABLE: {
    what: 'The health endpoint cannot listen on {address}: {cause}. The worker goes on without it.',
    remedy:
      'Give each worker of a machine its own AUDIT_LOGGER_HEALTH_PORT, and an AUDIT_LOGGER_HEALTH_HOST of its own.',
  },
  AUDIT_BACKLOG_OLD: {
    what: 'The oldest pending event is {age} old, {percent} % of the {limit} after which CloudWatch takes no event ({why}).',
    remedy: 'See why nothing is delivered: `audit-logger status`, then `audit-logger check`.',
  },
  AUDIT_COMMAND_INVALID: {
    what: 'The command cannot be run: {problem}.',
    remedy: 'See `audit-logger --help`.',
  },
  AUDIT_LOCAL_REDIS_MISSING: {
    what: 'No Redis could be started on this machine: {problems}',
    remedy: 'Install redis-server (Debian: apt-get install redis-server), or run npm ci, which brings js-redis-server.',
  },
  AUDIT_INVALID_CALL: {
    what: 'A call of {method} was wrong: {problem}. An event that says so was recorded in its place.',
    remedy: 'Correct the call; docs/events.md shows what each function takes.',
  },
  AUDIT_EVENT_UNKNOWN: {
    what: '{method} was called with {action}, which is no event of the catalogue.',
    remedy: 'Add it to defineEvents(), or correct the name. Without strict, the event is recorded and says so.',
  },
  AUDIT_EVENT_INVALID: {
    what: '{method} was called for {action} with content that does not match its schema: {problem}.',
    remedy: 'Correct the content or the schema. Without strict, the event is recorded as given and says so.',
  },
  AUDIT_EVENT_SENT: {
    what: 'The builder of {action} was used again after send(); nothing was recorded for that.',
    remedy: 'Make a builder for each event: build() is cheap.',
  },
  AUDIT_CATALOGUE_INVALID: {
    what: 'defineEvents: {action} is {given}.',
    remedy: 'Accepted: {accepted}.',
  },
  AUDIT_AUDITED_INVALID: {
    what: '@Audited on {method}: {option} is {given}.',
    remedy: 'Accepted: {accepted}.',
  },
  AUDIT_SKIP_FAILED: {
    what: 'The function skip of the settings failed: {problem}. The event was recorded.',
    remedy: 'Make it return true or false, without throwing and not as a promise.',
  },
  AUDIT_CAPTURE_FAILED: {
    what: 'An event could not be built whole: {problem}. It was recorded without that part and says so.',
    remedy: 'Correct the cause that is named; if it lies in this package, please report it.',
  },
  AUDIT_VALUE_UNREADABLE: {
    what: 'A value of an event could not be read ({path}); "[Unreadable]" stands in its place.',
    remedy: 'See why its getter, toJSON or proxy throws, or leave it out of what is recorded.',
  },
  AUDIT_JOB_CONTEXT_INVALID: {
    what: 'The context that job {job} of the queue {queue} carries is not usable: {problem}.',
    remedy:
      'Its events name no actor; add jobs through auditQueue, with the same version of this package (docs/jobs.md).',
  },
  AUDIT_MASK_KEY_MISSING: {
    what: 'An entity masks {path} by a keyed hash, and the settings have no key: *** was recorded.',
    remedy: 'Set AUDIT_LOGGER_MASK_KEY (option maskKey), or choose another mode in @AuditUpdateDelete.',
  },
  AUDIT_ACTOR_RESOLVER_FAILED: {
    what: 'The actorResolver of the settings failed: {problem}. The default fields of the user were recorded.',
    remedy: 'Make it return the fields of an actor, or undefined, without throwing and not as a promise.',
  },
  AUDIT_CONTEXT_OPTION_INVALID: {
    what: 'The option {option} of the request context is not usable: {problem}.',
    remedy: 'Correct it where the middleware or plugin is set up; docs/context.md lists what each option takes.',
  },
  AUDIT_CONTEXT_OPTION_FAILED: {
    what: 'The option {option} of the request context failed: {problem}. Events are recorded without it and say so.',
    remedy: 'Make the function return its value, not a promise, and not throw, also for requests without a user.',
  },
  AUDIT_LOGIN_HOOK_INVALID: {
    what: 'The login hook cannot be set up: {problem}.',
    remedy: 'Correct the call that sets it up; docs/login.md shows what each hook takes.',
  },
  AUDIT_LOGIN_HOOK_FAILED: {
    what: 'The function {option} of a login hook failed: {problem}. The login itself was not touched.',
    remedy: 'Correct the function of the options that is named; if none is, please report it.',
  },
  AUDIT_ORGANISATION_PATH_BROKEN: {
    what: 'The path {path} does not lead from the user to an organisation: {problem}. Events are recorded without one.',
    remedy: 'Correct AUDIT_LOGGER_USER_ORGANISATION_FIELD (userOrganisationField); docs/context.md explains the path.',
  },
  AUDIT_ORGANISATION_UNAVAILABLE: {
    what: 'The organisation of a user could not be loaded: {problem}. Events are recorded without it.',
    remedy:
      'See that the database answers, or give runWithContext the user with its organisation, or the organisation.',
  },
  AUDIT_DELIVERY_FAILED: {
    what: '{count} events could not be handed to the queue and are lost: {problem}',
    remedy: 'Correct the cause that is named; if it lies in this package, please report it.',
  },
  AUDIT_DECORATION_INVALID: {
    what: '@AuditUpdateDelete on {entity}: {option} is {given}.',
    remedy: 'Accepted: {accepted}.',
  },
  AUDIT_PROPERTY_UNKNOWN: {
    what: '@AuditUpdateDelete on {entity} names {name}, which is no property of it.',
    remedy: 'Correct the name: what it should show, hide or mask is not shown, hidden or masked.',
  },
  AUDIT_MODEL_UNKNOWN: {
    what: 'The setting {setting} names {name}, which is no entity of the data source.',
    remedy: 'Use the name of the class of an entity, or remove it from the list.',
  },
  AUDIT_INTERCEPTION_FAILED: {
    what: 'The statements of this version of TypeORM cannot be intercepted: {problem}. What its subscribers are told is captured, which leaves gaps that events name.',
    remedy: 'Use a version of TypeORM that this package supports, or update this package.',
  },
  AUDIT_STRICT: {
    what: 'A write was refused before it was committed, because strict is set and its event could not be recorded: {problem}',
    remedy:
      'Correct the cause and repeat the write, or set strict (AUDIT_LOGGER_STRICT) to false if writes matter more than their events.',
  },
  AUDIT_ATTACHED_TWICE: {
    what: 'Another AuditLogger is attached to this data source already, and each change would be recorded twice.',
    remedy: 'Attach one AuditLogger to a data source, or detach() the other one first.',
  },
  AUDIT_ATTACH_FAILED: {
    what: 'Capture could not be attached to the data source: {problem}',
    remedy: 'Attach after initialize(), or do not freeze the options of the data source.',
  },
  AUDIT_TRANSACTION_PREPARED: {
    what: '{count} events were dropped: PREPARE TRANSACTION hands the transaction over, and its outcome cannot be seen.',
    remedy: 'Record such changes with sendLog where COMMIT PREPARED has succeeded.',
  },
  AUDIT_COMMIT_UNKNOWN: {
    what: 'The answer to a COMMIT, or to a statement that commits by itself, did not come, so {count} events of unknown outcome were dropped: {problem}',
    remedy: 'Look in the database whether the transaction took effect; an event is only recorded when that is known.',
  },
} as const satisfies Record<`AUDIT_${string}`, { what: string; remedy: string }>
