-- The ledger's clock: Redis's own, in ms, so that no two processes disagree about a lease or a deadline.
-- Tests put another clock() in its place.
local function clock()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
