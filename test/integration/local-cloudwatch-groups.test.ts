import {
  CreateLogGroupCommand,
  CreateLogStreamCommand,
  DescribeLogGroupsCommand,
  DescribeLogStreamsCommand,
  PutRetentionPolicyCommand,
} from '@aws-sdk/client-cloudwatch-logs'
import { describe, expect, it } from 'vitest'
import { GROUP, NOW, STREAM, setUp } from './local-client'

const INVALID = { name: 'InvalidParameterException' }

describe('groups and streams of the local endpoint', () => {
  it('are created once; the second time they exist already', async () => {
    const { client } = await setUp()
    const group = new CreateLogGroupCommand({ logGroupName: 'new' })
    await client.send(group)
    await expect(client.send(group)).rejects.toMatchObject({ name: 'ResourceAlreadyExistsException' })
    const stream = new CreateLogStreamCommand({ logGroupName: 'new', logStreamName: 's' })
    await client.send(stream)
    await expect(client.send(stream)).rejects.toMatchObject({ name: 'ResourceAlreadyExistsException' })
  })

  it('need their group', async () => {
    const { client } = await setUp()
    const missing = { name: 'ResourceNotFoundException', message: 'The specified log group does not exist.' }
    const logGroupName = 'missing'
    const commands = [
      new CreateLogStreamCommand({ logGroupName, logStreamName: 's' }),
      new PutRetentionPolicyCommand({ logGroupName, retentionInDays: 1 }),
      new DescribeLogStreamsCommand({ logGroupName }),
    ]
    for (const command of commands) {
      await expect(client.send(command as CreateLogStreamCommand)).rejects.toMatchObject(missing)
    }
  })

  it.each(['a', 'x'.repeat(512), '/aws/lambda/f', '.-_/#09AZaz'])('allow the group name %s', async (logGroupName) => {
    const { client } = await setUp()
    await client.send(new CreateLogGroupCommand({ logGroupName }))
    const { logGroups } = await client.send(new DescribeLogGroupsCommand({ logGroupNamePrefix: logGroupName }))
    expect(logGroups?.map((group) => group.logGroupName)).toEqual([logGroupName])
  })

  it.each(['', 'x'.repeat(513), 'with space', 'a:b', 'a*', 'ü', 'aws/own', 'line\n'])(
    'refuse the group name %j',
    async (logGroupName) => {
      const { client } = await setUp()
      await expect(client.send(new CreateLogGroupCommand({ logGroupName }))).rejects.toMatchObject(INVALID)
    },
  )

  it.each(['a', 'x'.repeat(512), 'with space/ü[$LATEST]'])('allow the stream name %s', async (logStreamName) => {
    const { client } = await setUp()
    await client.send(new CreateLogStreamCommand({ logGroupName: GROUP, logStreamName }))
    const { logStreams } = await client.send(new DescribeLogStreamsCommand({ logGroupName: GROUP }))
    expect(logStreams?.map((stream) => stream.logStreamName)).toContain(logStreamName)
  })

  it.each(['', 'x'.repeat(513), 'a:b', 'a*b'])('refuse the stream name %j', async (logStreamName) => {
    const { client } = await setUp()
    const command = new CreateLogStreamCommand({ logGroupName: GROUP, logStreamName })
    await expect(client.send(command)).rejects.toMatchObject(INVALID)
  })

  it('have a retention from the list of days, or none', async () => {
    const { client } = await setUp()
    const set = (retentionInDays: number) =>
      client.send(new PutRetentionPolicyCommand({ logGroupName: GROUP, retentionInDays }))
    const retention = async () =>
      (await client.send(new DescribeLogGroupsCommand({}))).logGroups?.map((group) => group.retentionInDays)
    expect(await retention()).toEqual([undefined])
    for (const days of [1, 14, 400, 3653]) await set(days)
    for (const days of [0, 2, -1, 3654, 10_000]) await expect(set(days)).rejects.toMatchObject(INVALID)
    expect(await retention()).toEqual([3653])
  })

  it('are described in pages of at most 50, by prefix or by part of the name', async () => {
    const { endpoint, client } = await setUp()
    for (let index = 0; index < 60; index++) endpoint.ensure(`g-${String(index).padStart(2, '0')}`)
    const first = await client.send(new DescribeLogGroupsCommand({ logGroupNamePrefix: 'g-' }))
    expect(first.logGroups).toHaveLength(50)
    const { nextToken } = first
    const second = await client.send(new DescribeLogGroupsCommand({ logGroupNamePrefix: 'g-', nextToken }))
    expect(second.logGroups?.map((group) => group.logGroupName)).toEqual(
      Array.from({ length: 10 }, (_, index) => `g-${50 + index}`),
    )
    expect(second.nextToken).toBeUndefined()
    const { logGroups } = await client.send(new DescribeLogGroupsCommand({ logGroupNamePattern: 'AUDIT' }))
    expect(logGroups).toMatchObject([{ logGroupName: GROUP, creationTime: NOW, logGroupClass: 'STANDARD' }])
    for (const limit of [0, 51]) {
      await expect(client.send(new DescribeLogGroupsCommand({ limit }))).rejects.toMatchObject(INVALID)
    }
    await expect(client.send(new DescribeLogGroupsCommand({ nextToken: 'made up' }))).rejects.toMatchObject(INVALID)
  })

  it('are described with the times of their events, in either order', async () => {
    const { endpoint, client, put } = await setUp()
    endpoint.ensure(GROUP, 'a-empty')
    await put([
      { timestamp: NOW - 5, message: 'x' },
      { timestamp: NOW - 2, message: 'y' },
    ])
    const byName = await client.send(new DescribeLogStreamsCommand({ logGroupName: GROUP }))
    expect(byName.logStreams?.map((stream) => stream.logStreamName)).toEqual(['a-empty', STREAM])
    const arn = byName.logStreams?.[0]?.arn?.split(':log-stream:')[0]
    const newest = await client.send(
      new DescribeLogStreamsCommand({ logGroupIdentifier: arn, orderBy: 'LastEventTime', descending: true, limit: 1 }),
    )
    expect(newest.logStreams).toMatchObject([
      { logStreamName: STREAM, firstEventTimestamp: NOW - 5, lastEventTimestamp: NOW - 2, lastIngestionTime: NOW },
    ])
    expect(newest.nextToken).toBeDefined()
  })

  it('cannot be ordered by time and chosen by prefix at once', async () => {
    const { client } = await setUp()
    const command = { logGroupName: GROUP, orderBy: 'LastEventTime', logStreamNamePrefix: 'm' } as const
    await expect(client.send(new DescribeLogStreamsCommand(command))).rejects.toMatchObject(INVALID)
  })

  it('are named by exactly one of name and identifier', async () => {
    const { client } = await setUp()
    for (const input of [{}, { logGroupName: GROUP, logGroupIdentifier: GROUP }]) {
      await expect(client.send(new DescribeLogStreamsCommand(input))).rejects.toMatchObject(INVALID)
    }
  })
})
