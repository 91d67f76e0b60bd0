-- What every script about one request starts with: its keys, its record, and the steps that scripts share.
--
-- KEYS: 1 req HASH, 2 body STRING, 3 log STREAM of the request; of its shard: 4 deadlines, 5 unplaced, 6 leases,
--       7 waits, 8 orphans (ZSETs, member: request id, score: when it is due, ms), 9 waiting (ZSET ordered by member:
--       '<provider>|<ms>|<id>'), 10 pace HASH, 11 usage STREAM, 12 dead STREAM, 13 unsettled
--       (ZSET as 4, member: '<id>|<epoch>'), 14 retrying (ZSET as 4)
-- ARGV: 1 request id, 2 prefix of the processes' channels, then each script's own
local REQ, BODY, LOG = KEYS[1], KEYS[2], KEYS[3]
local DEADLINES, UNPLACED, LEASES, WAITS, ORPHANS = KEYS[4], KEYS[5], KEYS[6], KEYS[7], KEYS[8]
local WAITING, PACE, USAGE, DEAD = KEYS[9], KEYS[10], KEYS[11], KEYS[12]
local UNSETTLED, RETRYING = KEYS[13], KEYS[14]
local ID, CHANNELS = ARGV[1], ARGV[2]

local LEASE_MS, PLACEMENT_GRACE_MS, ORPHAN_MS, ENDED_TTL_MS = 5000, 2000, 30000, 60000
local MAX_STARTS = 3
local END_ID = '9007199254740991-0'
-- A published entry above this size carries its id only; the reader fetches it from the log.
local PUBLISH_LIMIT = 65536
local USAGE_ROWS, DEAD_ROWS = 100000, 1000
-- Frames that the guess of a lost call's output looks at.
local LOST_FRAMES = 5000

local now = clock()
local r = {}

-- Reads these fields of the record into r (absent: false) and returns the state.
local function load(...)
  local names = { 'state', ... }
  local values = redis.call('HMGET', REQ, unpack(names))
  for i, name in ipairs(names) do r[name] = values[i] end
  return r.state
end

local function load_all()
  local flat = redis.call('HGETALL', REQ)
  for i = 1, #flat, 2 do r[flat[i]] = flat[i + 1] end
  return r.state
end

-- Sets fields of the record and of r alike.
local function save(...)
  local pairs_ = { ... }
  for i = 1, #pairs_, 2 do r[pairs_[i]] = tostring(pairs_[i + 1]) end
  redis.call('HSET', REQ, ...)
end

-- Logs an entry and tells the readers. Each message names its predecessor, so a reader sees a gap at once.
-- Needs r.last, r.readers; the caller saves the new r.last, with whatever else it saves.
local function write(entry, kind, bytes)
  redis.call('XADD', LOG, entry, 't', kind, 'b', bytes)
  local whole = #bytes <= PUBLISH_LIMIT
  local head = table.concat({ ID, entry, r.last, whole and kind or 'fetch' }, ' ')
  for reader in string.gmatch(r.readers, '%S+') do
    redis.call('PUBLISH', CHANNELS .. reader, head .. '\n' .. (whole and bytes or ''))
  end
  r.last = entry
end

-- The last frame and those before it share one path: a repeated seq is the resent command of a lost reply, and a gap
-- means that Redis refused the frame before (OOM), which must not be passed over in silence: false.
-- Needs r.epoch, r.seq, r.stream, r.last, r.readers.
local function write_frame(seq, bytes)
  local ahead = tonumber(seq) - tonumber(r.seq)
  if ahead <= 0 then return true end
  if ahead > 1 then return false end
  write(r.epoch .. '-' .. seq, 'data', bytes)
  save('seq', seq, 'visible', r.stream, 'last', r.last, 'first', r.first or now)
  return true
end

local function is_leased()
  local till = redis.call('ZSCORE', LEASES, ID)
  return till and tonumber(till) > now
end

local function allows(guard, value)
  if guard == 'epoch' then return r.state == 'running' and r.epoch == value end
  if guard == 'attempt' then return r.state == 'waiting' and r.attempt == value end
  if guard == 'deadline' then return now >= tonumber(r.deadline) end
  if guard == 'orphan' then
    local due = redis.call('ZSCORE', ORPHANS, ID)
    return due and now >= tonumber(due)
  end
  return guard == 'any'
end

local function guard_name(guard, value)
  if value == '' then return guard end
  return guard .. ':' .. value
end

-- How many attempts wait for the provider.
local function depth(provider)
  return redis.call('ZLEXCOUNT', WAITING, '[' .. provider .. '|', '(' .. provider .. '|~')
end

-- Puts the attempt where the sweeper watches it. A ticket is its place in the provider's queue: an attempt that runs
-- again after a crash or a hand-back keeps its own. Its job is due after the delay; the cool-down is part of the wait.
-- Needs r.target, r.targets.
local function wait_in_queue(fresh_ticket, delay)
  local target = cjson.decode(r.targets)[tonumber(r.target) + 1]
  if fresh_ticket then
    save('ticket', string.format('%s|%015d|%s', target.provider, now, ID))
  end
  save('state', 'waiting', 'provider', target.provider, 'token', '', 'worker', '', 'due', now + delay)
  redis.call('ZREM', LEASES, ID)
  redis.call('ZREM', RETRYING, ID)
  redis.call('ZADD', WAITING, 0, r.ticket)
  redis.call('ZADD', UNPLACED, now + PLACEMENT_GRACE_MS, ID)
  if target.maxQueueWaitMs then
    redis.call('ZADD', WAITS, now + target.maxQueueWaitMs, ID)
  else
    redis.call('ZREM', WAITS, ID)
  end
