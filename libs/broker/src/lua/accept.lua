-- Writes a new request, or refuses it and stores nothing.
-- KEYS, only with an idempotency key: 15 who has that key ('<request> <fingerprint>'), 16 that request's record
-- ARGV: 3 application, 4 model, 5 stream 0|1, 6 include usage 0|1, 7 targets JSON, 8 timeout ms, 9 replica,
--       10 cap on the attempts waiting for the first target's provider, 11 body, 12 delay of the first job ms,
--       13 keep ms or '', 14 idempotency key or '', 15 its fingerprint, 16 what the caller read at KEYS 15 or '',
--       17 the first target's provider, 18 its longest wait ms or '', 19 endpoint
-- Returns {'accepted'}, {'queue_full', waiting, pace ms or ''}, {'attached', request}, {'conflict'}, or {'again'} if
-- the key was given to another meanwhile, so that KEYS 16 is not its record
if redis.call('EXISTS', REQ) == 1 then return { 'accepted' } end

-- A key whose request was lost, failed or cancelled is free: what failed may be tried again.
local function find_same_key()
  if (redis.call('GET', KEYS[15]) or '') ~= ARGV[16] then return { 'again' } end
  if ARGV[16] == '' then return nil end
  local request, fingerprint = string.match(ARGV[16], '^(%S+) (%S+)$')
  local seen = redis.call('HMGET', KEYS[16], 'state', 'outcome', 'removed')
  if not seen[1] or seen[3] or (seen[1] == 'ended' and seen[2] ~= 'completed') then return nil end
  return fingerprint == ARGV[15] and { 'attached', request } or { 'conflict' }
end

local ORPHAN_MS = 30000
local has_key = ARGV[14] ~= ''
local same = has_key and find_same_key()
if same then return same end
local provider = ARGV[17]
local waiting = depth(provider)
if waiting >= tonumber(ARGV[10]) then
  return { 'queue_full', waiting, redis.call('HGET', PACE, provider .. ':mean') or '' }
end

local timeout, keep = ARGV[8], ARGV[13]
local deadline = int(now() + timeout)
-- If everything of ours were gone for good, Redis would still forget the request an hour after its deadline.
local backstop = int(timeout + 3600000)
r.ticket = new_ticket(provider)
redis.call('HSET', REQ, 'v', '1', 'application', ARGV[3], 'model', ARGV[4], 'stream', ARGV[5],
  'include_usage', ARGV[6], 'endpoint', ARGV[19], 'targets', ARGV[7], 'timeout', timeout, 'readers', ARGV[9],
  'created', int(now()), 'deadline', deadline, 'state', 'waiting', 'target', '0', 'provider', provider, 'ticket', r.ticket,
  'due', int(now() + ARGV[12]), 'attempt', '1', 'placement', '1', 'epoch', '0', 'starts', '0', 'seq', '0',
  'visible', '0', 'last', '0-0', 'trail', '', 'keep', keep, 'bytes', int(#ARGV[11]))
redis.call('PEXPIRE', REQ, backstop)
redis.call('SET', BODY, ARGV[11], 'PX', backstop)
watch(ARGV[18] ~= '' and ARGV[18])
redis.call('ZADD', DEADLINES, deadline, ID)
-- Nobody's leaving cancels a request that is kept.
if keep == '' then redis.call('ZADD', ORPHANS, int(now() + ORPHAN_MS), ID) end
if has_key then
  redis.call('HSET', REQ, 'idempotency', ARGV[14])
  -- It outlives the record, without which it means nothing.
  redis.call('SET', KEYS[15], ID .. ' ' .. ARGV[15], 'PX', int(backstop + keep))
end
return { 'accepted' }
