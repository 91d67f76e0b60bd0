-- The usage row of one upstream call. ARGV: 3 epoch, 4 usage JSON, or '' if none was made. Returns 1, also to the same again;
-- 0 if that run was found lost before, or never was.
if not load('epoch', 'application') then return 0 end
local epoch = tonumber(ARGV[3])
if epoch < 1 or epoch > tonumber(r.epoch) then return 0 end
return settle(ARGV[3], ARGV[4] == '' and 'none' or 'run', ARGV[4])