end

-- A row per upstream call, once: by the run itself, or by whoever found it lost; usage '' marks a run that made no
-- call. Needs r.application.
local function settle(epoch, by, usage)
  redis.call('ZREM', UNSETTLED, ID .. '|' .. epoch)
  if redis.call('HSETNX', REQ, 'usage:' .. epoch, by) == 0 then
    return redis.call('HGET', REQ, 'usage:' .. epoch) == by and 1 or 0
  end
  r['usage:' .. epoch] = by
  if usage == '' then return 1 end
  redis.call('XADD', USAGE, 'MAXLEN', '~', USAGE_ROWS, '*', 'v', 1, 'request', ID, 'epoch', epoch,
    'application', r.application, 'usage', usage)
  return 1
end

-- What a stream's run logged, in events; the first one has the role and no token.
local function count_tokens(epoch)
  local events = 0
  local frames = redis.call('XRANGE', LOG, epoch .. '-1', epoch .. '-9007199254740991', 'COUNT', LOST_FRAMES)
  for _, frame in ipairs(frames) do
    local _, count = string.gsub(frame[2][4], '\n\n', '')
    events = events + count
  end
  return math.max(0, events - 1)
end

-- Nobody can say any more what the call of this run cost: guessed from the prompt's bytes, four to a token, and from the
-- output that was logged. Needs r.targets.
local function settle_lost(epoch, target)
  local called = cjson.decode(r.targets)[tonumber(target) + 1]
  local bytes = tonumber(redis.call('HGET', REQ, 'bytes') or 0)
  settle(epoch, 'lost', cjson.encode({ v = 1, outcome = 'unknown', provider = called.provider, model = called.model,
    at = now, promptTokens = math.ceil(bytes / 4), completionTokens = count_tokens(epoch), estimated = true }))
end

-- A run that lost its lease can no longer say what its call cost. Needs the whole record.
local function lose_run()
  if r.state == 'running' and not r['usage:' .. r.epoch] then settle_lost(r.epoch, r.target) end
end

-- A run that is over but has not said what its call cost has a lease's time left to do so. Needs the whole record.
local function leave_run()
  if r.state ~= 'running' or r['usage:' .. r.epoch] then return end
  save('owed:' .. r.epoch, r.target)
  redis.call('ZADD', UNSETTLED, now + LEASE_MS, ID .. '|' .. r.epoch)
end

local function elapsed(field)
  if not r[field] then return 'null' end
  return tostring(tonumber(r[field]) - tonumber(r.created))
end

-- How long an ended request stays readable: a plain one for a reader that is slow, a kept one as long as was asked.
local function ended_ttl()
  return r.keep and r.keep ~= '' and tonumber(r.keep) or ENDED_TTL_MS
end

-- Ends the request, once and for all. params is JSON, code '' where there is none. A run that did not end it itself
-- is told; its lease renewal would tell it within a second anyway. Needs the whole record.
local function finish(outcome, code, params, by, keep_body)
  leave_run()
  for _, key in ipairs({ DEADLINES, UNPLACED, LEASES, WAITS, ORPHANS, RETRYING }) do redis.call('ZREM', key, ID) end
  redis.call('ZREM', WAITING, r.ticket)
  if keep_body then redis.call('PEXPIRE', BODY, ended_ttl()) else redis.call('DEL', BODY) end
  if r.state == 'running' and string.sub(by, 1, 6) ~= 'epoch:' then
    redis.call('PUBLISH', CHANNELS .. r.worker, ID .. ' ' .. r.epoch .. ' - stop\n')
  end
  save('state', 'ended', 'outcome', outcome, 'code', code, 'sealed_by', by, 'ended', now)
  write(END_ID, 'end', table.concat({
    '{"v":1,"outcome":"', outcome, '","code":', code == '' and 'null' or '"' .. code .. '"',
    ',"params":', params, ',"trail":[', r.trail, '],"attempts":', r.attempt,
    ',"queueMs":', elapsed('claimed'), ',"firstOutputMs":', elapsed('first'), ',"totalMs":', elapsed('ended'), '}',
  }))
  save('last', r.last)
  redis.call('PEXPIRE', REQ, ended_ttl())
  redis.call('PEXPIRE', LOG, ended_ttl())
end

local function interrupt(by)
  finish('failed', 'stream_interrupted', cjson.encode({ provider = r.provider, reason = 'its worker stopped' }), by)
end

-- A job to add. Needs r.attempt, r.placement, r.target, r.provider, r.due.
local function placed(kind)
  local delay = math.max(0, tonumber(r.due or 0) - now)
  return { kind, tonumber(r.attempt), tonumber(r.placement), tonumber(r.target), r.provider, delay }
end
