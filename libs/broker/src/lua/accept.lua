-- Writes a new request, or refuses it and stores nothing.
-- ARGV: 3 application, 4 model, 5 stream 0|1, 6 include usage 0|1, 7 targets JSON, 8 timeout ms, 9 replica,
--       10 cap on the attempts waiting for the first target's provider, 11 body,
--       12 delay of the first job ms
-- Returns {'accepted'} or {'queue_full', waiting, pace ms or ''}
if load('ticket') then return { 'accepted' } end

local provider = cjson.decode(ARGV[7])[1].provider
local waiting = depth(provider)
if waiting >= tonumber(ARGV[10]) then
  return { 'queue_full', waiting, redis.call('HGET', PACE, provider .. ':mean') or '' }
end

local timeout = tonumber(ARGV[8])
save('v', 1, 'application', ARGV[3], 'model', ARGV[4], 'stream', ARGV[5], 'include_usage', ARGV[6],
  'targets', ARGV[7], 'timeout', timeout, 'readers', ARGV[9], 'created', now, 'deadline', now + timeout,
  'target', 0, 'attempt', 1, 'placement', 1, 'epoch', 0, 'starts', 0, 'seq', 0, 'visible', 0, 'last', '0-0',
  'trail', '', 'moved_by', '', 'sealed_by', '')
redis.call('SET', BODY, ARGV[11])
wait_in_queue(true, tonumber(ARGV[12]))
redis.call('ZADD', DEADLINES, now + timeout, ID)
redis.call('ZADD', ORPHANS, now + ORPHAN_MS, ID)
-- If everything of ours were gone for good, Redis would still forget the request an hour after its deadline.
redis.call('PEXPIRE', REQ, timeout + 3600000)
redis.call('PEXPIRE', BODY, timeout + 3600000)
return { 'accepted' }
