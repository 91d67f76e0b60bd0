-- The sweeper found no job for this placement: the next one is due when that one was. ARGV: 3 attempt, 4 placement.
-- Returns {'placed', attempt, placement, target, provider, delay ms} to add, or {'no'} if it has moved on since.
if load('attempt', 'placement', 'target', 'provider', 'due') ~= 'waiting' or r.attempt ~= ARGV[3]
  or r.placement ~= ARGV[4] then
  return { 'no' }
end
set('placement', int(r.placement + 1))
save()
redis.call('ZADD', UNPLACED, int(now() + PLACEMENT_GRACE_MS), ID)
return placed('placed')
