-- The sweeper's answer to a run that was over for a lease's time and has not said what its call cost: nobody will.
-- ARGV: 3 epoch. Returns 1, also to the same again; 0 if it has said so, has time left, or never was.
local epoch = ARGV[3]
local due = redis.call('ZSCORE', UNSETTLED, ID .. '|' .. epoch)
if not load('targets', 'application', 'owed:' .. epoch, 'usage:' .. epoch) then
  -- Redis was away for so long that the record has gone.
  if due then
    redis.call('ZREM', UNSETTLED, ID .. '|' .. epoch)
    redis.call('XADD', USAGE, 'MAXLEN', '~', USAGE_ROWS, '*', 'v', '1', 'request', ID, 'epoch', epoch, 'application', '',
      'usage', cjson.encode({ v = 1, outcome = 'unknown', at = now() }))
  end
  return due and 1 or 0
end
if r['usage:' .. epoch] == 'lost' then return 1 end
if not due or tonumber(due) > now() then return 0 end
settle_lost(epoch, r['owed:' .. epoch])
return 1
