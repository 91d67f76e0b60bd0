-- Renews the leases of a worker's runs. KEYS: 1 leases, then each run's req. ARGV: id, epoch of each run in turn.
-- Returns for each: ok, ended, fenced (another run holds it) or expired (its deadline has passed).
local LEASE_MS = 5000
local now = clock()
local replies = {}
for i = 2, #KEYS do
  local id, epoch = ARGV[2 * i - 3], ARGV[2 * i - 2]
  local seen = redis.call('HMGET', KEYS[i], 'state', 'epoch', 'deadline')
  if not seen[1] or seen[1] == 'ended' then
    replies[i - 1] = 'ended'
  elseif seen[1] ~= 'running' or seen[2] ~= epoch then
    replies[i - 1] = 'fenced'
  elseif now >= tonumber(seen[3]) then
    replies[i - 1] = 'expired'
  else
    redis.call('ZADD', KEYS[1], now + LEASE_MS, id)
    replies[i - 1] = 'ok'
  end
end
return replies
