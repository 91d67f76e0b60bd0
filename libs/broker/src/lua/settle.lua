-- The usage row of one upstream call. ARGV: 3 epoch, 4 usage JSON, or '' if none was made. Returns 1, also to the same again;
-- 0 if that run was found lost before, or never was.
if not load('epoch', 'application') then return 0 end
return settle_own(ARGV[3], ARGV[4])
