-- A run: its lease, and what its call cost.
local LEASE_MS = 5000
local USAGE_ROWS = '100000'
-- Frames that the guess of a lost call's output looks at.
local LOST_FRAMES = '5000'

local function is_leased()
  local till = redis.call('ZSCORE', LEASES, ID)
  return till and tonumber(till) > now()
end

-- A row per upstream call, once: by the run itself, or by whoever found it lost; usage '' marks a run that made no
-- call. A removal comes first: whatever removes something may go on in a Redis that is full. Needs r.application.
local function settle(epoch, by, usage)
  redis.call('ZREM', UNSETTLED, ID .. '|' .. epoch)
  local field = 'usage:' .. epoch
  if redis.call('HSETNX', REQ, field, by) == 0 then return redis.call('HGET', REQ, field) == by and 1 or 0 end
  r[field] = by
  if usage == '' then return 1 end
  redis.call('XADD', USAGE, 'MAXLEN', '~', USAGE_ROWS, '*', 'v', '1', 'request', ID, 'epoch', epoch,
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
-- output that was logged. Needs r.targets, r.application.
local function settle_lost(epoch, target)
  local called = cjson.decode(r.targets)[target + 1]
  local bytes = tonumber(redis.call('HGET', REQ, 'bytes') or 0)
  settle(epoch, 'lost', cjson.encode({ v = 1, outcome = 'unknown', provider = called.provider, model = called.model,
    at = now(), promptTokens = math.ceil(bytes / 4), completionTokens = count_tokens(epoch), estimated = true }))
end

-- Is there a run that has not said what its call cost? Needs r.epoch.
local function is_owing()
  if r.state ~= 'running' or r['usage:' .. r.epoch] then return false end
  return redis.call('HEXISTS', REQ, 'usage:' .. r.epoch) == 0
end

-- A run that lost its lease can no longer say what its call cost. Needs r.epoch, r.target, r.targets, r.application.
local function lose_run()
  if is_owing() then settle_lost(r.epoch, r.target) end
end

-- A run that is over but has not said what its call cost has a lease's time left to do so. The caller saves.
-- Needs r.epoch, r.target.
local function leave_run()
  if not is_owing() then return end
  redis.call('ZADD', UNSETTLED, int(now() + LEASE_MS), ID .. '|' .. r.epoch)
  set('owed:' .. r.epoch, r.target)
end
