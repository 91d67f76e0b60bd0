-- A run that has not been heard of for a lease's time. Needs run.lua.

-- Frames that the guess of its output looks at.
local LOST_FRAMES = '5000'

local function is_leased()
  local till = redis.call('ZSCORE', LEASES, ID)
  return till and tonumber(till) > now()
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

-- A run that lost its lease can no longer say what its call cost. Needs r.epoch, r.target, r.targets, r.application.
local function lose_run()
  if is_owing() then settle_lost(r.epoch, r.target) end
end
