-- The sweeper saw the job of this placement. ARGV: 3 attempt, 4 placement. Returns 1, or 0 if it has moved on since.
if load('attempt', 'placement') ~= 'waiting' or r.attempt ~= ARGV[3] or r.placement ~= ARGV[4] then return 0 end
redis.call('ZREM', UNPLACED, ID)
return 1
